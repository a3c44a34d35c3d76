import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, opendir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Clock, Logger, StagedBlob, StoredBlob } from '../../core/kernel/ports.ts'
import type { BlobStore } from './blob-store.ts'
import { isFanOutName, isObjectName, objectPath, OBJECTS, TEMPORARY } from './paths.ts'
import { onStorage, unlessAbsent } from './storage-errors.ts'

/**
 * Blobs as files. A blob is written under a temporary name, synced, and renamed to its place; then the directories are
 * synced. So its name appears at once with the whole content, and what `put` acknowledged survives a crash of the machine.
 *
 * - Putting content that is there already replaces the file with the same bytes. That mends a damaged file, renews the time
 *   in `list`, and does not disturb readers, who keep the file they opened.
 * - After a failed sync the kernel may count the lost pages as written, so a file whose sync failed is thrown away, never
 *   synced again.
 * - A directory made by another process may not be on disk yet. Each process syncs the parents of every directory once
 *   before it relies on it, whoever made it.
 * - `remove` and a `put` of the same content do not wait for each other. Whoever collects garbage leaves young blobs alone, and
 *   says until when: the age is looked at again right before the file is removed.
 */
export type DiskBlobs = BlobStore

/** What a disk store is made of. `syncFile` makes an open file or directory durable; tests replace it to see it fail. */
export interface DiskBlobsParts {
  root: string
  clock: Clock
  log: Logger
  syncFile?: (file: FileHandle) => Promise<void>
}

const ABANDONED_AFTER = 60 * 60 * 1000
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

/** Blobs in files below `root`, which is created on the first write. */
export function createDiskBlobs({ root, clock, log, syncFile = (file) => file.sync() }: DiskBlobsParts): DiskBlobs {
  const directories = createDurableDirectories(root, syncFile)

  async function stage(content: AsyncIterable<Uint8Array>): Promise<StagedBlob> {
    const temporary = join(root, TEMPORARY, `${process.pid}-${randomBytes(12).toString('hex')}`)
    await onStorage(() => directories.createRoot())
    try {
      const blob = await writeFile({ path: temporary, content, syncFile })
      const keep = () => onStorage(() => publish({ root, temporary, blob, directories }))
      return createStagedBlob({ temporary, blob, keep, log })
    } catch (error) {
      await removeQuietly(temporary, log)
      throw error
    }
  }

  return {
    stage,

    async put(content) {
      const staged = await stage(content)
      await staged.keep()
      return { sha256: staged.sha256, sha1: staged.sha1, size: staged.size }
    },

    async locate(sha256) {
      const path = join(root, objectPath(sha256).path)
      const found = await unlessAbsent(() => stat(path))
      return found === null ? null : { kind: 'file', path, size: found.size }
    },

    async verify(sha256) {
      const digest = await unlessAbsent(() => hashFile(join(root, objectPath(sha256).path)))
      if (digest === null) return 'missing'
      return digest === sha256 ? 'intact' : 'damaged'
    },

    async remove(sha256, storedBefore) {
      const path = join(root, objectPath(sha256).path)
      if (storedBefore !== undefined) {
        const found = await unlessAbsent(() => stat(path))
        if (found === null || found.mtimeMs >= storedBefore) return
      }
      await onStorage(() => rm(path, { force: true }))
    },

    list: () => listObjects(root),
    sweep: () => sweepTemporary({ root, now: clock.now(), log }),
    // What a disk refuses, it refuses at once; there is nothing to know beforehand.
    findProblem: async () => null,
  }
}

interface DurableDirectories {
  /** Creates the root and the directory for unfinished blobs, and makes the root's own name durable. */
  createRoot(): Promise<void>
  /** Creates the directories of a blob and makes their names durable. */
  create(sha256: string): Promise<void>
  /** Makes the name of a blob in its directory durable. */
  syncLast(sha256: string): Promise<void>
}

function createDurableDirectories(root: string, syncFile: (file: FileHandle) => Promise<void>): DurableDirectories {
  const durable = new Set<string>()
  let rootReady: Promise<void> | null = null

  async function sync(directory: string): Promise<void> {
    const handle = await open(directory, 'r')
    try {
      await syncFile(handle)
    } finally {
      await handle.close()
    }
  }

  async function makeRoot(): Promise<void> {
    const created = await mkdir(root, { recursive: true, mode: DIRECTORY_MODE })
    // Parents are synced only when something was made in them: those of a mounted store may not be readable.
    if (created !== undefined) {
      for (const directory of listParents(root, dirname(resolve(created)))) await sync(directory)
    }
    await mkdir(join(root, TEMPORARY), { recursive: true, mode: DIRECTORY_MODE })
  }

  return {
    async createRoot() {
      rootReady ??= makeRoot()
      try {
        await rootReady
      } catch (error) {
        rootReady = null
        throw error
      }
    },
    async create(sha256) {
      const path = objectPath(sha256)
      const deepest = path.directories[2]
      await mkdir(join(root, deepest), { recursive: true, mode: DIRECTORY_MODE })
      if (durable.has(deepest)) return
      await sync(root)
      for (const directory of path.directories.slice(0, 2)) await sync(join(root, directory))
      durable.add(deepest)
    },
    syncLast: (sha256) => sync(join(root, objectPath(sha256).directories[2])),
  }
}

/** The directories above a path, from the nearest up to `last`. */
function listParents(path: string, last: string): string[] {
  const parents: string[] = []
  let directory = resolve(path)
  while (directory !== last && directory !== dirname(directory)) {
    directory = dirname(directory)
    parents.push(directory)
  }
  return parents
}

/** A written file that waits for its fate. Failing to keep it removes it. */
function createStagedBlob(input: { temporary: string; blob: StoredBlob; keep: () => Promise<void>; log: Logger }): StagedBlob {
  const { temporary, blob, keep, log } = input
  let file: FileHandle | null = null
  let isOpen = true

  async function end(work: () => Promise<void>): Promise<void> {
    if (!isOpen) return
    isOpen = false
    await file?.close()
    await work()
  }

  return {
    ...blob,
    async read(position, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, blob.size - position)))
      if (bytes.length === 0) return bytes
      file ??= await onStorage(() => open(temporary, 'r'))
      const reading = file
      const { bytesRead } = await onStorage(() => reading.read(bytes, 0, bytes.length, position))
      return bytes.subarray(0, bytesRead)
    },
    keep: () =>
      end(async () => {
        try {
          await keep()
        } catch (error) {
          await removeQuietly(temporary, log)
          throw error
        }
      }),
    discard: () => end(() => removeQuietly(temporary, log)),
  }
}

async function publish(input: {
  root: string
  temporary: string
  blob: StoredBlob
  directories: DurableDirectories
}): Promise<void> {
  const { sha256 } = input.blob
  await input.directories.create(sha256)
  await rename(input.temporary, join(input.root, objectPath(sha256).path))
  await input.directories.syncLast(sha256)
}

/** Failures of the content itself pass unchanged; those of the disk become `storage_unavailable`. */
async function writeFile(input: {
  path: string
  content: AsyncIterable<Uint8Array>
  syncFile: (file: FileHandle) => Promise<void>
}): Promise<StoredBlob> {
  const sha256 = createHash('sha256')
  const sha1 = createHash('sha1')
  let size = 0
  const file = await onStorage(() => open(input.path, 'wx', FILE_MODE))
  try {
    for await (const chunk of input.content) {
      sha256.update(chunk)
      sha1.update(chunk)
      size += chunk.length
      await onStorage(() => writeWhole(file, chunk))
    }
    await onStorage(() => input.syncFile(file))
  } finally {
    await onStorage(() => file.close())
  }
  return { sha256: sha256.digest('hex'), sha1: sha1.digest('hex'), size }
}

/** One write may take only a part, for example the last bytes of a full disk. */
async function writeWhole(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    const { bytesWritten } = await file.write(chunk, written, chunk.length - written)
    written += bytesWritten
  }
}

async function removeQuietly(path: string, log: Logger): Promise<void> {
  try {
    await rm(path, { force: true })
  } catch (error) {
    log.warn('An unfinished blob could not be removed; the next sweep will try again.', { error })
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'r')
  try {
    const buffer = new Uint8Array(256 * 1024)
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
}

async function* listObjects(root: string): AsyncGenerator<{ sha256: string; storedAt: number }, void, undefined> {
  for await (const first of listNames(join(root, OBJECTS), isFanOutName)) {
    for await (const second of listNames(first.path, isFanOutName)) yield* listDirectory(second.path)
  }
}

async function* listDirectory(directory: string): AsyncGenerator<{ sha256: string; storedAt: number }, void, undefined> {
  for await (const { name, path } of listNames(directory, isObjectName)) {
    const found = await unlessAbsent(() => stat(path))
    if (found !== null) yield { sha256: name, storedAt: Math.floor(found.mtimeMs) }
  }
}

async function sweepTemporary({ root, now, log }: { root: string; now: number; log: Logger }): Promise<number> {
  let swept = 0
  for await (const { path } of listNames(join(root, TEMPORARY), () => true)) {
    const found = await unlessAbsent(() => stat(path))
    if (found === null || found.mtimeMs > now - ABANDONED_AFTER) continue
    await onStorage(() => rm(path, { force: true }))
    swept++
  }
  if (swept > 0) log.info('Unfinished blobs of ended processes were removed.', { count: swept })
  return swept
}

/** The entries of a directory whose names are accepted; others, as `lost+found`, are not the store's. */
async function* listNames(
  directory: string,
  accepts: (name: string) => boolean,
): AsyncGenerator<{ name: string; path: string }, void, undefined> {
  const entries = await unlessAbsent(() => opendir(directory))
  if (entries === null) return
  for await (const { name } of entries) {
    if (accepts(name)) yield { name, path: join(directory, name) }
  }
}
