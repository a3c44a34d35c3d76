import { DomainError } from '../../core/kernel/errors.ts'
import type { GitUrlPolicy } from '../../core/kernel/git-url.ts'
import type { FetchLimits, Git } from '../../core/kernel/ports.ts'
import { parseSourceUrl, type SourceUrl } from '../../core/kernel/source-url.ts'
import type { ConnectionPorts } from './git-connection.ts'
import { importCommits } from './import-commits.ts'
import { listRevisions } from './list-revisions.ts'
import { readPackedRefs } from './packed-refs.ts'
import { openPassage, type Passage } from './passage.ts'
import { addHead, type RemoteRefs } from './remote-refs.ts'
import { replaceRefs } from './replace-refs.ts'
import { TransferWatch } from './transfer-watch.ts'
import { updateMirror, type UpdatePorts } from './update-mirror.ts'
import type { Upstream, UpstreamHead } from './upstream.ts'

/*
 * A fetch from another system: finds out what its branches and tags lead to, imports those states that the mirror has never had, and
 * replaces all refs at once, as a fetch of git does. What was imported once is kept for ever, also when the upstream goes away.
 */

/** What an import works with. */
export interface ImportPorts extends ConnectionPorts, UpdatePorts {
  policy: GitUrlPolicy
}

/** What a system is opened with. Its processes run in `directory`, which is the mirror's and holds what the system keeps for itself. */
export interface UpstreamInput {
  directory: string
  url: SourceUrl
  passage: Passage
  watch: TransferWatch
  limits: FetchLimits
}

/** Opens a repository of one system; see `Upstream`. */
export type OpenUpstream = (ports: ImportPorts, input: UpstreamInput) => Promise<Upstream>

type FetchInput = Parameters<Git['fetch']>[0]

/** Brings a mirror up to a remote of another system; see `Git.fetch`. */
export async function importMirror(ports: ImportPorts, input: FetchInput, openUpstream: OpenUpstream): Promise<void> {
  const url = parseSourceUrl(input.url, input.vcs ?? null, ports.policy)
  await updateMirror(ports, input.mirror, async (directory) => {
    const passage = await openPassage(ports, url, { credential: input.credential, idle: 2 * input.limits.stall })
    const watch = new TransferWatch({ limits: input.limits, received: () => passage.received(), onProgress: input.onProgress })
    try {
      const upstream = await openUpstream(ports, { directory, url, passage, watch, limits: input.limits })
      try {
        await importUpstream(ports, input, { directory, upstream })
      } finally {
        await upstream.close()
      }
    } finally {
      await passage.close()
    }
  })
}

async function importUpstream(
  ports: ImportPorts,
  { limits, onProgress }: FetchInput,
  { directory, upstream }: { directory: string; upstream: Upstream },
): Promise<void> {
  const deadline = performance.now() + limits.duration
  const commits = new Map<string, string>()
  for (const [commit, revision] of await listRevisions(ports.runner, directory)) commits.set(revision, commit)
  const missing = new Map<string, UpstreamHead>()
  for (const head of upstream.heads.values()) if (!commits.has(head.revision)) missing.set(head.revision, head)
  if (missing.size > 0) {
    const imported = await importCommits(ports.runner, {
      directory,
      upstream,
      heads: [...missing.values()],
      limits,
      requireTime: () => requireTime(deadline, limits),
      onCommit: (done) => onProgress({ phase: 'importing', done, total: missing.size }),
    })
    for (const [revision, commit] of imported) commits.set(revision, commit)
  }
  await replaceRefs(ports, directory, { before: await readPackedRefs(directory), remote: toRemoteRefs(upstream, commits) })
}

function toRemoteRefs(upstream: Upstream, commits: ReadonlyMap<string, string>): RemoteRefs {
  const remote: RemoteRefs = { refs: new Map(), unusable: [...upstream.unusable] }
  for (const [name, head] of upstream.heads) {
    const commit = commits.get(head.revision)
    if (commit === undefined) throw new DomainError('source_invalid', { problem: 'a revision was not imported' })
    remote.refs.set(name, commit)
  }
  addHead(remote.refs, upstream.defaultBranch, null)
  return remote
}

function requireTime(deadline: number, limits: FetchLimits): void {
  if (performance.now() > deadline) {
    throw new DomainError('source_timeout', { problem: `it took longer than ${limits.duration / 1000} s` })
  }
}
