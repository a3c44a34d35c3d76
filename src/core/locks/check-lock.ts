import { matchAdvisories } from '../advisories/index.ts'
import type { Audience } from '../catalog/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { eachAtOnce } from '../kernel/each-at-once.ts'
import { archiveSubject } from '../mirrors/index.ts'
import { installedKey, type Package } from '../packages/index.ts'
import { findInstallPlace, type InstallPlace } from './installs-from.ts'
import { loadLockFacts, lockedReference, type Locked, type LockFacts } from './lock-facts.ts'
import type { LockedPackage } from './parse-lock-file.ts'

/** Archives whose presence is looked at together; an object store is asked for each. */
const AT_ONCE = 8

/**
 * Whether the registry has the archive of what is locked. `missing`: it is got when somebody asks. `unavailable`: it cannot be got, as far as is known.
 * `none`: there is nothing to get.
 */
export type ArchiveState = 'present' | 'missing' | 'unavailable' | 'none'

/**
 * Something to look at. `unknown`: this repository has no such package or version. `changed`: it has another reference or checksum. `blocked`: it is
 * not handed out. `vulnerable`: an advisory is about it. `unavailable`: its archive cannot be got.
 */
export interface LockFinding {
  kind: 'unknown' | 'changed' | 'blocked' | 'vulnerable' | 'unavailable'
  /** For people. */
  detail: string
}

/** What is known about one package of a lock file. */
export interface CheckedPackage {
  name: string
  version: string
  isForDevelopment: boolean
  reference: string | null
  installs: InstallPlace
  archive: ArchiveState
  findings: LockFinding[]
}

/** A lock file compared with a repository; `status` says whether there is anything to look at. */
export interface LockReport {
  status: 'ok' | 'findings'
  /** Whether the registry can vouch for advisories at all; see `FeedHealth`. */
  advisories: LockFacts['feed']
  packages: CheckedPackage[]
}

/** Compares what a lock file installs with what a repository has, as far as the audience sees it (abuse 27, 65). */
export async function checkLock(
  ctx: Ctx,
  audience: Audience,
  { locked, repository }: { locked: readonly LockedPackage[]; repository: { path: string; baseUrl: string | null } },
): Promise<LockReport> {
  const facts = await loadLockFacts(ctx, audience, locked)
  const archives = await loadArchiveStates(ctx, facts, locked)
  const packages = locked.map((one): CheckedPackage => {
    const installs = findInstallPlace(one, repository)
    const archive = archives.get(one.name) ?? 'unavailable'
    const { name, version, isForDevelopment } = one
    const findings = findAll(facts, one, { installs, archive })
    return { name, version, isForDevelopment, reference: lockedReference(one), installs, archive, findings }
  })
  const isFine = packages.every(({ findings }) => findings.length === 0)
  return { status: isFine ? 'ok' : 'findings', advisories: facts.feed, packages }
}

/** Which archives of what is locked are there, by name. */
export async function loadArchiveStates(
  ctx: Ctx,
  facts: LockFacts,
  locked: readonly (Locked & { type?: string })[],
): Promise<Map<string, ArchiveState>> {
  const states = new Map<string, ArchiveState>()
  await eachAtOnce(locked, AT_ONCE, async (one) => {
    states.set(one.name, await findArchiveState(ctx, facts, one))
  })
  return states
}

async function findArchiveState(ctx: Ctx, facts: LockFacts, one: Locked & { type?: string }): Promise<ArchiveState> {
  if (one.dist === null) {
    return one.type === 'metapackage' || one.source !== null ? 'none' : 'unavailable'
  }
  const target = facts.packages.get(one.name)
  const reference = target === undefined ? null : (lockedReference(one) ?? presentReference(facts, target, one))
  if (target === undefined || reference === null) {
    return 'unavailable'
  }
  const dist = facts.installed.dists.get(installedKey(target.id, reference))
  const sha256 = dist?.sha256 ?? null
  if (sha256 !== null && (await ctx.blobs.locate(sha256)) !== null) {
    return 'present'
  }
  if (facts.archiveProblems.has(archiveSubject({ target, reference }))) {
    return 'unavailable'
  }
  switch (facts.sources.get(target.source)?.kind) {
    case 'vcs':
      // A commit that was never published can be built all the same, if the repository has it.
      return dist !== undefined || /^[0-9a-f]{40,64}$/.test(reference) ? 'missing' : 'unavailable'
    case 'custom':
    case 'mirror':
      return dist === undefined ? 'unavailable' : 'missing'
    default:
      // An upload that got lost comes back only when it is uploaded again.
      return 'unavailable'
  }
}

/** What a version without a reference stands for. */
function presentReference({ installed }: LockFacts, { id }: Package, { normalized }: Locked): string | null {
  return normalized === null ? null : (installed.references.get(installedKey(id, normalized)) ?? null)
}

function findAll(
  facts: LockFacts,
  one: LockedPackage,
  { installs, archive }: { installs: InstallPlace; archive: ArchiveState },
): LockFinding[] {
  const told = facts.advisories.get(one.name) ?? []
  const affected = one.normalized === null ? [] : matchAdvisories(told, one.normalized)
  const vulnerable = affected.map(({ advisoryId, cve, title }): LockFinding => ({
    kind: 'vulnerable',
    detail: `${cve ?? advisoryId}: ${title}`,
  }))
  const target = facts.packages.get(one.name)
  if (target === undefined) {
    return [{ kind: 'unknown', detail: 'this repository has no such package' }, ...vulnerable]
  }
  const reason = facts.blocked.get(installedKey(target.id, one.normalized ?? ''))
  const blocked: LockFinding[] = reason === undefined ? [] : [{ kind: 'blocked', detail: reason }]
  return [...findDifferences(facts, one, installs), ...findUnavailable(facts, one, archive), ...blocked, ...vulnerable]
}

function findUnavailable(facts: LockFacts, one: LockedPackage, archive: ArchiveState): LockFinding[] {
  const target = facts.packages.get(one.name)
  const reference = lockedReference(one)
  if (archive !== 'unavailable' || target === undefined) {
    return []
  }
  const problem = reference === null ? undefined : facts.archiveProblems.get(archiveSubject({ target, reference }))
  return [{ kind: 'unavailable', detail: problem ?? 'there is no archive at this reference, and nowhere to get it from' }]
}

/** Branches move all the time: of a development version only an archive that is not the same counts. */
function findDifferences(facts: LockFacts, one: LockedPackage, installs: InstallPlace): LockFinding[] {
  const target = facts.packages.get(one.name)
  const reference = lockedReference(one)
  if (target === undefined || reference === null) {
    return []
  }
  const present = one.normalized === null ? undefined : facts.installed.references.get(installedKey(target.id, one.normalized))
  const dist = facts.installed.dists.get(installedKey(target.id, reference))
  if (present === undefined && dist === undefined) {
    return [{ kind: 'unknown', detail: 'this repository has no such version' }]
  }
  const isDevelopment = /^dev-|-dev$/.test(one.normalized ?? one.version)
  if (!isDevelopment && present !== undefined && present !== reference) {
    return [{ kind: 'changed', detail: `this version is ${present} here` }]
  }
  const isMirrored = facts.sources.get(target.source)?.kind === 'mirror'
  const locked = one.dist?.shasum ?? null
  const recorded = dist?.sha1 ?? null
  const isComparable = isMirrored || installs.from === 'here'
  if (isComparable && locked !== null && recorded !== null && recorded !== locked) {
    return [{ kind: 'changed', detail: `the archive here has the SHA-1 ${recorded}` }]
  }
  return []
}
