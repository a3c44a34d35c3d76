import { streamBytes, type ArchiveBytes } from './archive-bytes.ts'
import { ArchiveRefused, type ArchiveRefusal } from './archive-refusal.ts'
import { createArchiveTree, type ArchiveLimits, type ReadParts } from './archive-tree.ts'
import { decompressBzip2 } from './bzip2.ts'
import { createChunkReader } from './chunk-reader.ts'
import { inflateStream } from './inflate-stream.ts'
import { createIntegrityTree } from './integrity-tree.ts'
import { readTar } from './read-tar.ts'
import { readZip } from './read-zip.ts'
import { isTarHeader, TAR_BLOCK } from './tar-header.ts'

/** The formats of uploaded archives; also how their names end. */
export const ARCHIVE_FORMATS = ['zip', 'tar', 'tar.gz', 'tar.bz2'] as const

/** A format of archives that can be uploaded and served. */
export type ArchiveFormat = (typeof ARCHIVE_FORMATS)[number]

/** What an archive holds. */
export interface ReadArchive {
  format: ArchiveFormat
  /** Empty when the package is at the top, or when it is not looked for; else the only top directory with a slash. */
  root: string
  /** The bytes of the package's composer.json; empty when it is optional and not at the top, or not looked for. */
  manifest: Uint8Array
  /** Number of files and links. */
  files: number
  /** Their unpacked size. */
  bytes: number
}

/**
 * Reads an uploaded archive completely without unpacking it to disk, and finds the package's composer.json: at the top, or in the only top
 * directory (CO-075). The format is told by the content. The archive is refused, with the entry and the rule, when it is damaged, over a
 * limit, ambiguous, or when unpacking it could write outside its directory. Memory stays bounded by the limits on entries and
 * manifest. Failures of `file.read` pass unchanged.
 */
export async function readArchive(
  file: ArchiveBytes,
  limits: ArchiveLimits,
): Promise<{ ok: true; archive: ReadArchive } | { ok: false; refusal: ArchiveRefusal }> {
  try {
    const format = await findFormat(file)
    const isStrict = (limits.rules ?? 'upload') === 'upload'
    const tree = isStrict ? createArchiveTree(file.size, limits) : createIntegrityTree(limits)
    const parts: ReadParts = { tree, limits }
    if (format === 'zip') await readZip(file, parts)
    else await readTarOf(unpack(file, format), parts)
    return { ok: true, archive: { format, ...parts.tree.finish() } }
  } catch (error) {
    if (error instanceof ArchiveRefused) return { ok: false, refusal: error.refusal }
    throw error
  }
}

async function findFormat(file: ArchiveBytes): Promise<ArchiveFormat> {
  const head = await file.read(0, TAR_BLOCK)
  const start = Buffer.from(head.subarray(0, 4)).toString('latin1')
  if (start === 'PK\u0003\u0004' || start === 'PK\u0005\u0006') return 'zip'
  if (start.startsWith('\u001f\u008b')) return 'tar.gz'
  if (start.startsWith('BZh')) return 'tar.bz2'
  if (isTarHeader(head)) return 'tar'
  throw new ArchiveRefused('unknown_format', 'this is no zip, tar, tar.gz or tar.bz2')
}

function unpack(file: ArchiveBytes, format: Exclude<ArchiveFormat, 'zip'>): AsyncIterable<Uint8Array> {
  const packed = streamBytes(file)
  switch (format) {
    case 'tar':
      return packed
    case 'tar.gz':
      return inflateStream('gzip', packed)
    case 'tar.bz2':
      return decompressBzip2(packed)
  }
}

async function readTarOf(stream: AsyncIterable<Uint8Array>, parts: ReadParts): Promise<void> {
  const reader = createChunkReader(stream)
  try {
    await readTar(reader, parts)
  } finally {
    await reader.close()
  }
}
