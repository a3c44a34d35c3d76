import { DomainError } from '../../core/kernel/errors.ts'
import { DETACHED_HEAD, HEAD_PREFIX, type Refs } from './packed-refs.ts'
import { findRefNameFault, toReadableName } from './ref-name.ts'

/** A branch or tag of the remote that cannot be mirrored, and why. */
export interface UnusableRef {
  kind: 'tag' | 'branch'
  name: string
  reason: string
}

/** What a remote has: its branches, tags and HEAD under the names that the mirror gives them. */
export interface RemoteRefs {
  refs: Refs
  unusable: UnusableRef[]
}

const MOST_UNUSABLE = 1000
const LONGEST_SHOWN = 200

/**
 * Reads what `git ls-remote --symref` printed (one character per byte). Only branches, tags and HEAD count.
 * Names that git refuses are reported, at most 1,000 of them. Throws `source_invalid` when object names are not SHA-1.
 */
export function parseRemoteRefs(text: string): RemoteRefs {
  const remote: RemoteRefs = { refs: new Map(), unusable: [] }
  let headTarget: string | null = null
  let headCommit: string | null = null
  for (const line of text.split('\n')) {
    const tab = line.indexOf('\t')
    if (tab < 0) continue
    const value = line.slice(0, tab)
    const name = line.slice(tab + 1)
    if (/^[0-9a-f]{64}$/.test(value))
      throw new DomainError('source_invalid', { problem: 'its object names are SHA-256; only SHA-1 is supported' })
    if (name === 'HEAD' && value.startsWith('ref: ')) headTarget = value.slice(5)
    else if (name === 'HEAD' && isObjectId(value)) headCommit = value
    else if (isObjectId(value)) addRef(remote, name, value)
  }
  addHead(remote.refs, headTarget, headCommit)
  return remote
}

function isObjectId(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text)
}

/** Adds a branch or tag by its full name, or says why it cannot be mirrored. Anything else is passed over. */
export function addRef(remote: RemoteRefs, name: string, objectId: string): void {
  const kind = kindOf(name)
  if (kind === null || name.endsWith('^{}') || remote.refs.has(name)) return
  const reason = findRefNameFault(name)
  if (reason === null) remote.refs.set(name, objectId)
  else if (remote.unusable.length < MOST_UNUSABLE) {
    const short = name.slice(kind === 'tag' ? 'refs/tags/'.length : 'refs/heads/'.length)
    remote.unusable.push({ kind, name: toReadableName(short.slice(0, LONGEST_SHOWN)), reason })
  }
}

function kindOf(name: string): 'tag' | 'branch' | null {
  if (name.startsWith('refs/tags/')) return 'tag'
  return name.startsWith('refs/heads/') ? 'branch' : null
}

/** A HEAD that names a branch is that branch; any other HEAD is only its commit. */
export function addHead(refs: Refs, target: string | null, commit: string | null): void {
  const commitOfBranch = target?.startsWith('refs/heads/') === true ? refs.get(target) : undefined
  if (target !== null && commitOfBranch !== undefined)
    refs.set(`${HEAD_PREFIX}${target.slice('refs/heads/'.length)}`, commitOfBranch)
  else if (commit !== null) refs.set(DETACHED_HEAD, commit)
}
