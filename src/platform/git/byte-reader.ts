/** Reads lines and counted bytes from a stream; asks for more only when it has to. */
export class ByteReader {
  readonly #stream: { read(): Promise<{ done: boolean; value?: Uint8Array | undefined }> }
  #chunk: Uint8Array = new Uint8Array(0)
  #offset = 0

  constructor(stream: ReadableStream<Uint8Array> | AsyncGenerator<Uint8Array, void, undefined>) {
    this.#stream = stream instanceof ReadableStream ? stream.getReader() : { read: () => readNext(stream) }
  }

  /** The bytes before the next `separator`, which is consumed; null at the end of the stream. A last part without separator counts. */
  async findUntil(separator: number): Promise<Buffer | null> {
    const parts: Uint8Array[] = []
    for (;;) {
      const at = this.#chunk.indexOf(separator, this.#offset)
      if (at >= 0) {
        parts.push(this.#chunk.subarray(this.#offset, at))
        this.#offset = at + 1
        return Buffer.concat(parts)
      }
      parts.push(this.#chunk.subarray(this.#offset))
      if (await this.#advance()) continue
      const rest = Buffer.concat(parts)
      return rest.length === 0 ? null : rest
    }
  }

  /** Exactly `count` bytes, or null when the stream ends before. */
  async findBytes(count: number): Promise<Uint8Array | null> {
    const bytes = new Uint8Array(count)
    let filled = 0
    while (filled < count) {
      if (this.#offset === this.#chunk.length && !(await this.#advance())) return null
      const part = this.#chunk.subarray(this.#offset, this.#offset + count - filled)
      bytes.set(part, filled)
      filled += part.length
      this.#offset += part.length
    }
    return bytes
  }

  async #advance(): Promise<boolean> {
    const next = await this.#stream.read()
    this.#chunk = next.value ?? new Uint8Array(0)
    this.#offset = 0
    return !next.done
  }
}

async function readNext(
  stream: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<{ done: boolean; value?: Uint8Array | undefined }> {
  const next = await stream.next()
  return next.done === true ? { done: true } : { done: false, value: next.value }
}

/** The lines of a stream as latin1 text, without their line feeds. */
export async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const reader = new ByteReader(stream)
  for (let line = await reader.findUntil(10); line !== null; line = await reader.findUntil(10)) yield line.toString('latin1')
}
