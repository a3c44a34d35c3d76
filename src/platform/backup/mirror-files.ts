/**
 * A mirror in a backup is its refs, the list of refs that could not be mirrored, and its packs. Configuration and hooks are neither saved nor
 * restored: they are the same for every mirror, and in a crafted backup they could name programs.
 */
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { onStorage, unlessAbsent } from '../blobs/storage-errors.ts'
import { syncDirectory, writeNewFile } from './backup-writer.ts'

const REFS = 'packed-refs'
const UNUSABLE = 'repertoire-unusable.json'
const PACK = /^pack-[0-9a-f]{40}\.(pack|idx)$/
const CONFIGURATION = '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n'
const CHUNK = 1024 * 1024

/** One file of a mirror; `content` is read once. */
export interface MirrorFile {
  name: string
  size: number
  content: AsyncIterable<Uint8Array> | Uint8Array
}

/** Whether a mirror in a backup can have a file of this name. */
export function isMirrorFile(name: string): boolean {
  return name === REFS || name === UNUSABLE || PACK.test(name)
}

/**
 * The files of a mirror below `root`, none when there is no such mirror. Refs come before packs, and packs only grow: so every commit that a
 * ref names is in the packs, also while the mirror is fetched or its packs are put together.
 */
export async function* listMirrorFiles(root: string, mirror: string): AsyncGenerator<MirrorFile, void, undefined> {
  const directory = join(root, mirror)
  if (!existsSync(join(directory, 'HEAD'))) {
    return
  }
  for (const name of [REFS, UNUSABLE]) {
    const content = await unlessAbsent(() => readFile(join(directory, name)))
    if (content !== null) {
      yield { name, size: content.length, content }
    }
  }
  yield* listPacks(join(directory, 'objects', 'pack'))
}

/** Packs that are put together into one vanish only after the new one is there, which the next look finds. */
async function* listPacks(directory: string): AsyncGenerator<MirrorFile, void, undefined> {
  const seen = new Set<string>()
  for (;;) {
    const names = (await unlessAbsent(() => readdir(directory))) ?? []
    const found = names.filter((name) => PACK.test(name) && name.endsWith('.idx') && !seen.has(name))
    if (found.length === 0) {
      return
    }
    for (const index of found.toSorted()) {
      seen.add(index)
      yield* openPack(directory, index)
    }
  }
}

async function* openPack(directory: string, index: string): AsyncGenerator<MirrorFile, void, undefined> {
  const pack = index.replace(/idx$/, 'pack')
  const indexFile = await unlessAbsent(() => open(join(directory, index), 'r'))
  const packFile = await unlessAbsent(() => open(join(directory, pack), 'r'))
  try {
    if (indexFile !== null && packFile !== null) {
      yield { name: pack, size: (await packFile.stat()).size, content: readOpen(packFile) }
      yield { name: index, size: (await indexFile.stat()).size, content: readOpen(indexFile) }
    }
  } finally {
    await indexFile?.close()
    await packFile?.close()
  }
}

async function* readOpen(file: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const buffer = new Uint8Array(CHUNK)
    const { bytesRead } = await onStorage(() => file.read(buffer, 0, CHUNK, null))
    if (bytesRead === 0) {
      return
    }
    yield buffer.subarray(0, bytesRead)
  }
}

/** Builds mirrors below a root, each beside its place until `finish`. */
export interface MirrorBuilder {
  add(mirror: string, name: string, content: AsyncIterable<Uint8Array>): Promise<void>
  /** Gives the mirrors that were added their names. */
  finish(): Promise<void>
}

/** Begins to build mirrors; what an earlier try left of the same ones is replaced. */
export function createMirrorBuilder(root: string): MirrorBuilder {
  const begun = new Set<string>()
  const draftOf = (mirror: string) => join(root, `.new-${mirror}`)

  async function begin(mirror: string): Promise<void> {
    const draft = draftOf(mirror)
    await rm(draft, { recursive: true, force: true })
    await onStorage(async () => {
      await mkdir(join(draft, 'objects', 'pack'), { recursive: true, mode: 0o700 })
      await mkdir(join(draft, 'refs', 'heads'), { recursive: true, mode: 0o700 })
    })
    await writeNewFile(join(draft, 'HEAD'), Buffer.from('ref: refs/heads/main\n'))
    await writeNewFile(join(draft, 'config'), Buffer.from(CONFIGURATION))
    begun.add(mirror)
  }

  return {
    async add(mirror, name, content) {
      if (!begun.has(mirror)) {
        await begin(mirror)
      }
      const place = PACK.test(name) ? join('objects', 'pack', name) : name
      await writeNewFile(join(draftOf(mirror), place), content)
    },
    async finish() {
      for (const mirror of begun) {
        await syncDirectory(join(draftOf(mirror), 'objects', 'pack'))
        await syncDirectory(draftOf(mirror))
        await rm(join(root, mirror), { recursive: true, force: true })
        await onStorage(() => rename(draftOf(mirror), join(root, mirror)))
      }
      if (begun.size > 0) {
        await syncDirectory(root)
      }
    },
  }
}
