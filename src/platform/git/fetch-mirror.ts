import { DomainError } from '../../core/kernel/errors.ts'
import { type GitUrl, type GitUrlPolicy, parseGitUrl } from '../../core/kernel/git-url.ts'
import type { Git, Logger } from '../../core/kernel/ports.ts'
import { type ConnectionPorts, type GitConnection, openConnection, requireFittingCredential } from './git-connection.ts'
import { classifyGitFailure } from './git-failure.ts'
import type { GitCommand, GitRunner } from './git-runner.ts'
import { directorySize, listPackFiles, type MirrorStore, removeLeftovers } from './mirror-store.ts'
import { readPackedRefs, type Refs } from './packed-refs.ts'
import { parseRemoteRefs, type RemoteRefs } from './remote-refs.ts'
import { replaceRefs } from './replace-refs.ts'
import { findRenamedSpelling, toLimitedFailure } from './source-probe.ts'
import { MOST_LISTED_BYTES, packBytes, TransferWatch } from './transfer-watch.ts'
import { updateMirror } from './update-mirror.ts'

/*
 * A fetch lists the remote's refs, brings the objects that the mirror lacks without touching any ref, and then
 * replaces all refs at once (see packed-refs.ts). A mirror that is new is built beside its place and gets its name at the
 * end. What refs pointed to before stays reachable through refs that nobody lists, in the same step in which they move.
 */

/** What a fetch works with. */
export interface FetchPorts extends ConnectionPorts {
  runner: GitRunner
  store: MirrorStore
  policy: GitUrlPolicy
  log: Logger
}

type FetchInput = Parameters<Git['fetch']>[0]

interface Transfer {
  ports: FetchPorts
  input: FetchInput
  directory: string
  connection: GitConnection
  watch: TransferWatch
  url: GitUrl
}

/** Brings a mirror up to its remote; see `Git.fetch`. */
export async function fetchMirror(ports: FetchPorts, input: FetchInput): Promise<void> {
  const url = parseGitUrl(input.url, ports.policy)
  requireFittingCredential(url, input.credential)
  await updateMirror(ports, input.mirror, (directory) => transferWithRetry(ports, input, directory, url))
}

/** Hosts redirect `repository` to `repository.git`; that spelling is tried once. */
async function transferWithRetry(ports: FetchPorts, input: FetchInput, directory: string, url: GitUrl): Promise<void> {
  const other = await transfer(ports, input, directory, url)
  if (other === null) return
  if ((await transfer(ports, input, directory, other)) !== null) {
    throw new DomainError('source_unreachable', { problem: 'the host redirects in a circle' })
  }
}

/** Null when all is done, else the other spelling of the URL that the host wants. */
async function transfer(ports: FetchPorts, input: FetchInput, directory: string, url: GitUrl): Promise<GitUrl | null> {
  const connection = await openConnection(ports, url, input.credential, 2 * input.limits.stall)
  const watch = new TransferWatch({ limits: input.limits, received: () => connection.received(), onProgress: input.onProgress })
  const current: Transfer = { ports, input, directory, connection, watch, url }
  try {
    const remote = await listRemote(current)
    if (remote === null) return await findRenamedSpelling(toProbe(current), url)
    const before = await readPackedRefs(directory)
    await receiveObjects(current, before, remote)
    await replaceRefs(ports, directory, { before, remote })
    return null
  } finally {
    await connection.close()
  }
}

function toProbe({ ports, input }: Transfer): Parameters<typeof findRenamedSpelling>[0] {
  return { egress: ports.egress, policy: ports.policy, credential: input.credential, stall: input.limits.stall }
}

/** Null when the host redirects. */
async function listRemote(current: Transfer): Promise<RemoteRefs | null> {
  const { output, failure } = await runRemote(current, ['ls-remote', '--quiet', '--symref', '--', current.url.canonical])
  if (failure?.kind === 'redirected') return null
  if (failure?.kind === 'limited') throw await toLimitedFailure(toProbe(current), current.url, failure.error)
  if (failure?.kind === 'final') throw failure.error
  if (output === null) throw new DomainError('source_too_large', { limit: `${MOST_LISTED_BYTES} bytes of ref names` })
  return parseRemoteRefs(output.toString('latin1'))
}

/** Brings what the mirror lacks, or gives back the room that the attempt took. */
async function receiveObjects(current: Transfer, before: Refs, remote: RemoteRefs): Promise<void> {
  const present = new Set(before.values())
  const wanted = new Set([...remote.refs.values()].filter((objectId) => !present.has(objectId)))
  if (wanted.size === 0) return
  const known = await listPackFiles(current.directory)
  try {
    await requestObjects(current, wanted)
  } catch (error) {
    await removeLeftovers(current.directory, known)
    throw error
  }
}

async function requestObjects(current: Transfer, wanted: ReadonlySet<string>): Promise<void> {
  const { directory } = current
  const base = (await directorySize(directory)) - (await packBytes(directory))
  const command = ['fetch', '--progress', '--no-tags', '--no-write-fetch-head', '--stdin', '--', current.url.canonical]
  const { failure } = await runRemote(current, command, { input: wanted, size: async () => base + (await packBytes(directory)) })
  if (failure?.kind === 'redirected')
    throw new DomainError('source_unreachable', { problem: 'the host redirects some of the requests' })
  if (failure?.kind === 'limited') throw await toLimitedFailure(toProbe(current), current.url, failure.error)
  if (failure?.kind === 'final') throw failure.error
}

/** Runs one git process with the connection, watched. A broken limit or a refusal of the guard is thrown first. */
async function runRemote(
  { ports, directory, connection, watch }: Transfer,
  command: readonly string[],
  receiving: { input: Iterable<string>; size: () => Promise<number> } | null = null,
): Promise<{ output: Buffer | null; failure: ReturnType<typeof classifyGitFailure> | null }> {
  const started: GitCommand = {
    directory,
    arguments: command,
    environment: connection.environment,
    onErrorLine: (line) => watch.line(line),
  }
  const running = ports.runner.start(receiving === null ? started : { ...started, input: receiving.input })
  watch.hold(() => running.kill(), receiving?.size ?? null)
  const { code, errors, output } = await ports.runner.collect(running, MOST_LISTED_BYTES).finally(() => watch.stop())
  await watch.requireUnbroken()
  if (code === 0 || output === null) return { output, failure: null }
  ports.runner.requireOpen()
  const problem = connection.problem()
  if (problem !== null) throw problem
  ports.log.debug('git failed', { command: command[0], code, errors })
  return { output, failure: classifyGitFailure(errors) }
}
