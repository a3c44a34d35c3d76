/**
 * The reading half of a sync: brings what is known of each ref up to date. Only refs that are new or moved are read
 * from git, each distinct manifest once.
 */
import type { Ctx } from '../kernel/ctx.ts'
import type { JobReport } from '../kernel/jobs.ts'
import type { GitManifest, GitRef, GitRefs } from '../kernel/ports.ts'
import type { ManifestId } from '../kernel/values.ts'
import { hashManifest } from '../packages/index.ts'
import { refKey, type KnownRef } from './source-refs.sql.ts'

/** What is known of the `composer.json` of a ref. `text` is absent while it is only in the database. */
export type RefManifest =
  | { state: 'absent' }
  | { state: 'read'; stored: ManifestId | null; text: string | null; sha256: string | null }
  | { state: 'unreadable'; reason: string }
  /** The ref itself cannot be used, whatever it leads to. */
  | { state: 'unusable'; reason: string }

/** A ref as git has it now, with its manifest. */
export interface ReadRef extends GitRef {
  manifest: RefManifest
}

const MANIFEST_PATH = 'composer.json'
const PROGRESS_EVERY = 50

/** Refs that git does not even store, as refs without a commit, so that they are listed with the others. */
export function toUnusableRefs(unusable: GitRefs['unusable']): ReadRef[] {
  return unusable.map(({ kind, name, reason }) => ({
    kind,
    name,
    commit: '',
    objectType: 'blob',
    committedAt: 0,
    authoredAt: 0,
    manifest: { state: 'unusable', reason },
  }))
}

/** Joins the refs of the mirror with what is known; reads the manifests of those that are new or moved. */
export async function readRefs(
  ctx: Ctx,
  report: JobReport,
  input: { mirror: string; refs: readonly GitRef[]; known: ReadonlyMap<string, KnownRef> },
): Promise<ReadRef[]> {
  const wanted = new Set<string>()
  for (const ref of input.refs) {
    if (ref.objectType !== 'blob' && !isUnchanged(ref, input.known)) {
      wanted.add(ref.commit)
    }
  }
  await report.step('manifests', wanted.size)
  const manifests = await readManifests(ctx, report, input.mirror, [...wanted])
  return input.refs.map((ref) => ({ ...ref, manifest: manifestOf(ref, input.known, manifests) }))
}

function isUnchanged(ref: GitRef, known: ReadonlyMap<string, KnownRef>): boolean {
  return known.get(refKey(ref))?.commit === ref.commit
}

function manifestOf(ref: GitRef, known: ReadonlyMap<string, KnownRef>, manifests: ReadonlyMap<string, RefManifest>): RefManifest {
  if (ref.objectType === 'blob') {
    return { state: 'absent' }
  }
  const read = manifests.get(ref.commit)
  if (read !== undefined) {
    return read
  }
  const before = known.get(refKey(ref))
  if (before?.manifestState === 'read') {
    return { state: 'read', stored: before.manifest, text: null, sha256: null }
  }
  return before?.manifestState === 'unreadable' ? { state: 'unreadable', reason: before.manifestNote ?? '' } : { state: 'absent' }
}

async function readManifests(
  ctx: Ctx,
  report: JobReport,
  mirror: string,
  commits: readonly string[],
): Promise<Map<string, RefManifest>> {
  const byCommit = new Map<string, RefManifest>()
  const byObject = new Map<string, RefManifest>()
  const limit = ctx.limits.manifestBytes
  let done = 0
  for await (const { commit, manifest } of ctx.git.readManifests({ mirror, commits, path: MANIFEST_PATH, limit })) {
    byCommit.set(commit, toRefManifest(manifest, byObject, limit))
    done += 1
    if (done % PROGRESS_EVERY === 0) {
      report.progress(done)
    }
  }
  report.progress(done)
  return byCommit
}

function toRefManifest(manifest: GitManifest, byObject: Map<string, RefManifest>, limit: number): RefManifest {
  switch (manifest.kind) {
    case 'absent':
    case 'submodule':
      return { state: 'absent' }
    case 'not_a_file':
      return { state: 'unreadable', reason: 'composer.json is not a file' }
    case 'too_large':
      return { state: 'unreadable', reason: `composer.json has ${manifest.size} bytes, more than ${limit}` }
    case 'read': {
      const known = byObject.get(manifest.objectId) ?? decodeManifest(manifest.bytes)
      byObject.set(manifest.objectId, known)
      return known
    }
  }
}

/** The text of a manifest with its hash, or why it is no text. */
export function decodeManifest(bytes: Uint8Array): RefManifest {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return { state: 'unreadable', reason: 'composer.json is not UTF-8' }
  }
  if (text.includes('\0')) {
    return { state: 'unreadable', reason: 'composer.json contains a NUL character' }
  }
  return { state: 'read', stored: null, text, sha256: hashManifest(text) }
}
