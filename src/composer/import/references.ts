import { branchAlias, type BranchAlias } from '../branch-alias.ts'
import { parsePackageName, type PackageName } from '../names.ts'
import { parseStability, type Stability } from '../stability.ts'
import { asObject, field, shortened } from '../manifest/php-values.ts'
import { formatUnixTime } from '../manifest/release-time.ts'
import { loadManifest, type LoadedManifest, type UsableManifest } from './load-manifest.ts'
import { compareRefs, isListedBranch, refNameProblem } from './ref-order.ts'
import {
  branchIdentity,
  literalIdentity,
  tagIdentity,
  versionKey,
  type Identity,
  type Skip,
  type SkipCode,
} from './ref-version.ts'
import { findSelfProblem } from './self-problem.ts'
import type { VersionManifest } from './version-manifest.ts'

/** What lies under `composer.json` in the tree of a ref. A submodule counts as absent, a symbolic link as a text: its target. */
export type RefManifest =
  | { kind: 'absent' }
  /** `id` is the same for the same bytes, as the id of a git blob is. */
  | { kind: 'text'; id: string; bytes: Uint8Array }
  /** Something is there that was not or cannot be read, as a directory or a file over the size limit; `reason` says what. */
  | { kind: 'unreadable'; reason: string }

/** A tag or branch of a git repository. Times are Unix seconds. */
export interface SourceRef {
  kind: 'tag' | 'branch'
  /** Without `refs/tags/` or `refs/heads/`. Bytes that are not UTF-8 must arrive as U+FFFD. */
  name: string
  /** Id of the peeled object. */
  commit: string
  /** What the ref leads to when peeled. */
  objectType: 'commit' | 'tree' | 'blob'
  authoredAt: number | null
  manifest: RefManifest
}

/** Manifests that were read before, by their id. Grows with each new id; the caller decides when to drop it. */
export type ManifestCache = Map<string, LoadedManifest>

/**
 * How refs become versions: by Composer's rules, or `literal` for those who come from Pricore with its `literal_branches`: tags and branches
 * alike by their names, and each ref belongs to the package that its own manifest names.
 */
export type RefRules = 'composer' | 'literal'

/** A repository at one moment. */
export interface ImportInput {
  refs: readonly SourceRef[]
  /** The branch that HEAD names, which need not exist; null if HEAD is detached. */
  defaultBranch: string | null
  /** `composer` unless told otherwise. */
  rules?: RefRules
  /** Lets a later import of the same source read only manifests that are new. */
  cache?: ManifestCache
}

/** A version that a ref gives. Plain data. */
export interface ImportedVersion {
  /** Full name, as `refs/tags/1.0.0`. */
  ref: string
  name: PackageName
  version: string
  normalized: string
  stability: Stability
  isDev: boolean
  isDefaultBranch: boolean
  branchAlias: BranchAlias | null
  /** Id of the commit. */
  reference: string
  /** RFC 3339: the author date, or the manifest's own time; null if that cannot be read. */
  time: string | null
  type: string
  /** What the manifest of this ref says: false, true or the successor. */
  abandoned: boolean | string
  manifestId: string
  /** Shared by all versions with the same manifest: not to be changed. */
  manifest: VersionManifest
  /** Faults of the manifest that did not prevent the import (CO-119), for the maintainers. Shared like `manifest`. */
  problems: readonly string[]
}

/** A ref that gives no version, and why in words for the maintainers. */
export interface SkippedRef {
  ref: string
  code: SkipCode
  reason: string
}

/** The outcome of an import: every ref is either in `versions` or in `skipped`. */
export interface ImportResult {
  versions: ImportedVersion[]
  skipped: SkippedRef[]
  /** The default branch, null if there is no such branch. */
  rootIdentifier: string | null
  /** The name that the default branch gives to all refs; null if it gives none, and then each ref has its own. */
  packageName: string | null
}

/**
 * Decides what versions the refs of a git repository are (contract §5.2, §5.3, §6.3; CO-114 to CO-122), in Composer's order: tags by
 * the bytes of their names, then the default branch, then the other branches. Where it decides otherwise than Composer is listed in
 * `differences.ts`. Pure, never throws; takes time in proportion to the number of refs and of distinct manifests.
 */
export function importReferences({ refs, defaultBranch, rules = 'composer', cache = new Map() }: ImportInput): ImportResult {
  const run: ImportRun = {
    rules,
    cache,
    taken: new Map(),
    result: { versions: [], skipped: [], rootIdentifier: null, packageName: null },
  }
  const sorted = refs.toSorted(compareRefs)
  const root = sorted.find((ref) => ref.kind === 'branch' && ref.name === defaultBranch)
  run.result.rootIdentifier = root?.name ?? null
  const rootManifest = root === undefined ? null : load(run, root)
  if (rootManifest?.ok === true && rules === 'composer') run.result.packageName = rootManifest.name ?? null
  for (const ref of sorted) if (ref.kind === 'tag') importRef(run, ref)
  if (root !== undefined && rootManifest?.ok === true) importRef(run, root)
  for (const ref of sorted) if (ref.kind === 'branch' && !(ref === root && rootManifest?.ok === true)) importRef(run, ref)
  return run.result
}

interface ImportRun {
  rules: RefRules
  cache: ManifestCache
  /** Version keys that are given away, with the version as it is shown. */
  taken: Map<string, string>
  result: ImportResult
}

function importRef(run: ImportRun, ref: SourceRef): void {
  const decided = decide(run, ref)
  if ('code' in decided) {
    run.result.skipped.push({ ref: fullName(ref), code: decided.code, reason: decided.reason })
    return
  }
  run.taken.set(versionKey(decided), decided.version)
  run.result.versions.push(decided)
}

/** The order of the questions is Composer's: it decides which reason is given, and which of two refs takes a version. */
function decide(run: ImportRun, ref: SourceRef): ImportedVersion | Skip {
  if (ref.kind === 'branch' && !isListedBranch(ref.name)) return { code: 'not-listed', reason: 'git lists no such branch' }
  const nameProblem = refNameProblem(ref.name)
  if (nameProblem !== null) return { code: 'invalid-name', reason: nameProblem }
  const loaded = load(run, ref)
  const identity = run.rules === 'literal' ? literalIdentity(ref.name) : identify(ref, loaded)
  if ('code' in identity) return identity
  if (!loaded.ok) return toSkip(loaded)
  const name = chooseName(run, loaded)
  if ('code' in name) return name
  const rival = run.taken.get(versionKey({ name: name.name, normalized: identity.normalized }))
  if (rival !== undefined) return duplicate(ref, { rival, normalized: identity.normalized })
  const rejection = findRejection(ref, loaded, { ...identity, ...name })
  if (rejection !== null) return { code: 'rejected', reason: rejection }
  return toVersion(ref, loaded, {
    ...identity,
    ...name,
    isDefaultBranch: ref.name === run.result.rootIdentifier && ref.kind === 'branch',
  })
}

function load(run: ImportRun, { manifest, objectType }: SourceRef): LoadedManifest {
  if (manifest.kind === 'absent') return { ok: false, problem: { code: 'no-manifest', reason: 'no composer file' } }
  if (manifest.kind === 'unreadable') return { ok: false, problem: { code: 'invalid-json', reason: manifest.reason } }
  if (objectType !== 'commit')
    return { ok: false, problem: { code: 'unencodable', reason: `the tag leads to a ${objectType}, which has no date` } }
  const known = run.cache.get(manifest.id)
  if (known !== undefined) return known
  const loaded = loadManifest(manifest.bytes)
  run.cache.set(manifest.id, loaded)
  return loaded
}

/** A ref name that is no version is reported even if there is no manifest, which is why this comes first. */
function identify(ref: SourceRef, loaded: LoadedManifest): Identity | Skip {
  return ref.kind === 'branch' ? branchIdentity(ref.name) : tagIdentity(ref.name, loaded)
}

function toSkip(loaded: Exclude<LoadedManifest, UsableManifest>): Skip {
  const { code, reason } = loaded.problem
  if (code === 'no-manifest' || code === 'invalid-json') return { code, reason }
  return { code: 'rejected', reason }
}

function chooseName(run: ImportRun, loaded: UsableManifest): { name: PackageName } | Skip {
  const written = run.result.packageName ?? loaded.name
  if (written === undefined) return { code: 'rejected', reason: 'the name in composer.json is not a string' }
  if (written === null) return { code: 'rejected', reason: 'composer.json has no name' }
  const name = parsePackageName(written)
  if (name === null) return { code: 'rejected', reason: `${shortened(JSON.stringify(written))} is no name for a package` }
  return { name }
}

function duplicate(ref: SourceRef, { rival, normalized }: { rival: string; normalized: string }): Skip {
  const what = ref.kind === 'tag' ? `an another tag (${rival})` : `another branch, both are ${rival}`
  return { code: 'duplicate-version', reason: `it conflicts with ${what} as both resolve to ${normalized} internally` }
}

function findRejection(
  ref: SourceRef,
  loaded: UsableManifest,
  { name, version }: Identity & { name: PackageName },
): string | null {
  if (loaded.rejection !== null) return loaded.rejection
  if (ref.kind === 'branch' && loaded.branchRejection !== null) return loaded.branchRejection
  return findSelfProblem(loaded, { name, version })
}

interface Decided extends Identity {
  name: PackageName
  isDefaultBranch: boolean
}

function toVersion(ref: SourceRef, loaded: UsableManifest, decided: Decided): ImportedVersion {
  const { name, version, normalized, isDefaultBranch } = decided
  const extra = asObject(loaded.manifest.extra)
  const declared = extra === null ? undefined : field(extra, 'branch-alias')
  const stability = parseStability(normalized)
  return {
    ref: fullName(ref),
    name,
    version,
    normalized,
    stability,
    isDev: stability === 'dev',
    isDefaultBranch,
    branchAlias: branchAlias({ version, defaultBranch: isDefaultBranch, branchAlias: declared }),
    reference: ref.commit,
    time: loaded.time === undefined ? formatUnixTime(ref.authoredAt ?? Number.NaN) : loaded.time,
    type: loaded.type,
    abandoned: loaded.abandoned,
    manifestId: ref.manifest.kind === 'text' ? ref.manifest.id : '',
    manifest: loaded.manifest,
    problems: loaded.problems,
  }
}

function fullName(ref: SourceRef): string {
  return `refs/${ref.kind === 'tag' ? 'tags' : 'heads'}/${ref.name}`
}
