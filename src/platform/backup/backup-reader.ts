import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { onStorage } from '../blobs/storage-errors.ts'
import { InvalidBackup } from './invalid-backup.ts'
import { readTarHeader, TAR_BLOCK, TAR_END, tarPadding } from './tar-member.ts'

/** A file in a backup. Its content is read at most once, while it is the current member. */
export interface BackupMember {
  name: string
  size: number
  content(): AsyncIterable<Uint8Array>
  /** Reads what is left of the content and returns the hex SHA-256 of all of it. */
  digest(): Promise<string>
}

const CHUNK = 256 * 1024

/**
 * The members of a backup in their order, from one pass over the file. Throws `InvalidBackup` for anything but files with plain names,
 * and for a file that ends early or goes on behind its end.
 */
export async function* readBackupMembers(path: string): AsyncGenerator<BackupMember, void, undefined> {
  const file = await onStorage(() => open(path, 'r'))
  try {
    for (;;) {
      const block = await readExactly(file, TAR_BLOCK)
      if (block.every((byte) => byte === 0)) {
        await requireEnd(file)
        return
      }
      const header = readTarHeader(block)
      if (header === null) {
        throw new InvalidBackup('it holds something else than the files of a backup, or is damaged.')
      }
      const member = createMember(file, header)
      yield member
      await member.digest()
      const padding = await readExactly(file, tarPadding(header.size))
      if (padding.some((byte) => byte !== 0)) {
        throw new InvalidBackup('it is damaged between two members.')
      }
    }
  } finally {
    await file.close()
  }
}

function createMember(file: FileHandle, { name, size }: { name: string; size: number }): BackupMember {
  const hash = createHash('sha256')
  let left = size
  let digest: string | null = null

  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    while (left > 0) {
      const chunk = await readExactly(file, Math.min(CHUNK, left))
      hash.update(chunk)
      left -= chunk.length
      yield chunk
    }
  }

  return {
    name,
    size,
    content,
    async digest() {
      for await (const chunk of content()) {
        void chunk
      }
      digest ??= hash.digest('hex')
      return digest
    },
  }
}

async function readExactly(file: FileHandle, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await onStorage(() => file.read(bytes, filled, length - filled, null))
    if (bytesRead === 0) {
      throw new InvalidBackup('it ends early; it was cut off, or is still being copied.')
    }
    filled += bytesRead
  }
  return bytes
}

async function requireEnd(file: FileHandle): Promise<void> {
  const rest = await readExactly(file, TAR_END.length - TAR_BLOCK)
  const { bytesRead } = await onStorage(() => file.read(new Uint8Array(1), 0, 1, null))
  if (rest.some((byte) => byte !== 0) || bytesRead !== 0) {
    throw new InvalidBackup('something follows its end.')
  }
}

/** The whole content of a small member. Throws `InvalidBackup` beyond `limit` bytes. */
export async function readWholeMember(member: BackupMember, limit: number): Promise<Buffer> {
  if (member.size > limit) {
    throw new InvalidBackup(`${member.name} is larger than it can be.`)
  }
  return Buffer.concat(await Array.fromAsync(member.content()))
}
