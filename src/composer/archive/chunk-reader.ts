/** Takes exact numbers of bytes from a stream of chunks of any size, and holds at most what was asked for and one chunk. */
export interface ChunkReader {
  /** The next bytes; fewer, down to none, only at the end of the stream. */
  take(length: number): Promise<Uint8Array>
  /** The next bytes in pieces as they come; fewer only at the end of the stream. */
  pieces(length: number): AsyncGenerator<Uint8Array, void, undefined>
  /** Ends the stream early. */
  close(): Promise<void>
}

/** Reads a stream of chunks from its beginning. */
export function createChunkReader(source: AsyncIterable<Uint8Array>): ChunkReader {
  const chunks = source[Symbol.asyncIterator]()
  let current: Uint8Array = new Uint8Array(0)
  let ended = false

  /** At most `length` bytes, at least one unless the stream is at its end. */
  async function next(length: number): Promise<Uint8Array> {
    while (current.length === 0 && !ended) {
      const result = await chunks.next()
      if (result.done === true) ended = true
      else current = result.value
    }
    const piece = current.subarray(0, length)
    current = current.subarray(piece.length)
    return piece
  }

  async function* pieces(length: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = length; left > 0;) {
      const piece = await next(left)
      if (piece.length === 0) return
      left -= piece.length
      yield piece
    }
  }

  return {
    pieces,
    async take(length) {
      const first = await next(length)
      if (first.length === length) return first
      const parts = [first]
      for await (const piece of pieces(length - first.length)) parts.push(piece)
      return Buffer.concat(parts)
    },
    async close() {
      ended = true
      await chunks.return?.()
    },
  }
}
