import { ArchiveRefused } from './archive-refusal.ts'

/** Reads bits, highest first. Bytes are loaded ahead, so that reading itself does not wait. */
export interface BitReader {
  /** Has at least this many bytes at hand unless the source ends before. False when there are none at all. */
  load(bytes: number): Promise<boolean>
  /** The next 1 to 24 bits as a number. Throws `ArchiveRefused` behind the end of what was loaded. */
  read(count: number): number
  /** Goes on to the next whole byte. */
  align(): void
  /** Ends the source early. */
  close(): Promise<void>
}

/** Reads a stream of chunks from its beginning. */
export function createBitReader(source: AsyncIterable<Uint8Array>): BitReader {
  const chunks = source[Symbol.asyncIterator]()
  let buffer: Uint8Array = new Uint8Array(0)
  let position = 0
  let held = 0
  let heldBits = 0

  return {
    async load(bytes) {
      const parts = [buffer.subarray(position)]
      let available = buffer.length - position
      while (available < bytes) {
        const next = await chunks.next()
        if (next.done === true) break
        parts.push(next.value)
        available += next.value.length
      }
      if (parts.length > 1) {
        buffer = Buffer.concat(parts)
        position = 0
      }
      return available > 0
    },
    read(count) {
      while (heldBits < count) {
        if (position === buffer.length) throw new ArchiveRefused('damaged', 'the compressed data is cut off')
        held = ((held << 8) | (buffer[position++] ?? 0)) & 0xffffffff
        heldBits += 8
      }
      heldBits -= count
      return (held >>> heldBits) & ((1 << count) - 1)
    },
    align() {
      heldBits -= heldBits % 8
    },
    async close() {
      await chunks.return?.()
    },
  }
}
