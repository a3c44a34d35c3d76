/**
 * Reads a tar file as clients unpack it: with PHP's PharData, which knows ustar and GNU's long names and passes over pax headers. So a
 * pax header may be there, but it must not say anything about name, link or size that the entry itself does not say: the
 * client would install a file under another name than everybody who looked at the archive saw.
 */
import { ArchiveRefused } from './archive-refusal.ts'
import { cleanPath, type ReadParts } from './archive-tree.ts'
import type { ChunkReader } from './chunk-reader.ts'
import { isTarHeader, isZeroBlock, readTarHeader, readText, TAR_BLOCK, type TarHeader } from './tar-header.ts'

/** Headers that describe the next entry are small; nothing on earth needs a longer name. */
const LONGEST_DESCRIPTION = 64 * 1024
/** Programs fill the last record with zeros; none has records of more than this. */
const MOST_PADDING = 1024 * 1024

const SPECIAL = new Map([
  ['3', 'a character device'],
  ['4', 'a block device'],
  ['6', 'a pipe'],
])

/** What headers in front of an entry say about it. */
interface Description {
  longName: string | null
  longLink: string | null
  pax: ReadonlyMap<string, string>
}

const NOTHING: Description = { longName: null, longLink: null, pax: new Map() }

/**
 * Adds every entry of a tar stream to the tree. Throws `ArchiveRefused`. Under other rules than those of uploads nobody is protected from what pax headers say
 * and PHP does not read: clients unpack without us, too.
 */
export async function readTar(reader: ChunkReader, parts: ReadParts): Promise<void> {
  const isStrict = (parts.limits.rules ?? 'upload') === 'upload'
  let description = NOTHING
  for (;;) {
    const block = await reader.take(TAR_BLOCK)
    if (block.length === TAR_BLOCK && isZeroBlock(block)) break
    if (!isTarHeader(block)) throw damaged(block.length < TAR_BLOCK ? 'the archive ends early' : 'this is no tar header')
    parts.tree.count()
    const header = readTarHeader(block)
    if (isStrict) {
      const described = await readDescription(reader, header, description)
      if (described === null) await readEntry(reader, describe(header, description), parts)
      description = described ?? NOTHING
    } else {
      description = await passEntry(reader, header, { description, parts })
    }
  }
  if (description !== NOTHING) throw damaged('the archive ends early')
  if (isStrict) await requirePadding(reader)
  else for await (const _ of reader.pieces(MOST_PADDING));
}

/** Takes an entry by its name, whatever its type, or remembers the long name of the next one. */
async function passEntry(
  reader: ChunkReader,
  header: TarHeader,
  { description, parts: { tree } }: { description: Description; parts: ReadParts },
): Promise<Description> {
  if (header.type === 'L' && header.size <= LONGEST_DESCRIPTION) {
    return { ...NOTHING, longName: readText(await readBody(reader, header)) }
  }
  if ('gxXLK'.includes(header.type)) {
    await passBody(reader, header)
    return description
  }
  const name = description.longName ?? header.name
  const kind = LINKS.get(header.type) ?? (header.type === '5' || name.endsWith('/') ? 'directory' : 'file')
  tree.add({ name, kind, target: null })
  tree.grow(header.size, name)
  await passBody(reader, header)
  return NOTHING
}

const LINKS = new Map<string, 'hardlink' | 'symlink'>([
  ['1', 'hardlink'],
  ['2', 'symlink'],
])

function damaged(problem: string): ArchiveRefused {
  return new ArchiveRefused('damaged', problem)
}

/** What a header that describes the next one adds, or null for the header of an entry. */
async function readDescription(reader: ChunkReader, header: TarHeader, known: Description): Promise<Description | null> {
  if (!'gxXLK'.includes(header.type)) return null
  if (header.size > LONGEST_DESCRIPTION) throw new ArchiveRefused('unsupported', 'a header is too long', header.name)
  const bytes = await readBody(reader, header)
  switch (header.type) {
    case 'L':
      return { ...known, longName: readText(bytes) }
    case 'K':
      return { ...known, longLink: readText(bytes) }
    case 'g':
      requireHarmless(parsePax(bytes))
      return known
    default:
      return { ...known, pax: parsePax(bytes) }
  }
}

/** Global headers, as git writes one with the commit, may say nothing that belongs to a single entry. */
function requireHarmless(pax: ReadonlyMap<string, string>): void {
  for (const key of ['path', 'linkpath', 'size']) {
    if (pax.has(key)) throw new ArchiveRefused('unsupported', `a global header sets "${key}"`)
  }
}

/** Records of `length key=value\n`, the length in decimal and of the whole record. */
function parsePax(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>()
  for (let start = 0; start < bytes.length;) {
    const space = bytes.indexOf(0x20, start)
    const digits = space < 0 ? '' : Buffer.from(bytes.subarray(start, space)).toString('latin1')
    const end = start + (/^[1-9]\d{0,6}$/.test(digits) ? Number(digits) : 0)
    if (end <= space || end > bytes.length || bytes[end - 1] !== 0x0a) throw damaged('a pax header cannot be read')
    const record = Buffer.from(bytes.subarray(space + 1, end - 1))
    const equals = record.indexOf(0x3d)
    if (equals < 1) throw damaged('a pax header cannot be read')
    const key = record.toString('latin1', 0, equals)
    if (key.startsWith('GNU.sparse.')) throw new ArchiveRefused('unsupported', 'the archive has sparse files')
    // Only these are judged; others may hold any bytes.
    if (['path', 'linkpath', 'size'].includes(key)) records.set(key, readText(record.subarray(equals + 1)))
    start = end
  }
  return records
}

/** The entry with its long names, which must not contradict a pax header. */
function describe(header: TarHeader, { longName, longLink, pax }: Description): TarHeader {
  // The short form is what other programs see, so it must be harmless too.
  if (longName !== null && header.name !== '') cleanPath(header.name)
  const described = { ...header, name: longName ?? header.name, linkName: longLink ?? header.linkName }
  const said: [key: string, own: string][] = [
    ['path', described.name],
    ['linkpath', described.linkName],
    ['size', String(described.size)],
  ]
  for (const [key, own] of said) {
    const value = pax.get(key)
    if (value === undefined || value === own) continue
    const advice = 'PHP does not read these; pack with "tar --format=gnu" or as zip'
    throw new ArchiveRefused('unsupported', `a pax header gives this entry another ${key}: ${advice}`, described.name)
  }
  return described
}

async function readEntry(reader: ChunkReader, header: TarHeader, parts: ReadParts): Promise<void> {
  const { name, type } = header
  const kind = kindOf(header)
  if (kind !== 'file' && header.size > 0) throw new ArchiveRefused('inconsistent', 'an entry that is no file has content', name)
  const isLink = kind === 'symlink' || kind === 'hardlink'
  const path = parts.tree.add({ name, kind, target: isLink ? header.linkName : null })
  if (kind !== 'file') return
  const isManifest = parts.tree.isManifest(path)
  if (isManifest && header.size > parts.limits.manifestBytes) {
    throw new ArchiveRefused('manifest_size', `composer.json has more than ${parts.limits.manifestBytes} bytes`, name)
  }
  // Before the content, so that a size that is too large is refused without waiting for the bytes.
  parts.tree.grow(header.size, name)
  if (isManifest) parts.tree.keepManifest(path, (await readBody(reader, { ...header, type })).slice())
  else await passBody(reader, header)
}

function kindOf({ name, type }: TarHeader): 'file' | 'directory' | 'symlink' | 'hardlink' {
  switch (type) {
    case '0':
    case '\0':
    case '7':
      // Before POSIX, a directory was a file whose name ends in a slash.
      return name.endsWith('/') ? 'directory' : 'file'
    case '1':
      return 'hardlink'
    case '2':
      return 'symlink'
    case '5':
      return 'directory'
    default: {
      const special = SPECIAL.get(type)
      if (special !== undefined) throw new ArchiveRefused('special_file', `the entry is ${special}`, name)
      throw new ArchiveRefused('unsupported', `entries of type ${JSON.stringify(type)} are not supported`, name)
    }
  }
}

async function readBody(reader: ChunkReader, { size, name }: TarHeader): Promise<Uint8Array> {
  const padded = await reader.take(Math.ceil(size / TAR_BLOCK) * TAR_BLOCK)
  if (padded.length < size) throw new ArchiveRefused('damaged', 'the archive ends early', name)
  return padded.subarray(0, size)
}

async function passBody(reader: ChunkReader, { size, name }: TarHeader): Promise<void> {
  let left = Math.ceil(size / TAR_BLOCK) * TAR_BLOCK
  for await (const piece of reader.pieces(left)) left -= piece.length
  if (left > 0) throw new ArchiveRefused('damaged', 'the archive ends early', name)
}

/** Some programs go on reading behind the end of an archive, so nothing may be there. */
async function requirePadding(reader: ChunkReader): Promise<void> {
  for await (const piece of reader.pieces(MOST_PADDING)) {
    if (!isZeroBlock(piece)) throw new ArchiveRefused('inconsistent', 'there is data behind the end of the archive')
  }
  if ((await reader.take(1)).length > 0) throw new ArchiveRefused('inconsistent', 'there is data behind the end of the archive')
}
