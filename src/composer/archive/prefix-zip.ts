/** Reads `length` bytes of something from a position on. */
type Reader = (position: number, length: number) => Promise<Uint8Array>

/** A part of the new zip: bytes of its own, or bytes of the zip that it is made of. */
interface Segment {
  /** Where it begins in the new zip. */
  at: number
  length: number
  bytes: Uint8Array | null
  /** Where it begins in the old one. */
  from: number
}

const LONGEST_END = 22 + 65_535
/** From here on places would need the extensions. */
const LARGEST_PLACE = 0xfffffffe
const LARGEST_DIRECTORY = 64 * 1024 * 1024

/**
 * The same zip with all of its entries below a directory, without unpacking it and without having it in memory: contents are read from the old one
 * when they are asked for. `directory` is ASCII without a slash at the end. Null for a zip that cannot be read so: one that is damaged or needs the
 * 64-bit extensions.
 */
export async function prefixZip(
  { size, read }: { size: number; read: Reader },
  directory: string,
): Promise<{ size: number; read: Reader } | null> {
  const end = await findEnd(size, read)
  if (end === null) {
    return null
  }
  const { offset, length, count, tail } = end
  const central = Buffer.from(await read(offset, length))
  const prefix = Buffer.from(`${directory}/`)
  const entries = listEntries(central, count)
  if (entries === null || size + 2 * count * prefix.length > LARGEST_PLACE) {
    return null
  }
  const segments = new Segments()
  const byPlace = entries.toSorted((left, right) => left.local - right.local)
  const places = new Map<number, number>()
  for (const [index, { local, nameLength }] of byPlace.entries()) {
    places.set(local, segments.size)
    const next = byPlace[index + 1]?.local ?? offset
    segments.copy(local, 26)
    segments.add(toUint16(nameLength + prefix.length))
    segments.copy(local + 28, 2)
    segments.add(prefix)
    segments.copy(local + 30, next - local - 30)
  }
  const start = segments.size
  for (const entry of entries) {
    const header = Buffer.from(central.subarray(entry.at, entry.at + 46))
    header.writeUInt16LE(entry.nameLength + prefix.length, 28)
    header.writeUInt32LE(places.get(entry.local) ?? 0, 42)
    segments.add(Buffer.concat([header, prefix, central.subarray(entry.at + 46, entry.at + entry.length)]))
  }
  tail.writeUInt32LE(segments.size - start, 12)
  tail.writeUInt32LE(start, 16)
  segments.add(tail)
  return { size: segments.size, read: (position, wanted) => segments.read(read, position, wanted) }
}

/** The end record with where the directory is. */
async function findEnd(size: number, read: Reader) {
  const length = Math.min(size, LONGEST_END)
  const bytes = Buffer.from(await read(size - length, length))
  const at = bytes.lastIndexOf(Buffer.from('PK\u0005\u0006'))
  if (at < 0 || bytes.length - at < 22) {
    return null
  }
  const tail = Buffer.from(bytes.subarray(at))
  const found = { count: tail.readUInt16LE(10), length: tail.readUInt32LE(12), offset: tail.readUInt32LE(16), tail }
  const isPlain = found.count < 0xffff && found.length < LARGEST_DIRECTORY && found.offset + found.length <= size
  return isPlain ? found : null
}

interface Entry {
  /** Where it begins in the directory, and how long it is there. */
  at: number
  length: number
  local: number
  nameLength: number
}

function listEntries(central: Buffer, count: number): Entry[] | null {
  const entries: Entry[] = []
  let at = 0
  while (entries.length < count) {
    if (at + 46 > central.length || central.readUInt32LE(at) !== 0x02014b50) {
      return null
    }
    const nameLength = central.readUInt16LE(at + 28)
    const length = 46 + nameLength + central.readUInt16LE(at + 30) + central.readUInt16LE(at + 32)
    const local = central.readUInt32LE(at + 42)
    if (at + length > central.length || local === 0xffffffff) {
      return null
    }
    entries.push({ at, length, local, nameLength })
    at += length
  }
  return entries
}

function toUint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

/** The parts of the new zip in order. */
class Segments {
  readonly #parts: Segment[] = []
  size = 0

  add(bytes: Uint8Array): void {
    this.#push({ at: this.size, length: bytes.length, bytes, from: 0 })
  }

  copy(from: number, length: number): void {
    this.#push({ at: this.size, length, bytes: null, from })
  }

  #push(part: Segment): void {
    this.#parts.push(part)
    this.size += part.length
  }

  /** One read of the old zip for all that is wanted of it. */
  async read(source: Reader, position: number, wanted: number): Promise<Uint8Array> {
    const end = Math.min(position + wanted, this.size)
    const parts = this.#parts.slice(this.#indexAt(position), this.#indexAt(end - 1) + 1)
    const copied = parts.filter((part) => part.bytes === null)
    const first = Math.min(...copied.map((part) => part.from + Math.max(0, position - part.at)))
    const last = Math.max(...copied.map((part) => part.from + Math.min(part.length, end - part.at)))
    const old = copied.length === 0 ? new Uint8Array() : await source(first, last - first)
    const result = new Uint8Array(Math.max(0, end - position))
    for (const { at, length, bytes, from } of parts) {
      const skip = Math.max(0, position - at)
      const take = Math.min(length, end - at)
      const piece = bytes === null ? old.subarray(from + skip - first, from + take - first) : bytes.subarray(skip, take)
      result.set(piece, at + skip - position)
    }
    return result
  }

  /** The part in which a position lies. */
  #indexAt(position: number): number {
    let low = 0
    let high = this.#parts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#parts[middle]?.at ?? 0) <= position) {
        low = middle
      } else {
        high = middle - 1
      }
    }
    return low
  }
}
