import { setImmediate } from 'node:timers/promises'
import type { DeflateCache } from './deflate-cache.ts'
import { packContent, storeContent, type PackedContent } from './pack-content.ts'
import type { SelectedFile } from './select-files.ts'
import type { ZipEntry } from './zip-writer.ts'

/** Reads git blobs whole, in the given order, every id as often as it is given; it is not asked for none. */
export type ReadBlobs = (objectIds: readonly string[]) => AsyncIterable<{ objectId: string; bytes: Uint8Array }>

/**
 * Turns selected files into zip entries in the same order. Only blobs that the cache does not hold are read; the event loop
 * runs after each one that is packed. Throws when `read` brings other blobs than asked for, so that no archive is built of wrong files.
 */
export async function* packFiles(
  files: readonly SelectedFile[],
  { read, cache }: { read: ReadBlobs; cache: DeflateCache },
): AsyncGenerator<ZipEntry, void, undefined> {
  const known = files.map((file) => (file.mode === 'symlink' ? null : cache.find(file.objectId)))
  const missing = files.filter((_, index) => known[index] === null).map((file) => file.objectId)
  const blobs = (missing.length === 0 ? nothing() : read(missing))[Symbol.asyncIterator]()
  try {
    for (const [index, file] of files.entries()) {
      const content = known[index] ?? (await packNext(file, { blobs, cache }))
      // Held content is let go as it is used, so that an evicted one does not stay in memory until the end.
      known[index] = null
      yield { path: file.path, mode: file.mode, content }
    }
  } finally {
    await blobs.return?.()
  }
}

async function packNext(
  file: SelectedFile,
  { blobs, cache }: { blobs: AsyncIterator<{ objectId: string; bytes: Uint8Array }>; cache: DeflateCache },
): Promise<PackedContent> {
  const next = await blobs.next()
  if (next.done === true || next.value.objectId !== file.objectId) {
    throw new Error(`The blob ${file.objectId} of ${JSON.stringify(file.path)} was not read.`)
  }
  if (file.mode === 'symlink') return storeContent(next.value.bytes)
  const packed = cache.find(file.objectId) ?? (await packContent(next.value.bytes))
  cache.keep(file.objectId, packed)
  await setImmediate()
  return packed
}

async function* nothing(): AsyncGenerator<never, void, undefined> {}
