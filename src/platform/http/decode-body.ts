import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'
import { DomainError } from '../../core/kernel/errors.ts'

/** What is asked for where a compressed body is welcome. */
export const ACCEPTED_ENCODINGS = 'gzip, br, zstd, deflate'

/** Honest JSON is not much smaller compressed than this part of its size; a small body may be. */
const LARGEST_RATIO = 300
const ALWAYS_ALLOWED = 8 * 1_048_576

type Decoder = (
  body: Uint8Array,
  options: { maxOutputLength: number },
  callback: (error: Error | null, decoded: Uint8Array) => void,
) => void

/**
 * Decodes a complete body by its `Content-Encoding` (RFC 9110, 8.4), bounded in its decoded size and in how much larger than compressed it may be,
 * off the event loop. Throws `source_too_large`, and `source_unreachable` for an unknown encoding and for what cannot be decoded.
 */
export async function decodeBody(
  body: Uint8Array,
  { encoding, maxBytes, host }: { encoding: string | null; maxBytes: number; host: string },
): Promise<Uint8Array> {
  const names = (encoding ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
  const [name = '', ...others] = names.filter((one) => one !== '' && one !== 'identity')
  if (name === '' || body.length === 0) return body
  const decoder = findDecoder(name, body)
  if (decoder === null || others.length > 0) {
    throw new DomainError('source_unreachable', { problem: `${host} sent a body that is encoded in an unknown way` })
  }
  const limit = Math.min(maxBytes, Math.max(ALWAYS_ALLOWED, body.length * LARGEST_RATIO))
  return new Promise((resolve, reject) => {
    decoder(body, { maxOutputLength: limit }, (error, decoded) => {
      if (error === null) resolve(decoded)
      else reject(toFailure(error, { limit, host }))
    })
  })
}

function findDecoder(name: string, body: Uint8Array): Decoder | null {
  switch (name) {
    case 'gzip':
    case 'x-gzip':
      return gunzip
    case 'br':
      return brotliDecompress
    case 'zstd':
      return zstdDecompress
    case 'deflate':
      // Some servers leave out the zlib wrapper that the name stands for.
      return ((body[0] ?? 0) & 0x0f) === 8 ? inflate : inflateRaw
    default:
      return null
  }
}

function toFailure(error: Error, { limit, host }: { limit: number; host: string }): DomainError {
  if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') {
    return new DomainError('source_too_large', { limit: `${limit} bytes` }, error)
  }
  return new DomainError('source_unreachable', { problem: `${host} sent a compressed body that is broken` }, error)
}
