import { createHash, randomBytes } from 'node:crypto'
import { link, lstat, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { onStorage } from '../blobs/storage-errors.ts'
import { TAR_END, tarHeader, tarPadding } from './tar-member.ts'

/** There is a file of that name already; it was not touched. */
export class BackupExists extends Error {
  constructor(path: string) {
    super(`${path} exists already; a backup never replaces a file.`)
    this.name = 'BackupExists'
  }
}

/**
 * Writes a backup under a temporary name beside its place. `finish` makes it durable and gives it its name in one step, so a file with
 * that name is complete; `abandon` leaves nothing. The file has mode 0600. A disk that refuses writes is `storage_unavailable`.
 */
export interface BackupWriter {
  /** Adds a member and returns the hex SHA-256 of its content, which must have `size` bytes. */
  add(name: string, size: number, content: AsyncIterable<Uint8Array> | Uint8Array): Promise<string>
  /** Returns the size of the file in bytes. Throws `BackupExists`. */
  finish(): Promise<number>
  /** Removes the unfinished file; nothing after `finish`. */
  abandon(): Promise<void>
}

/** Begins a backup at `path`. Throws `BackupExists`. */
export async function createBackupWriter(path: string): Promise<BackupWriter> {
  await requireAbsent(path)
  await sweepAbandoned(dirname(path))
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(6).toString('hex')}.partial`)
  const file = await onStorage(() => open(temporary, 'wx', 0o600))
  let written = 0
  let isOpen = true

  async function write(bytes: Uint8Array): Promise<void> {
    await onStorage(() => writeWhole(file, bytes))
    written += bytes.length
  }

  return {
    async add(name, size, content) {
      await write(tarHeader(name, size))
      const hash = createHash('sha256')
      let left = size
      for await (const chunk of content instanceof Uint8Array ? [content] : content) {
        left -= chunk.length
        if (left < 0) {
          break
        }
        hash.update(chunk)
        await write(chunk)
      }
      if (left !== 0) {
        throw new Error(`The content of ${name} does not have ${size} bytes.`)
      }
      await write(new Uint8Array(tarPadding(size)))
      return hash.digest('hex')
    },
    async finish() {
      await write(TAR_END)
      await onStorage(() => file.sync())
      isOpen = false
      await file.close()
      await publish(temporary, path)
      return written
    },
    async abandon() {
      if (isOpen) {
        isOpen = false
        await file.close()
      }
      await rm(temporary, { force: true })
    },
  }
}

const ABANDONED = /^\..+\.\d+-[0-9a-f]{12}\.partial$/
const ABANDONED_AFTER = 24 * 60 * 60 * 1000

/** Removes what backups that were killed more than a day ago left. */
async function sweepAbandoned(directory: string): Promise<void> {
  for (const name of await onStorage(() => readdir(directory))) {
    const path = join(directory, name)
    const found = ABANDONED.test(name) ? await lstat(path).catch(() => null) : null
    if (found?.isFile() === true && found.mtimeMs < Date.now() - ABANDONED_AFTER) {
      await rm(path, { force: true })
    }
  }
}

async function writeWhole(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done)
    done += bytesWritten
  }
}

async function requireAbsent(path: string): Promise<void> {
  if ((await lstat(path).catch(() => null)) !== null) {
    throw new BackupExists(path)
  }
}

/** `link` never replaces a file. Where there are no links, a look before the renaming has to do. */
async function publish(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path)
    await rm(temporary, { force: true })
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') {
      throw new BackupExists(path)
    }
    await requireAbsent(path)
    await onStorage(() => rename(temporary, path))
  }
  await syncDirectory(dirname(path))
}

/** Makes names in a directory survive a crash of the machine. */
export async function syncDirectory(path: string): Promise<void> {
  await onStorage(async () => {
    const directory = await open(path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  })
}

/** Writes a file that did not exist, with mode 0600, and makes its content durable; its name is so after `syncDirectory`. */
export async function writeNewFile(path: string, content: AsyncIterable<Uint8Array> | Uint8Array): Promise<void> {
  await onStorage(async () => {
    const file = await open(path, 'wx', 0o600)
    try {
      for await (const chunk of content instanceof Uint8Array ? [content] : content) {
        await writeWhole(file, chunk)
      }
      await file.sync()
    } finally {
      await file.close()
    }
  })
}
