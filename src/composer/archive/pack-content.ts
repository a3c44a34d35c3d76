import { crc32 } from 'node:zlib'
import { setImmediate } from 'node:timers/promises'
import { Deflate, deflateSync, type DeflateOptions } from 'fflate'

/** The bytes of one file as they stand in a zip, with what its headers say about them. Sizes are in bytes. */
export interface PackedContent {
  method: 'stored' | 'deflated'
  /** CRC-32 of the unpacked bytes, unsigned. */
  crc32: number
  /** Size of the unpacked bytes. */
  size: number
  bytes: Uint8Array
}

/** The smallest content worth a try: shorter ones cannot shrink by more than a few bytes. */
const SMALLEST_DEFLATED = 16

/** Content above this is deflated in steps of this size. Both numbers are part of what makes archives reproducible. */
const STEP_BYTES = 256 * 1024

/**
 * Deflates content, or stores it when deflate does not make it smaller. The result depends on the bytes alone, on every
 * machine and for ever (docs/decisions/0004-deterministic-archives.md). The event loop runs between steps of 256 KiB.
 * The result does not keep the memory of `bytes` alive.
 */
export async function packContent(bytes: Uint8Array): Promise<PackedContent> {
  if (bytes.length < SMALLEST_DEFLATED) return storeContent(bytes)
  const deflated = bytes.length > STEP_BYTES ? await deflateInSteps(bytes) : deflateSync(bytes, deflateOptions(bytes.length))
  if (deflated.length >= bytes.length) return storeContent(bytes)
  return { method: 'deflated', crc32: crc32(bytes), size: bytes.length, bytes: deflated }
}

/** Takes content as it is, whatever its size; symbolic links are written so because some tools expect it. */
export function storeContent(bytes: Uint8Array): PackedContent {
  return { method: 'stored', crc32: crc32(bytes), size: bytes.length, bytes: bytes.slice() }
}

async function deflateInSteps(bytes: Uint8Array): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  const stream = new Deflate(deflateOptions(bytes.length), (part) => void parts.push(part))
  for (let start = 0; start < bytes.length; start += STEP_BYTES) {
    stream.push(bytes.subarray(start, start + STEP_BYTES), start + STEP_BYTES >= bytes.length)
    await setImmediate()
  }
  return new Uint8Array(Buffer.concat(parts))
}

/**
 * The memory level is given because the library would derive it from `Math.log`, whose last digit may differ between
 * engines. This is the same choice in integers: a hash table of about as many slots as there are bytes.
 */
function deflateOptions(size: number): DeflateOptions {
  const bits = Math.min(20, Math.max(12, 32 - Math.clz32(size)))
  return { level: 6, mem: (bits - 12) as NonNullable<DeflateOptions['mem']> }
}
