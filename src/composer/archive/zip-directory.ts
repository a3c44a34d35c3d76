/**
 * Reads the central directory of a zip (PKWARE APPNOTE 6.3), which is what clients unpack by. Different programs find different
 * directories in a file that was made to be ambiguous, so there must be exactly one: it ends where the end records begin, the
 * end records end where the file ends, and what is said twice is said alike.
 */
import type { ArchiveBytes } from './archive-bytes.ts'
import { ArchiveRefused } from './archive-refusal.ts'

/** An entry as the directory has it. Sizes and `offset`, the place of the local header, in bytes. */
export interface ZipDirectoryEntry {
  rawName: Uint8Array
  flags: number
  method: number
  crc32: number
  packedSize: number
  size: number
  offset: number
  /** The extra fields. */
  extra: Uint8Array
  /** The upper half of the external attributes: a UNIX mode, or 0. */
  mode: number
}

const END = 0x06054b50
const END_BYTES = 22
const ZIP64_LOCATOR = 0x07064b50
const LOCATOR_BYTES = 20
const ZIP64_END = 0x06064b50
const ZIP64_END_BYTES = 56
const CENTRAL = 0x02014b50
const CENTRAL_BYTES = 46
const MAX_16 = 0xffff
const MAX_32 = 0xffffffff
/** Of a directory; 200,000 entries have about 30 MiB. */
const LARGEST_DIRECTORY = 64 * 1024 * 1024
const ZIP64_EXTRA = 0x0001

interface Place {
  entries: number
  offset: number
  size: number
}

/** The entries in the order of the directory, and where it begins. Throws `ArchiveRefused`, also for more than `limit` entries. */
export async function readZipDirectory(
  file: ArchiveBytes,
  limit: number,
): Promise<{ entries: ZipDirectoryEntry[]; offset: number }> {
  const place = await findDirectory(file)
  if (place.entries > limit) throw new ArchiveRefused('too_many_entries', `the archive has more than ${limit} entries`)
  if (place.size > LARGEST_DIRECTORY) throw new ArchiveRefused('too_large', 'the directory of the archive is too large')
  const directory = Buffer.from(await file.read(place.offset, place.size))
  if (directory.length < place.size) throw damaged()
  const entries: ZipDirectoryEntry[] = []
  let position = 0
  while (position < directory.length) {
    if (entries.length === place.entries) throw inconsistent('the directory has more entries than the archive says')
    const { entry, length } = readEntry(directory.subarray(position))
    entries.push(entry)
    position += length
  }
  if (entries.length < place.entries) throw inconsistent('the directory has fewer entries than the archive says')
  return { entries, offset: place.offset }
}

function damaged(): ArchiveRefused {
  return new ArchiveRefused('damaged', 'the directory of the zip is damaged or cut off')
}

function inconsistent(problem: string): ArchiveRefused {
  return new ArchiveRefused('inconsistent', problem)
}

async function findDirectory(file: ArchiveBytes): Promise<Place> {
  const tailStart = Math.max(0, file.size - END_BYTES - MAX_16)
  const tail = Buffer.from(await file.read(tailStart, file.size - tailStart))
  const at = findEnd(tail)
  const end = tail.subarray(at)
  const place = { entries: end.readUInt16LE(10), size: end.readUInt32LE(12), offset: end.readUInt32LE(16) }
  const disks = [end.readUInt16LE(4), end.readUInt16LE(6)]
  const isSplit = end.readUInt16LE(8) !== place.entries || disks.some((disk) => disk !== 0 && disk !== MAX_16)
  if (isSplit) throw new ArchiveRefused('unsupported', 'the zip has several parts')
  const far = await findZip64(file, tailStart + at)
  const found = far?.place ?? place
  if (far !== null) requireSame(place, far.place)
  const directoryEnd = far?.start ?? tailStart + at
  if (found.offset + found.size !== directoryEnd) {
    throw inconsistent('the directory of the zip is not where the archive says; there may be other data in front of the archive')
  }
  return found
}

/** The end record is the one whose comment ends with the file; a second possible one would be ambiguous. */
function findEnd(tail: Buffer): number {
  const found: number[] = []
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    if (tail.readUInt32LE(at) === END && at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length) found.push(at)
  }
  const [at] = found
  if (at === undefined) throw damaged()
  if (found.length > 1) throw inconsistent('the zip has two end records')
  return at
}

async function findZip64(file: ArchiveBytes, endStart: number): Promise<{ place: Place; start: number } | null> {
  if (endStart < LOCATOR_BYTES) return null
  const locator = Buffer.from(await file.read(endStart - LOCATOR_BYTES, LOCATOR_BYTES))
  if (locator.readUInt32LE(0) !== ZIP64_LOCATOR) return null
  const start = toNumber(locator.readBigUInt64LE(8))
  const end = Buffer.from(await file.read(start, Math.min(ZIP64_END_BYTES, Math.max(0, endStart - start))))
  if (end.length < ZIP64_END_BYTES || end.readUInt32LE(0) !== ZIP64_END) throw damaged()
  const length = 12 + toNumber(end.readBigUInt64LE(4))
  if (start + length !== endStart - LOCATOR_BYTES) throw inconsistent('the zip64 end record is not where the archive says')
  const place = {
    entries: toNumber(end.readBigUInt64LE(32)),
    size: toNumber(end.readBigUInt64LE(40)),
    offset: toNumber(end.readBigUInt64LE(48)),
  }
  const disks = [end.readUInt32LE(16), end.readUInt32LE(20)]
  if (end.readBigUInt64LE(24) !== BigInt(place.entries) || disks.some((disk) => disk !== 0)) {
    throw new ArchiveRefused('unsupported', 'the zip has several parts')
  }
  return { place, start }
}

/** The classic record holds the same numbers, or its largest where the zip64 record must be asked. */
function requireSame(near: Place, far: Place): void {
  const isSame =
    (near.entries === MAX_16 || near.entries === far.entries) &&
    (near.size === MAX_32 || near.size === far.size) &&
    (near.offset === MAX_32 || near.offset === far.offset)
  if (!isSame) throw inconsistent('the two end records of the zip contradict each other')
}

function toNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw inconsistent('the zip names a place beyond its end')
  return Number(value)
}

function readEntry(rest: Buffer): { entry: ZipDirectoryEntry; length: number } {
  if (rest.length < CENTRAL_BYTES || rest.readUInt32LE(0) !== CENTRAL) throw damaged()
  const nameLength = rest.readUInt16LE(28)
  const extraLength = rest.readUInt16LE(30)
  const length = CENTRAL_BYTES + nameLength + extraLength + rest.readUInt16LE(32)
  if (length > rest.length) throw damaged()
  const rawName = rest.subarray(CENTRAL_BYTES, CENTRAL_BYTES + nameLength)
  const extra = rest.subarray(CENTRAL_BYTES + nameLength, CENTRAL_BYTES + nameLength + extraLength)
  const near = { size: rest.readUInt32LE(24), packedSize: rest.readUInt32LE(20), offset: rest.readUInt32LE(42) }
  const { size, packedSize, offset } = readZip64Fields(extra, near)
  const disk = rest.readUInt16LE(34)
  if (disk !== 0 && disk !== MAX_16) throw new ArchiveRefused('unsupported', 'the zip has several parts')
  const entry = {
    rawName,
    flags: rest.readUInt16LE(8),
    method: rest.readUInt16LE(10),
    crc32: rest.readUInt32LE(16),
    packedSize,
    size,
    offset: offset ?? 0,
    extra,
    mode: rest.readUInt16LE(40),
  }
  return { entry, length }
}

/** Numbers with the largest value of 32 bits stand in the zip64 extra field, in this order. `offset` is not part of local headers. */
export function readZip64Fields<Fields extends { size: number; packedSize: number; offset?: number }>(
  extra: Uint8Array,
  near: Fields,
): Fields {
  const wanted = (['size', 'packedSize', 'offset'] as const).filter((name) => near[name] === MAX_32)
  if (wanted.length === 0) return near
  const field = findExtra(extra, ZIP64_EXTRA)
  if (field === null || field.length < wanted.length * 8) throw inconsistent('a zip64 field is missing')
  const values = wanted.map((name, index) => [name, toNumber(field.readBigUInt64LE(index * 8))])
  return { ...near, ...Object.fromEntries(values) }
}

/** The content of an extra field, or null. Of several with one id the first counts; a field that is cut off is damage. */
export function findExtra(extra: Uint8Array, id: number): Buffer | null {
  const fields = Buffer.from(extra.buffer, extra.byteOffset, extra.byteLength)
  let found: Buffer | null = null
  // Up to three bytes at the end are padding that some programs leave.
  for (let at = 0; at + 4 <= fields.length;) {
    const end = at + 4 + fields.readUInt16LE(at + 2)
    if (end > fields.length) throw damaged()
    if (fields.readUInt16LE(at) === id) found ??= fields.subarray(at + 4, end)
    at = end
  }
  return found
}
