import type { BlobReader } from '../../core/kernel/ports.ts'

/** An archive in an object store that clients are not sent to. */
export interface RemoteBody {
  size: number
  read: BlobReader
}

/** What is in memory for one client at a time; a second one is read ahead. */
const CHUNK = 1024 * 1024

/**
 * The bytes from `start` up to but not including `end`, read as fast as the client takes them. The runtime sends a stream in chunks, also where
 * its length is known; a failure in the middle breaks the connection before the last chunk, so nobody takes a part for the whole.
 */
export function streamRemote({ read }: RemoteBody, { start, end }: { start: number; end: number }): ReadableStream<Uint8Array> {
  let position = start
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (position < end) {
        const bytes = await read(position, Math.min(CHUNK, end - position))
        position += bytes.length
        controller.enqueue(bytes)
      }
      if (position >= end) {
        controller.close()
      }
    },
  })
}
