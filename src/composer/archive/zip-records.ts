import type { PackedContent } from './pack-content.ts'

/** The records of a zip file, as in PKWARE's APPNOTE 6.3; all numbers are little-endian. */

const LOCAL_HEADER = 0x04034b50
const CENTRAL_HEADER = 0x02014b50
const END = 0x06054b50
const ZIP64_END = 0x06064b50
const ZIP64_LOCATOR = 0x07064b50

const ZIP64_EXTRA = 0x0001
const TIME_EXTRA = 0x5455

/** "Version made by": UNIX, so that readers take the upper half of the external attributes as a mode. */
const MADE_ON_UNIX = 3 << 8
const VERSION_DEFLATE = 20
const VERSION_ZIP64 = 45
const FLAG_UTF8 = 0x0800

const MAX_16 = 0xffff
const MAX_32 = 0xffffffff

const MODES = { file: 0o100644, executable: 0o100755, symlink: 0o120777 } as const

/** What kind of file an entry is; permissions are 0644, 0755 and 0777 whatever git or a umask says. */
export type ZipMode = keyof typeof MODES

/** One file as its two headers describe it. `offset` is where its local header starts. */
export interface ZipRecord {
  name: Uint8Array
  mode: ZipMode
  content: PackedContent
  offset: number
}

/** A point in time in the two forms that a zip carries. */
export interface ZipTime {
  dosDate: number
  dosTime: number
  /** The extended-timestamp extra field (modification time only); empty beyond the year 2038. */
  extra: Uint8Array
}

const EARLIEST = Date.UTC(1980, 0, 1)
const LATEST = Date.UTC(2107, 11, 31, 23, 59, 58)

/**
 * Converts milliseconds since 1970 to the times of an entry. The DOS time is UTC, and times that it cannot express are
 * moved to the nearest one that it can: 1980 to 2107, in steps of two seconds.
 */
export function toZipTime(instant: number): ZipTime {
  const clamped = Math.min(LATEST, Math.max(EARLIEST, instant))
  const date = new Date(clamped)
  const dosDate = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate()
  const dosTime = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1)
  const seconds = Math.floor(clamped / 1000)
  if (seconds > 0x7fffffff) return { dosDate, dosTime, extra: new Uint8Array(0) }
  const extra = Buffer.alloc(9)
  extra.writeUInt16LE(TIME_EXTRA, 0)
  extra.writeUInt16LE(5, 2)
  extra.writeUInt8(1, 4)
  extra.writeInt32LE(seconds, 5)
  return { dosDate, dosTime, extra }
}

/** The header in front of a file's bytes. */
export function localHeader(record: ZipRecord, time: ZipTime): Uint8Array {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(LOCAL_HEADER, 0)
  header.writeUInt16LE(VERSION_DEFLATE, 4)
  writeShared(header.subarray(6), record, time)
  header.writeUInt16LE(record.name.length, 26)
  header.writeUInt16LE(time.extra.length, 28)
  return Buffer.concat([header, record.name, time.extra])
}

/** The file's entry in the central directory. */
export function centralHeader(record: ZipRecord, time: ZipTime): Uint8Array {
  const far = record.offset >= MAX_32
  const version = far ? VERSION_ZIP64 : VERSION_DEFLATE
  const farExtra = far ? zip64Offset(record.offset) : new Uint8Array(0)
  const header = Buffer.alloc(46)
  header.writeUInt32LE(CENTRAL_HEADER, 0)
  header.writeUInt16LE(MADE_ON_UNIX | version, 4)
  header.writeUInt16LE(version, 6)
  writeShared(header.subarray(8), record, time)
  header.writeUInt16LE(record.name.length, 28)
  header.writeUInt16LE(time.extra.length + farExtra.length, 30)
  header.writeUInt32LE(MODES[record.mode] * 0x10000, 38)
  header.writeUInt32LE(far ? MAX_32 : record.offset, 42)
  return Buffer.concat([header, record.name, time.extra, farExtra])
}

/** The end of the archive; in zip64 form where the number of entries or an offset needs it. */
export function endOfArchive(directory: { entries: number; offset: number; size: number }): Uint8Array {
  const { entries, offset, size } = directory
  const end = Buffer.alloc(22)
  end.writeUInt32LE(END, 0)
  end.writeUInt16LE(Math.min(entries, MAX_16), 8)
  end.writeUInt16LE(Math.min(entries, MAX_16), 10)
  end.writeUInt32LE(Math.min(size, MAX_32), 12)
  end.writeUInt32LE(Math.min(offset, MAX_32), 16)
  if (entries < MAX_16 && offset < MAX_32 && size < MAX_32) return end
  return Buffer.concat([zip64End(directory), end])
}

/** What local and central headers have in common: flags, method, time, checksum and sizes (20 bytes). */
function writeShared(target: Buffer, record: ZipRecord, time: ZipTime): void {
  target.writeUInt16LE(FLAG_UTF8, 0)
  target.writeUInt16LE(record.content.method === 'deflated' ? 8 : 0, 2)
  target.writeUInt16LE(time.dosTime, 4)
  target.writeUInt16LE(time.dosDate, 6)
  target.writeUInt32LE(record.content.crc32, 8)
  target.writeUInt32LE(record.content.bytes.length, 12)
  target.writeUInt32LE(record.content.size, 16)
}

function zip64Offset(offset: number): Uint8Array {
  const extra = Buffer.alloc(12)
  extra.writeUInt16LE(ZIP64_EXTRA, 0)
  extra.writeUInt16LE(8, 2)
  extra.writeBigUInt64LE(BigInt(offset), 4)
  return extra
}

function zip64End(directory: { entries: number; offset: number; size: number }): Uint8Array {
  const end = Buffer.alloc(56)
  end.writeUInt32LE(ZIP64_END, 0)
  end.writeBigUInt64LE(44n, 4)
  end.writeUInt16LE(MADE_ON_UNIX | VERSION_ZIP64, 12)
  end.writeUInt16LE(VERSION_ZIP64, 14)
  end.writeBigUInt64LE(BigInt(directory.entries), 24)
  end.writeBigUInt64LE(BigInt(directory.entries), 32)
  end.writeBigUInt64LE(BigInt(directory.size), 40)
  end.writeBigUInt64LE(BigInt(directory.offset), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(ZIP64_LOCATOR, 0)
  locator.writeBigUInt64LE(BigInt(directory.offset + directory.size), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([end, locator])
}
