import { DomainError } from '../../core/kernel/errors.ts'

/** The client went away, or took too long to send what it announced. */
export class BodyNotReceived extends Error {
  constructor(cause: unknown) {
    super('The request body did not arrive in time.', { cause })
    this.name = 'BodyNotReceived'
  }
}

/**
 * Reads a request body completely, at most `limit` bytes whatever its header promised. Throws `body_too_large`, and
 * `BodyNotReceived` when the signal is aborted or the connection ends before the body does.
 */
export async function readBody(request: Request, bounds: BodyBounds): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  await receiveBody(request, bounds, (part) => parts.push(part))
  return new Uint8Array(Buffer.concat(parts))
}

/** How large a body may be, in bytes, and until when it is waited for. */
export interface BodyBounds {
  limit: number
  signal: AbortSignal
}

/** As `readBody`, but gives each part to `take` as it arrives and keeps none. */
export async function receiveBody(
  request: Request,
  { limit, signal }: BodyBounds,
  take: (part: Uint8Array) => void,
): Promise<void> {
  if (Number(request.headers.get('content-length') ?? 0) > limit) {
    throw tooLarge(limit)
  }
  if (request.body === null) {
    return
  }
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(new BodyNotReceived(signal.reason))
  signal.addEventListener('abort', abort)
  try {
    signal.throwIfAborted()
    await Promise.race([forEachPart(request.body, limit, take), aborted.promise])
  } catch (error) {
    throw error instanceof DomainError ? error : new BodyNotReceived(error)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function tooLarge(limit: number): DomainError {
  return new DomainError('body_too_large', { limit: `${limit} bytes` })
}

async function forEachPart(body: ReadableStream<Uint8Array>, limit: number, take: (part: Uint8Array) => void): Promise<void> {
  let size = 0
  for await (const chunk of body) {
    size += chunk.byteLength
    if (size > limit) {
      throw tooLarge(limit)
    }
    take(chunk)
  }
}
