import { existsSync } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'

/** Where the mirrors lie: one directory per key below `root`; names with a leading dot are unfinished or given up. */
export interface MirrorStore {
  /** The directory of a mirror, whether it exists or not. Throws when the key is none. */
  path(mirror: string): string
  /** Where a mirror is built before it gets its name. */
  draftPath(mirror: string): string
  exists(mirror: string): boolean
  /** Bytes on disk; 0 when absent. */
  size(mirror: string): Promise<number>
  /** Removes a mirror: it is gone at once, and its bytes soon. */
  remove(mirror: string): Promise<void>
}

/** Builds the store; `root` must exist. */
export function createMirrorStore(root: string): MirrorStore {
  function requireKey(mirror: string): string {
    if (!/^[a-z0-9-]+$/.test(mirror)) throw new Error(`"${mirror}" is no key of a mirror`)
    return mirror
  }

  function path(mirror: string): string {
    return join(root, requireKey(mirror))
  }

  function draftPath(mirror: string): string {
    return join(root, `.new-${requireKey(mirror)}`)
  }

  async function remove(mirror: string): Promise<void> {
    await rm(draftPath(mirror), { recursive: true, force: true })
    const removed = join(root, `.removed-${randomBytes(8).toString('hex')}`)
    try {
      await rename(path(mirror), removed)
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return
      throw error
    }
    await rm(removed, { recursive: true, force: true })
  }

  return {
    path,
    draftPath,
    exists: (mirror) => existsSync(join(path(mirror), 'HEAD')),
    size: (mirror) => directorySize(path(mirror)),
    remove,
  }
}

/** Removes what an interrupted `remove` left. */
export async function sweepRemovedMirrors(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (name.startsWith('.removed-')) await rm(join(root, name), { recursive: true, force: true })
  }
}

/** The bytes of all files below a directory; files that vanish meanwhile count nothing. */
export async function directorySize(directory: string): Promise<number> {
  let total = 0
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])) {
    if (entry.isFile()) total += await fileSize(join(entry.parentPath, entry.name))
  }
  return total
}

async function fileSize(path: string): Promise<number> {
  const found = await stat(path).catch(() => null)
  return found?.size ?? 0
}

/** The names of the files that git received into a mirror. */
export async function listPackFiles(directory: string): Promise<Set<string>> {
  return new Set(await readdir(join(directory, 'objects', 'pack')).catch(() => []))
}

/**
 * Removes what a killed process left: temporary packs and locks. With `known`, also every pack that is not in it, so
 * that a refused fetch takes no room. Only for the one process that may fetch this mirror.
 */
export async function removeLeftovers(directory: string, known: ReadonlySet<string> | null): Promise<void> {
  const packs = join(directory, 'objects', 'pack')
  for (const name of await listPackFiles(directory)) {
    const isLeftover = name.startsWith('tmp_') || name.startsWith('.tmp') || name.endsWith('.keep') || name.endsWith('.lock')
    if (isLeftover || known?.has(name) === false) await rm(join(packs, name), { force: true })
  }
  for (const name of await readdir(directory)) {
    if (name.endsWith('.lock') || name.endsWith('.new') || name.startsWith('fast_import_crash_'))
      await rm(join(directory, name), { recursive: true, force: true })
  }
}
