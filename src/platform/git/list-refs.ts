import { DomainError } from '../../core/kernel/errors.ts'
import type { GitRef, GitRefs } from '../../core/kernel/ports.ts'
import type { ByteReader } from './byte-reader.ts'
import { checkObjects, withProcess } from './cat-file.ts'
import { readUnusableRefs } from './replace-refs.ts'
import type { GitRunner } from './git-runner.ts'
import { compareBytes, DETACHED_HEAD, HEAD_PREFIX, readPackedRefs, type Refs } from './packed-refs.ts'
import { toReadableName } from './ref-name.ts'

type Peeled = Pick<GitRef, 'commit' | 'objectType'>
type Dates = Pick<GitRef, 'committedAt' | 'authoredAt'>

const LATEST = 8.64e15
const NO_DATES: Dates = { committedAt: 0, authoredAt: 0 }

/** The refs of a mirror in byte order of their full names; see `Git.listRefs`. Trees and blobs have the dates 0. */
export async function listRefs(runner: GitRunner, directory: string, limit: number): Promise<GitRefs> {
  const packed = await readPackedRefs(directory)
  const names = [...packed.keys()]
    .filter((name) => name.startsWith('refs/heads/') || name.startsWith('refs/tags/'))
    .toSorted(compareBytes)
  if (names.length > limit) throw new DomainError('source_too_large', { limit: `${limit} branches and tags` })
  const peeled = await peelAll(runner, directory, new Set(packed.values()))
  const dates = await readDates(runner, directory, peeled)
  const refs: GitRef[] = []
  for (const name of names) {
    const object = peeled.get(packed.get(name) ?? '')
    if (object === undefined) throw new DomainError('source_invalid', { problem: 'the mirror lacks an object' })
    const isTag = name.startsWith('refs/tags/')
    const short = toReadableName(name.slice(isTag ? 'refs/tags/'.length : 'refs/heads/'.length))
    refs.push({ kind: isTag ? 'tag' : 'branch', name: short, ...object, ...(dates.get(object.commit) ?? NO_DATES) })
  }
  const detached = peeled.get(packed.get(DETACHED_HEAD) ?? '')
  const detachedHead = detached?.objectType === 'commit' ? detached.commit : null
  return { refs, defaultBranch: findDefaultBranch(packed), detachedHead, unusable: await readUnusableRefs(directory) }
}

function findDefaultBranch(packed: Refs): string | null {
  for (const name of packed.keys()) if (name.startsWith(HEAD_PREFIX)) return toReadableName(name.slice(HEAD_PREFIX.length))
  return null
}

/** Each object of a ref and what it leads to in the end, through any number of tags. */
async function peelAll(runner: GitRunner, directory: string, objectIds: ReadonlySet<string>): Promise<Map<string, Peeled>> {
  const peeled = new Map<string, Peeled>()
  const order = objectIds.values()
  for await (const object of checkObjects(runner, directory, withSuffix(objectIds, '^{}'))) {
    const objectId = order.next().value
    if (object === null || object.type === 'tag' || objectId === undefined) continue
    peeled.set(objectId, { commit: object.objectId, objectType: object.type })
  }
  return peeled
}

function* withSuffix(texts: Iterable<string>, suffix: string): Generator<string, void, undefined> {
  for (const text of texts) yield `${text}${suffix}`
}

async function readDates(runner: GitRunner, directory: string, peeled: ReadonlyMap<string, Peeled>): Promise<Map<string, Dates>> {
  const dates = new Map<string, Dates>()
  const commits = new Set<string>()
  for (const object of peeled.values()) if (object.objectType === 'commit') commits.add(object.commit)
  if (commits.size === 0) return dates
  for await (const [commit, found] of readCommitDates(runner, directory, commits)) dates.set(commit, found)
  return dates
}

/** Commits and their dates. What is no readable date counts as 0. */
export async function* readCommitDates(
  runner: GitRunner,
  directory: string,
  commits: Iterable<string>,
): AsyncGenerator<[string, Dates], void, undefined> {
  const command = { directory, arguments: ['rev-list', '--no-walk=unsorted', '--format=%H %ct %at', '--stdin'], input: commits }
  yield* withProcess(runner, command, readDateLines)
}

async function* readDateLines(reader: ByteReader): AsyncGenerator<[string, Dates], void, undefined> {
  for (let line = await reader.findUntil(10); line !== null; line = await reader.findUntil(10)) {
    const [commit, committed, authored] = line.toString('latin1').split(' ')
    if (commit !== undefined && commit !== 'commit')
      yield [commit, { committedAt: toInstant(committed), authoredAt: toInstant(authored) }]
  }
}

function toInstant(text: string | undefined): number {
  const instant = Number(text) * 1000
  return Number.isFinite(instant) && Math.abs(instant) <= LATEST ? instant : 0
}
