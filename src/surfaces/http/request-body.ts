import { DomainError } from '../../core/kernel/errors.ts'

/**
 * Reads a request body completely, at most `limit` bytes whatever its header promised. Throws `body_too_large`.
 */
export async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  const tooLarge = new DomainError('body_too_large', { limit: `${limit} bytes` })
  if (Number(request.headers.get('content-length') ?? 0) > limit) {
    throw tooLarge
  }
  if (request.body === null) {
    return new Uint8Array()
  }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body) {
    size += chunk.byteLength
    if (size > limit) {
      throw tooLarge
    }
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}
