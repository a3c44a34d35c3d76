import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDomainError } from '../../core/kernel/errors.ts'
import type { GitCommand } from '../git/git-runner.ts'
import type { ImportPorts, UpstreamInput } from '../git/import-mirror.ts'
import { directorySize } from '../git/mirror-store.ts'
import { runWatched } from '../git/run-watched.ts'

/*
 * The history is kept as a Mercurial repository inside the mirror, so that a fetch brings only what is new. Everything that was published
 * is in the mirror itself: a repository that a killed pull left unfinished, or that has nothing in common with the remote
 * any more, is thrown away and pulled anew.
 */

const REPOSITORY = 'hg'
const MISMATCH = /unrelated|abandoned transaction|corrupt|integrity|censored|no such (file|revision)|00changelog|00manifest/i

/** The local repository and the bookmarks of the remote, by name (one character per byte). */
export interface PulledRepository {
  directory: string
  bookmarks: Map<string, string>
}

/** Brings the local repository up to the remote. Throws as `runWatched`. */
export async function pullRepository(
  ports: ImportPorts,
  input: UpstreamInput,
  environment: Readonly<Record<string, string>>,
): Promise<PulledRepository> {
  const directory = join(input.directory, REPOSITORY)
  const pulling = { ports, input, environment, directory }
  if (await isUnfinished(directory)) await rm(directory, { recursive: true, force: true })
  try {
    await pull(pulling)
  } catch (error) {
    if (!isDomainError(error) || !MISMATCH.test(error.message) || error.code !== 'source_invalid') throw error
    await rm(directory, { recursive: true, force: true })
    await pull(pulling)
  }
  const listed = await run(pulling, ['debugpushkey', '--', input.url.canonical, 'bookmarks'], null)
  return { directory, bookmarks: parseBookmarks(listed.toString('latin1')) }
}

interface Pulling {
  ports: ImportPorts
  input: UpstreamInput
  environment: Readonly<Record<string, string>>
  directory: string
}

async function pull(pulling: Pulling): Promise<void> {
  const { input, directory } = pulling
  if (!existsSync(directory)) await run(pulling, ['init', '--', directory], null)
  const size = (): Promise<number> => directorySize(input.directory)
  await run(pulling, ['--repository', directory, 'pull', '--quiet', '--', input.url.canonical], size)
}

function run(
  { ports, input, environment }: Pulling,
  line: readonly string[],
  size: (() => Promise<number>) | null,
): Promise<Buffer> {
  const command: GitCommand = { directory: input.directory, program: 'hg', arguments: line, environment }
  return runWatched(ports, input, { command, size })
}

/** A killed `init` or `pull` leaves its journal; nobody else works on this repository, so that locks are leftovers too. */
async function isUnfinished(directory: string): Promise<boolean> {
  for (const lock of ['.hg/wlock', '.hg/store/lock']) await rm(join(directory, lock), { force: true })
  return !existsSync(join(directory, '.hg/store')) || existsSync(join(directory, '.hg/store/journal'))
}

function parseBookmarks(text: string): Map<string, string> {
  const bookmarks = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^(.+)\t([0-9a-f]{40})$/.exec(line)
    if (match?.[1] !== undefined && match[2] !== undefined) bookmarks.set(unescape(match[1]), match[2])
  }
  return bookmarks
}

/** Reverses Python's escapes of bytes. */
function unescape(text: string): string {
  const letters: Record<string, string> = { n: '\n', r: '\r', t: '\t' }
  return text.replaceAll(/\\(?:x([0-9a-f]{2})|(.))/gi, (_whole, code: string | undefined, letter: string | undefined) =>
    code === undefined ? (letters[letter ?? ''] ?? letter ?? '') : String.fromCharCode(Number.parseInt(code, 16)),
  )
}
