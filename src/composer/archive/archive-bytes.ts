/** A file that can be read anywhere. */
export interface ArchiveBytes {
  /** In bytes. */
  readonly size: number
  /** The bytes at a position; fewer only at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array>
}

const WINDOW_BYTES = 256 * 1024

/** The same file, read in larger pieces: what lies within the last piece costs nothing. */
export function windowed(file: ArchiveBytes): ArchiveBytes {
  let start = 0
  let window: Uint8Array = new Uint8Array(0)
  return {
    size: file.size,
    async read(position, length) {
      const end = Math.min(position + length, file.size)
      if (position < start || end > start + window.length) {
        window = await file.read(position, Math.max(length, WINDOW_BYTES))
        start = position
      }
      return window.subarray(position - start, end - start)
    },
  }
}

/** A part of a file as a stream, by default all of it. */
export async function* streamBytes(file: ArchiveBytes, start = 0, end = file.size): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = start; position < end;) {
    const piece = await file.read(position, Math.min(WINDOW_BYTES, end - position))
    if (piece.length === 0) return
    position += piece.length
    yield piece
  }
}
