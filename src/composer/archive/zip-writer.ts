import { comparePaths } from './compare-paths.ts'
import type { PackedContent } from './pack-content.ts'
import { centralHeader, endOfArchive, localHeader, toZipTime, type ZipMode, type ZipRecord } from './zip-records.ts'

/** One file of an archive. `path` is relative to the root, with `/` between its parts. */
export interface ZipEntry {
  path: string
  mode: ZipMode
  content: PackedContent
}

/** Small pieces are joined to chunks of about this size, so that an archive of many files is not as many writes. */
const CHUNK_BYTES = 64 * 1024

/** Sizes from here on would need zip64 entries; git blobs are read whole into memory and never come near. */
const LARGEST_FILE = 0xffffffff

/**
 * Writes a zip. The same entries and time give the same bytes on every machine, whatever the chunks. Entries must come
 * in byte order of their paths without repetition; anything else throws, because it is a mistake of the caller.
 * `modifiedAt` (milliseconds since 1970) becomes the modification time of every file.
 */
export async function* writeZip(
  entries: AsyncIterable<ZipEntry> | Iterable<ZipEntry>,
  { modifiedAt }: { modifiedAt: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const time = toZipTime(modifiedAt)
  const directory: Uint8Array[] = []
  const chunks = createChunks()
  let offset = 0
  let previous = ''
  for await (const entry of entries) {
    requireOrder(previous, entry.path)
    previous = entry.path
    const record = toRecord(entry, offset)
    const header = localHeader(record, time)
    directory.push(centralHeader(record, time))
    offset += header.length + entry.content.bytes.length
    yield* chunks.add(header)
    yield* chunks.add(entry.content.bytes)
  }
  let size = 0
  for (const header of directory) {
    size += header.length
    yield* chunks.add(header)
  }
  yield* chunks.add(endOfArchive({ entries: directory.length, offset, size }))
  yield* chunks.rest()
}

function requireOrder(previous: string, path: string): void {
  if (path === '' || comparePaths(previous, path) >= 0) {
    throw new Error(`Zip entries are out of order: ${JSON.stringify(path)} after ${JSON.stringify(previous)}.`)
  }
}

function toRecord(entry: ZipEntry, offset: number): ZipRecord {
  const name = Buffer.from(entry.path)
  if (name.length > 0xffff) throw new RangeError('A zip cannot hold a path of more than 65,535 bytes.')
  if (entry.content.size >= LARGEST_FILE) throw new RangeError('A file of 4 GiB or more cannot be archived.')
  return { name, mode: entry.mode, content: entry.content, offset }
}

function createChunks(): { add(piece: Uint8Array): Iterable<Uint8Array>; rest(): Iterable<Uint8Array> } {
  let pieces: Uint8Array[] = []
  let size = 0

  function* rest(): Iterable<Uint8Array> {
    if (size > 0) yield pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces, size)
    pieces = []
    size = 0
  }

  return {
    *add(piece) {
      if (piece.length >= CHUNK_BYTES) {
        yield* rest()
        yield piece
        return
      }
      pieces.push(piece)
      size += piece.length
      if (size >= CHUNK_BYTES) yield* rest()
    },
    rest,
  }
}
