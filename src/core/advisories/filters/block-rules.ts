import { matchesConstraint, tryNormalizeVersion, tryParseConstraint } from '../../../composer/index.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Db } from '../../kernel/schema.ts'
import { findRepositoryOptions } from '../../organizations/index.ts'
import { selectVersionsOfReference, type Package } from '../../packages/index.ts'
import { selectEntriesOfNames, selectPackageSources, type PackageSource, type ToldEntry } from './filter-entries.sql.ts'
import { BLOCK_LIST, MALWARE_LIST } from './list-name.ts'

/**
 * Whether an entry is about a package that comes from there. An organization's own entries always are. What a mirror's upstream says counts for
 * what comes from that mirror, and what the installation's feed says for everything that is mirrored: neither knows of private packages, which
 * may be called as something of the same name elsewhere.
 */
export function concerns(entry: ToldEntry, { source, isMirrored }: PackageSource): boolean {
  if (entry.organization !== null) {
    return true
  }
  return entry.mirror === null ? isMirrored : entry.mirror === source
}

/** The entries of filter lists about a package, those of all lists, oldest first. */
export async function findEntriesOfPackage(db: Db, target: Pick<Package, 'organization' | 'name'>): Promise<ToldEntry[]> {
  const entries = await selectEntriesOfNames(db, target.organization, [target.name])
  if (entries.length === 0) {
    return []
  }
  const from = (await selectPackageSources(db, target.organization, [target.name])).get(target.name)
  return from === undefined ? [] : entries.filter((entry) => concerns(entry, from))
}

/**
 * Those of a package's entries by which the registry itself keeps versions back: of the list `blocked`, and of `malware` unless the organization
 * wants otherwise.
 */
export async function selectEnforced(
  db: Db,
  target: Pick<Package, 'organization'>,
  entries: readonly ToldEntry[],
): Promise<ToldEntry[]> {
  const enforced = entries.filter(({ list }) => list === BLOCK_LIST || list === MALWARE_LIST)
  if (enforced.every(({ list }) => list === BLOCK_LIST)) {
    return enforced
  }
  const { blocksMalware } = await findRepositoryOptions(db, target.organization)
  return blocksMalware ? enforced : enforced.filter(({ list }) => list === BLOCK_LIST)
}

/** The first of these entries that names a normalized version, or null. */
export function findNaming(entries: readonly ToldEntry[], normalized: string): ToldEntry | null {
  return entries.find((entry) => names(entry, normalized)) ?? null
}

function names({ affectedVersions }: ToldEntry, normalized: string): boolean {
  const constraint = tryParseConstraint(affectedVersions)
  return constraint !== null && matchesConstraint(constraint, normalized)
}

/** The entry by which a version of a package (normalized) is kept back, or null. */
export async function findBlocked(
  db: Db,
  target: Pick<Package, 'organization' | 'name'>,
  normalized: string,
): Promise<ToldEntry | null> {
  const entries = await findEntriesOfPackage(db, target)
  return findNaming(await selectEnforced(db, target, entries), normalized)
}

/**
 * Throws `package_blocked` when the archive at a reference must not be handed out. One that several versions have is kept back only if all of them
 * are. Of one that no version has any more the version that was asked for counts, in whatever form; without one only entries about every version do.
 */
export async function requireUnblocked(
  db: Db,
  target: Pick<Package, 'id' | 'organization' | 'name'>,
  asked: { reference: string; version: string | null },
): Promise<void> {
  const entries = await findEntriesOfPackage(db, target)
  const enforced = entries.length === 0 ? [] : await selectEnforced(db, target, entries)
  if (enforced.length === 0) {
    return
  }
  const known = await selectVersionsOfReference(db, target.id, asked.reference)
  const versions = known.length > 0 ? known : [namedVersion(asked.version)]
  const blocked = versions.map(({ normalized, version }) => ({ version, entry: findNaming(enforced, normalized) }))
  const [first] = blocked
  const entry = first?.entry ?? null
  if (first !== undefined && entry !== null && blocked.every((one) => one.entry !== null)) {
    const { list, reason } = entry
    throw new DomainError('package_blocked', {
      name: target.name,
      version: first.version,
      list,
      reason: reason === null ? '' : ` (${reason})`,
    })
  }
}

/** A branch that is certainly not there matches what every version does. */
const ANY_BRANCH = 'dev-any-other-than-those-that-are-known'

function namedVersion(version: string | null): { version: string; normalized: string } {
  const normalized = version === null ? null : tryNormalizeVersion(version)
  return { version: version ?? 'at this reference', normalized: normalized ?? ANY_BRANCH }
}
