/**
 * Reads a zip by its central directory and checks that the local headers, by which streaming programs unpack, say the same. Every
 * entry is inflated and compared with its declared size and checksum, so that no client unpacks more than what was counted here. No byte
 * belongs to two entries.
 */
import { isUtf8 } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import { crc32, inflateRawSync } from 'node:zlib'
import { streamBytes, windowed, type ArchiveBytes } from './archive-bytes.ts'
import { ArchiveRefused } from './archive-refusal.ts'
import type { ReadParts } from './archive-tree.ts'
import { inflateStream, isDataError } from './inflate-stream.ts'
import { findExtra, readZip64Fields, readZipDirectory, type ZipDirectoryEntry } from './zip-directory.ts'

/** An entry with its name decoded, and where its bytes are once its local header was read. */
interface ZipFile extends ZipDirectoryEntry {
  name: string
}

const LOCAL = 0x04034b50
const LOCAL_BYTES = 30
const DESCRIPTOR = 0x08074b50
const MAX_32 = 0xffffffff

const STORED = 0
const DEFLATED = 8

const ENCRYPTED = 0x0001
const HAS_DESCRIPTOR = 0x0008
const STRONGLY_ENCRYPTED = 0x0040
const UTF8 = 0x0800
const MASKED = 0x2000
/** The flags that change the meaning of an entry; the others are remarks of the program that packed it. */
const MEANINGFUL = ENCRYPTED | HAS_DESCRIPTOR | STRONGLY_ENCRYPTED | UTF8 | MASKED

const UNICODE_PATH_EXTRA = 0x7075

/** Larger entries are inflated as streams. */
const SMALL = 1024 * 1024
/** The event loop runs after this many unpacked bytes, or headers of small entries. */
const TURN_BYTES = 2 * 1024 * 1024
const ENTRY_COST = 16 * 1024

/**
 * Adds every entry of a zip to the tree. Throws `ArchiveRefused`. Under the rules of `integrity` the directory alone counts, as for the programs
 * that clients unpack with, and content that is not what it says is damaged; under those of `names` content is not looked at.
 */
export async function readZip(file: ArchiveBytes, parts: ReadParts): Promise<void> {
  const { tree } = parts
  const rules = parts.limits.rules ?? 'upload'
  const isStrict = rules === 'upload'
  const directory = await readZipDirectory(file, parts.limits.entries)
  const files: ZipFile[] = []
  for (const entry of directory.entries) {
    tree.count()
    const name = isStrict ? decodeName(entry) : decodeAnyName(entry)
    requireReadable(entry, name)
    // Before anything is inflated: a bomb is refused by what it says of itself.
    tree.grow(entry.size, name)
    files.push({ ...entry, name })
  }
  if (rules === 'names') {
    for (const entry of files) tree.add({ name: entry.name, kind: guessKind(entry), target: null })
    return
  }
  const ordered = files.sort((left, right) => left.offset - right.offset)
  const bytes = windowed(file)
  let free = 0
  let sinceTurn = 0
  for (const entry of ordered) {
    if (entry.offset < free) throw new ArchiveRefused('overlap', 'this entry shares bytes with another one', entry.name)
    const start = await (isStrict ? readLocalHeader(bytes, entry) : findContent(bytes, entry))
    free = start + entry.packedSize
    if (free > directory.offset) throw new ArchiveRefused('overlap', 'this entry reaches into the directory', entry.name)
    if (isStrict && (entry.flags & HAS_DESCRIPTOR) !== 0) free += await readDescriptor(bytes, entry, free)
    await readContent(bytes, { entry, start }, parts)
    sinceTurn += entry.size + ENTRY_COST
    if (sinceTurn > TURN_BYTES) {
      sinceTurn = 0
      await setImmediate()
    }
  }
}

/** Names are UTF-8 whether flagged or not; what else the format allows depends on the machine that unpacks. */
function decodeName({ rawName, extra }: ZipDirectoryEntry): string {
  try {
    const name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(rawName)
    requireSameUnicodeName(extra, rawName, name)
    return name
  } catch (error) {
    if (error instanceof ArchiveRefused) throw error
    throw new ArchiveRefused('name_encoding', 'the name is not UTF-8', Buffer.from(rawName).toString('latin1'))
  }
}

/** Older programs write names in the code page of their machine; any reading of those bytes is as good as another. */
function decodeAnyName({ rawName }: ZipDirectoryEntry): string {
  const bytes = Buffer.from(rawName)
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1')
}

/** Info-ZIP takes the name from this field, behind a version and a checksum. */
function requireSameUnicodeName(extra: Uint8Array, rawName: Uint8Array, name: string): void {
  const field = findExtra(extra, UNICODE_PATH_EXTRA)
  if (field !== null && !field.subarray(5).equals(rawName)) {
    throw new ArchiveRefused('inconsistent', 'a second name of this entry is another one', name)
  }
}

/** No program packs content into more than this beyond twice its size; who does hides something or wastes our memory. */
const PACKED_SLACK = 64 * 1024

function requireReadable({ flags, method, size, packedSize }: ZipDirectoryEntry, name: string): void {
  if ((flags & (ENCRYPTED | STRONGLY_ENCRYPTED | MASKED)) !== 0) {
    throw new ArchiveRefused('encrypted', 'the entry is encrypted', name)
  }
  if (method !== STORED && method !== DEFLATED) {
    throw new ArchiveRefused('unsupported', `compression method ${method} is not supported; use deflate`, name)
  }
  if (method === STORED ? packedSize !== size : packedSize > 2 * size + PACKED_SLACK) {
    throw new ArchiveRefused('inconsistent', 'the packed data is not of the size of the content', name)
  }
}

async function readLocalBytes(file: ArchiveBytes, entry: ZipFile): Promise<Buffer> {
  const header = Buffer.from(await file.read(entry.offset, LOCAL_BYTES))
  if (header.length < LOCAL_BYTES || header.readUInt32LE(0) !== LOCAL) {
    throw new ArchiveRefused('damaged', 'the entry is not where the directory says', entry.name)
  }
  return header
}

/** Where the bytes of an entry begin, whatever else its local header says. */
async function findContent(file: ArchiveBytes, entry: ZipFile): Promise<number> {
  const header = await readLocalBytes(file, entry)
  return entry.offset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28)
}

/** Reads the local header of an entry and returns where its bytes begin. */
async function readLocalHeader(file: ArchiveBytes, entry: ZipFile): Promise<number> {
  const header = await readLocalBytes(file, entry)
  const nameLength = header.readUInt16LE(26)
  const variable = await file.read(entry.offset + LOCAL_BYTES, nameLength + header.readUInt16LE(28))
  const extra = variable.subarray(nameLength)
  const isSame =
    Buffer.from(entry.rawName).equals(variable.subarray(0, nameLength)) &&
    (header.readUInt16LE(6) & MEANINGFUL) === (entry.flags & MEANINGFUL) &&
    header.readUInt16LE(8) === entry.method &&
    hasSameSizes(header, extra, entry)
  if (!isSame) throw new ArchiveRefused('inconsistent', 'the two headers of this entry contradict each other', entry.name)
  requireSameUnicodeName(extra, entry.rawName, entry.name)
  return entry.offset + LOCAL_BYTES + variable.length
}

/** With a descriptor behind the data, zeros or the largest values may stand in front of it. */
function hasSameSizes(header: Buffer, extra: Uint8Array, entry: ZipFile): boolean {
  const isOpen = (entry.flags & HAS_DESCRIPTOR) !== 0
  const raw = { size: header.readUInt32LE(22), packedSize: header.readUInt32LE(18) }
  const isUnsaid = (value: number) => isOpen && (value === 0 || value === MAX_32)
  const sizes = isUnsaid(raw.size) && isUnsaid(raw.packedSize) ? raw : readZip64Fields(extra, raw)
  const crc = header.readUInt32LE(14)
  return (
    (isUnsaid(sizes.size) || sizes.size === entry.size) &&
    (isUnsaid(sizes.packedSize) || sizes.packedSize === entry.packedSize) &&
    ((isOpen && crc === 0) || crc === entry.crc32)
  )
}

/** The length of the descriptor behind an entry's data, with or without signature, of 32 or 64 bits. */
async function readDescriptor(file: ArchiveBytes, entry: ZipFile, start: number): Promise<number> {
  const bytes = Buffer.from(await file.read(start, 24))
  for (const signature of [4, 0]) {
    for (const width of [4, 8] as const) {
      const length = signature + 4 + 2 * width
      if (bytes.length < length || (signature > 0 && bytes.readUInt32LE(0) !== DESCRIPTOR)) continue
      const read = (at: number) => (width === 4 ? bytes.readUInt32LE(at) : Number(bytes.readBigUInt64LE(at)))
      const said = [bytes.readUInt32LE(signature), read(signature + 4), read(signature + 4 + width)]
      if (said[0] === entry.crc32 && said[1] === entry.packedSize && said[2] === entry.size) return length
    }
  }
  throw new ArchiveRefused('inconsistent', 'what stands behind the data of this entry contradicts the directory', entry.name)
}

async function readContent(
  file: ArchiveBytes,
  { entry, start }: { entry: ZipFile; start: number },
  { tree, limits }: ReadParts,
): Promise<void> {
  if (limits.rules === 'integrity') {
    tree.add({ name: entry.name, kind: guessKind(entry), target: null })
    return unpackAny(file, { entry, start })
  }
  const kind = kindOf(entry)
  if (kind === 'directory' && entry.size > 0) throw new ArchiveRefused('inconsistent', 'a directory has content', entry.name)
  if (kind === 'symlink' && entry.size > LONGEST_TARGET) {
    throw new ArchiveRefused('unsafe_link', 'the target of this link is too long', entry.name)
  }
  const target = kind === 'symlink' ? decodeTarget(await unpackWhole(file, { entry, start }), entry) : null
  const path = tree.add({ name: entry.name, kind, target })
  if (kind === 'symlink') return
  if (kind === 'file' && tree.isManifest(path)) {
    if (entry.size > limits.manifestBytes) {
      throw new ArchiveRefused('manifest_size', `composer.json has more than ${limits.manifestBytes} bytes`, entry.name)
    }
    tree.keepManifest(path, (await unpackWhole(file, { entry, start })).slice())
    return
  }
  await unpackAny(file, { entry, start })
}

async function unpackAny(file: ArchiveBytes, { entry, start }: { entry: ZipFile; start: number }): Promise<void> {
  if (entry.size <= SMALL && entry.packedSize <= SMALL) await unpackWhole(file, { entry, start })
  else await unpackInPieces(file, { entry, start })
}

function guessKind({ mode, name }: ZipFile): 'file' | 'directory' | 'symlink' {
  if ((mode & TYPE_MASK) === SYMLINK) return 'symlink'
  return name.endsWith('/') ? 'directory' : 'file'
}

const TYPE_MASK = 0o170000
const SYMLINK = 0o120000
const TYPES = new Map<number, 'file' | 'directory' | 'symlink'>([
  [0, 'file'],
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [SYMLINK, 'symlink'],
])

function kindOf({ mode, name }: ZipFile): 'file' | 'directory' | 'symlink' {
  const type = TYPES.get(mode & TYPE_MASK)
  if (type === undefined) throw new ArchiveRefused('special_file', 'the entry is a device, a pipe or a socket', name)
  if (!name.endsWith('/')) {
    if (type === 'directory') throw new ArchiveRefused('inconsistent', 'a directory whose name does not end in a slash', name)
    return type
  }
  if (type === 'symlink') throw new ArchiveRefused('inconsistent', 'a symbolic link whose name ends in a slash', name)
  return 'directory'
}

const LONGEST_TARGET = 4096

function decodeTarget(bytes: Uint8Array, { name }: ZipFile): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new ArchiveRefused('unsafe_link', 'the target of this link is not UTF-8', name)
  }
}

function damaged({ name }: ZipFile): ArchiveRefused {
  return new ArchiveRefused('damaged', 'the data of this entry is damaged, or not of the size that it is declared to have', name)
}

/** Unpacks an entry of at most a few MiB, as declared and as it is. */
async function unpackWhole(file: ArchiveBytes, { entry, start }: { entry: ZipFile; start: number }): Promise<Uint8Array> {
  const packed = await file.read(start, entry.packedSize)
  if (packed.length < entry.packedSize) throw damaged(entry)
  const unpacked = entry.method === STORED ? packed : inflate(packed, entry)
  if (unpacked.length !== entry.size || crc32(unpacked) !== entry.crc32) throw damaged(entry)
  return unpacked
}

function inflate(packed: Uint8Array, entry: ZipFile): Uint8Array {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.size) })
  } catch (error) {
    const isTooLong = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    throw isTooLong || isDataError(error) ? damaged(entry) : error
  }
}

async function unpackInPieces(file: ArchiveBytes, { entry, start }: { entry: ZipFile; start: number }): Promise<void> {
  const packed = streamBytes(file, start, start + entry.packedSize)
  let size = 0
  let crc = 0
  for await (const piece of entry.method === STORED ? packed : inflateStream('raw', packed)) {
    size += piece.length
    if (size > entry.size) break
    crc = crc32(piece, crc)
  }
  if (size !== entry.size || crc !== entry.crc32) throw damaged(entry)
}
