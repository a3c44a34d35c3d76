import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DomainError } from '../../core/kernel/errors.ts'
import type { Logger } from '../../core/kernel/ports.ts'
import { describeGitErrors } from './git-failure.ts'
import type { GitRunner } from './git-runner.ts'
import { listPackFiles, type MirrorStore, removeLeftovers } from './mirror-store.ts'
import { syncDirectory } from './packed-refs.ts'

/** What mirrors are updated with. */
export interface UpdatePorts {
  runner: GitRunner
  store: MirrorStore
  log: Logger
}

const MOST_PACKS = 50

/**
 * Lets `work` bring a mirror up to date in its directory. A mirror that is new is built beside its place and gets its name when `work` is
 * done; nothing is left of it when `work` fails. What a killed process left is removed before.
 */
export async function updateMirror(
  ports: UpdatePorts,
  mirror: string,
  work: (directory: string) => Promise<void>,
): Promise<void> {
  const isNew = !ports.store.exists(mirror)
  const directory = isNew ? await createDraft(ports, mirror) : ports.store.path(mirror)
  await removeLeftovers(directory, null)
  try {
    await work(directory)
    if (isNew) await publishDraft(ports, directory, mirror)
  } catch (error) {
    if (isNew) await rm(directory, { recursive: true, force: true })
    throw error
  }
  await consolidatePacks(ports, ports.store.path(mirror))
}

async function createDraft(ports: UpdatePorts, mirror: string): Promise<string> {
  const draft = ports.store.draftPath(mirror)
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft)
  const made = await ports.runner.run({ directory: draft, arguments: ['init', '--quiet', '--bare'] })
  if (made.code !== 0) throw new DomainError('storage_unavailable', { problem: describeGitErrors(made.errors) })
  return draft
}

async function publishDraft(ports: UpdatePorts, draft: string, mirror: string): Promise<void> {
  const place = ports.store.path(mirror)
  // A directory without HEAD is no mirror; it can only be what was left of one.
  await rm(place, { recursive: true, force: true })
  await rename(draft, place)
  await syncDirectory(dirname(place))
}

/** Each fetch adds a pack and reading slows with their number. Nothing is dropped, not even what no ref reaches. */
async function consolidatePacks(ports: UpdatePorts, directory: string): Promise<void> {
  const packs = [...(await listPackFiles(directory))].filter((name) => name.endsWith('.pack'))
  if (packs.length < MOST_PACKS) return
  const result = await ports.runner.run({ directory, arguments: ['repack', '-a', '-d', '-k', '--quiet'] })
  if (result.code !== 0)
    ports.log.warn('packs of a mirror could not be consolidated', { directory, errors: describeGitErrors(result.errors) })
}
