/** Archives built byte by byte, so that a test can say every field, the wrong ones too. */
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { readArchive, type ArchiveLimits } from '../../src/composer/index.ts'

/** An entry of a zip. Whatever is given replaces what would be right. */
export interface ZipEntrySpec {
  name: string | Uint8Array
  data?: string | Uint8Array
  method?: number
  flags?: number
  /** UNIX mode, for the upper half of the external attributes. */
  mode?: number
  /** Bytes that stand for the packed data. */
  packed?: Uint8Array
  crc?: number
  size?: number
  extra?: Uint8Array
  /** What only the local header says. */
  local?: { name?: string; size?: number; method?: number; extra?: Uint8Array; crc?: number; packedSize?: number }
  /** Bytes behind the data. */
  descriptor?: Uint8Array
  /** The local header is not written, and the directory names this place. */
  offset?: number
}

/** What differs at the end of a zip. */
export interface ZipEndSpec {
  entries?: number
  directorySize?: number
  directoryOffset?: number
  comment?: Uint8Array
  /** Stands between the directory and the end record. */
  beforeEnd?: (place: { offset: number; size: number; entries: number }) => Uint8Array
  prefix?: Uint8Array
}

const bytesOf = (data: string | Uint8Array) => (typeof data === 'string' ? Buffer.from(data) : Buffer.from(data))

export function buildZip(entries: readonly ZipEntrySpec[], end: ZipEndSpec = {}): Uint8Array {
  const parts: Uint8Array[] = [end.prefix ?? new Uint8Array(0)]
  const directory: Uint8Array[] = []
  let offset = parts[0]?.length ?? 0
  for (const spec of entries) {
    const name = bytesOf(spec.name)
    const data = bytesOf(spec.data ?? '')
    const method = spec.method ?? 8
    const packed = spec.packed ?? (method === 8 ? deflateRawSync(data) : data)
    const shared = {
      flags: spec.flags ?? 0,
      method,
      crc: spec.crc ?? crc32(data),
      packedSize: packed.length,
      size: spec.size ?? data.length,
    }
    const extra = Buffer.from(spec.extra ?? [])
    directory.push(centralHeader({ ...shared, name, extra, mode: spec.mode ?? 0o100644, offset: spec.offset ?? offset }))
    if (spec.offset !== undefined) continue
    const { local = {} } = spec
    const localName = bytesOf(local.name ?? name)
    const localExtra = Buffer.from(local.extra ?? [])
    const header = Buffer.alloc(30)
    header.writeUInt32LE(0x04034b50, 0)
    header.writeUInt16LE(20, 4)
    writeShared(header, 6, { ...shared, ...local })
    header.writeUInt16LE(localName.length, 26)
    header.writeUInt16LE(localExtra.length, 28)
    const written = [header, localName, localExtra, packed, Buffer.from(spec.descriptor ?? [])]
    parts.push(...written)
    for (const { length } of written) offset += length
  }
  const size = directory.map(({ length }) => length).reduce((sum, length) => sum + length, 0)
  const place = { offset, size, entries: entries.length }
  const record = Buffer.alloc(22)
  record.writeUInt32LE(0x06054b50, 0)
  record.writeUInt16LE(end.entries ?? entries.length, 8)
  record.writeUInt16LE(end.entries ?? entries.length, 10)
  record.writeUInt32LE(end.directorySize ?? size, 12)
  record.writeUInt32LE(end.directoryOffset ?? offset, 16)
  record.writeUInt16LE(end.comment?.length ?? 0, 20)
  const between = end.beforeEnd?.(place) ?? Buffer.alloc(0)
  return new Uint8Array(Buffer.concat([...parts, ...directory, between, record, end.comment ?? Buffer.alloc(0)]))
}

interface SharedFields {
  flags: number
  method: number
  crc: number
  packedSize: number
  size: number
}

function writeShared(target: Buffer, at: number, fields: SharedFields): void {
  target.writeUInt16LE(fields.flags, at)
  target.writeUInt16LE(fields.method, at + 2)
  target.writeUInt32LE(fields.crc, at + 8)
  target.writeUInt32LE(fields.packedSize, at + 12)
  target.writeUInt32LE(fields.size, at + 16)
}

function centralHeader(fields: SharedFields & { name: Buffer; extra: Buffer; mode: number; offset: number }): Buffer {
  const header = Buffer.alloc(46)
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE((3 << 8) | 20, 4)
  header.writeUInt16LE(20, 6)
  writeShared(header, 8, fields)
  header.writeUInt16LE(fields.name.length, 28)
  header.writeUInt16LE(fields.extra.length, 30)
  header.writeUInt32LE(fields.mode * 0x10000, 38)
  header.writeUInt32LE(fields.offset, 42)
  return Buffer.concat([header, fields.name, fields.extra])
}

/** An extra field of a zip. */
export function zipExtra(id: number, data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4)
  header.writeUInt16LE(id, 0)
  header.writeUInt16LE(data.length, 2)
  return Buffer.concat([header, data])
}

/** Numbers of 64 bits, little-endian. */
export function longs(...values: number[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 8)
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), index * 8)
  return bytes
}

/** The zip64 end record and its locator, saying what they are told to. */
export function zip64End(place: { offset: number; size: number; entries: number }, start: number): Uint8Array {
  const end = Buffer.alloc(56)
  end.writeUInt32LE(0x06064b50, 0)
  end.writeBigUInt64LE(44n, 4)
  end.set(longs(place.entries, place.entries, place.size, place.offset), 24)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(BigInt(start), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([end, locator])
}

/** An entry of a tar. */
export interface TarEntrySpec {
  name: string | Uint8Array
  data?: string | Uint8Array
  type?: string
  link?: string
  prefix?: string
  /** The size field as text, instead of the length of the data. */
  size?: string | Uint8Array
  /** GNU's magic instead of that of POSIX. */
  isGnu?: boolean
}

/** A tar of these entries with the two blocks of zeros that end it, or what is given instead. */
export function buildTar(entries: readonly TarEntrySpec[], end: Uint8Array = new Uint8Array(1024)): Uint8Array {
  return new Uint8Array(Buffer.concat([...entries.flatMap(tarEntry), end]))
}

function tarEntry(spec: TarEntrySpec): Buffer[] {
  const data = bytesOf(spec.data ?? '')
  const header = Buffer.alloc(512)
  header.set(bytesOf(spec.name).subarray(0, 100), 0)
  header.write('0000644\0', 100, 'latin1')
  header.set(bytesOf(spec.size ?? `${data.length.toString(8).padStart(11, '0')} `), 124)
  header.write('00000000000 ', 136, 'latin1')
  header.write('        ', 148, 'latin1')
  header.write(spec.type ?? '0', 156, 'latin1')
  header.set(bytesOf(spec.link ?? '').subarray(0, 100), 157)
  header.write(spec.isGnu === true ? 'ustar  \0' : 'ustar\u000000', 257, 'latin1')
  header.set(bytesOf(spec.prefix ?? ''), 345)
  let sum = 0
  for (const byte of header) sum += byte
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]
}

/** A pax header whose records say something about the entry behind it. */
export function paxHeader(records: Readonly<Record<string, string>>, type = 'x'): TarEntrySpec {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`)
    let length = rest + 1
    while (String(length).length + rest !== length) length += 1
    return `${length} ${key}=${value}\n`
  })
  return { name: 'PaxHeader', type, data: lines.join('') }
}

/** The package that most tests upload, in one of the formats. */
export function packageArchive(
  manifest: Readonly<Record<string, unknown>>,
  {
    format = 'zip',
    directory = '',
    content = 'content',
  }: { format?: 'zip' | 'tar' | 'tar.gz'; directory?: string; content?: string } = {},
): Uint8Array {
  const files = { 'composer.json': JSON.stringify({ name: 'acme/http', ...manifest }), CONTENT: content, 'src/a.php': '<?php\n' }
  const entries = Object.entries(files).map(([name, data]) => ({ name: `${directory}${name}`, data }))
  if (format === 'zip') return buildZip(entries)
  return format === 'tar' ? buildTar(entries) : new Uint8Array(gzipSync(buildTar(entries)))
}

/** Bytes as a stream of chunks. */
export async function* streamOf(bytes: Uint8Array, chunkSize = 1000): AsyncGenerator<Uint8Array, void, undefined> {
  for (let start = 0; start < bytes.length; start += chunkSize) yield bytes.subarray(start, start + chunkSize)
}

/** Limits small enough to be reached by a test. */
export const ARCHIVE_LIMITS = { entries: 100, bytes: 100 * 1024 * 1024, manifestBytes: 10_000 }

/** The entry that an archive needs. */
export const MANIFEST_ENTRY = { name: 'composer.json', data: '{"name":"acme/http"}' }

/** An acceptable zip but for these entries. */
export function zipWith(...entries: ZipEntrySpec[]): Uint8Array {
  return buildZip([MANIFEST_ENTRY, ...entries])
}

/** An acceptable tar but for these entries. */
export function tarWith(...entries: TarEntrySpec[]): Uint8Array {
  return buildTar([MANIFEST_ENTRY, ...entries])
}

/** Reads an archive in memory. */
export function readBytes(bytes: Uint8Array, limits: Partial<ArchiveLimits> = {}): ReturnType<typeof readArchive> {
  const file = { size: bytes.length, read: async (at: number, length: number) => bytes.subarray(at, at + length) }
  return readArchive(file, { ...ARCHIVE_LIMITS, ...limits })
}

/** `rule: problem` of a refusal, or the root of what was accepted. */
export async function archiveVerdict(bytes: Uint8Array, limits: Partial<ArchiveLimits> = {}): Promise<string> {
  const result = await readBytes(bytes, limits)
  return result.ok ? `accepted at "${result.archive.root}"` : `${result.refusal.rule}: ${result.refusal.problem}`
}
