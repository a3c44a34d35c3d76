import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

const PREFIX = 'repertoire-git-'
const live = new Set<string>()

/** A directory that only this user can read, for a key or script of one process. */
export interface PrivateDirectory {
  path: string
  remove(): Promise<void>
}

/** Makes a private directory below `parent`; its name carries the process id, so that a later start finds leftovers. */
export async function createPrivateDirectory(parent: string): Promise<PrivateDirectory> {
  const path = await mkdtemp(join(parent, `${PREFIX}${process.pid}-`))
  live.add(path)
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true })
      live.delete(path)
    },
  }
}

/** Removes the private directories of processes that were killed: they may hold keys. */
export async function sweepPrivateDirectories(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length).split('-')[0]) : Number.NaN
    const path = join(parent, name)
    if (Number.isInteger(pid) && pid > 0 && !live.has(path) && !isOtherProcess(pid))
      await rm(path, { recursive: true, force: true })
  }
}

function isOtherProcess(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}
