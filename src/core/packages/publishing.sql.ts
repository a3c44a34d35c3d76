import { movedClock } from '../kernel/moved-clock.sql.ts'
import type { Db } from '../kernel/schema.ts'
import type { Instant, ManifestId, OrganizationId, PackageId, SourceId, VersionId } from '../kernel/values.ts'
import type { CandidatePackage } from './candidate.ts'
import { PACKAGE_COLUMNS, toPackage, type Package } from './package-reading.sql.ts'
import type { HashedCandidate, PublishedVersion } from './plan-publication.ts'

const ROWS_PER_STATEMENT = 200

/** Creates a package, or returns null when the organization has one of that name. */
export async function insertPackage(
  db: Db,
  input: {
    uid: string
    organization: OrganizationId
    source: SourceId
    candidate: CandidatePackage
    modifiedAt: number
    createdAt: Instant
  },
): Promise<Package | null> {
  const { candidate } = input
  const row = await db
    .insertInto('packages')
    .values({
      uid: input.uid,
      organization_id: input.organization,
      source_id: input.source,
      name: candidate.name,
      type: candidate.type,
      description: candidate.description,
      abandoned: toAbandonedColumn(candidate.abandoned),
      revision: 1,
      modified_at: input.modifiedAt,
      created_at: input.createdAt,
    })
    .onConflict((conflict) => conflict.columns(['organization_id', 'name']).doNothing())
    .returning(PACKAGE_COLUMNS)
    .executeTakeFirst()
  return row === undefined ? null : toPackage(row)
}

function toAbandonedColumn(abandoned: boolean | string): string | null {
  return abandoned === false ? null : JSON.stringify(abandoned)
}

/** Sets what a package takes from its default branch; what a person said stays. */
export async function updatePackage(db: Db, id: PackageId, candidate: CandidatePackage): Promise<void> {
  await db
    .updateTable('packages')
    .set((update) => ({
      type: candidate.type,
      description: candidate.description,
      abandoned: update
        .case()
        .when('abandoned_by', '=', 'person')
        .then(update.ref('abandoned'))
        .else(toAbandonedColumn(candidate.abandoned))
        .end(),
    }))
    .where('id', '=', id)
    .execute()
}

/** Sets what a person says of a package. */
export async function updateAbandoned(db: Db, id: PackageId, abandoned: boolean | string): Promise<void> {
  await db
    .updateTable('packages')
    .set({ abandoned: toAbandonedColumn(abandoned), abandoned_by: 'person' })
    .where('id', '=', id)
    .execute()
}

/**
 * Moves a package's clock forward in the caller's transaction: called with every change of what metadata shows. The time in
 * seconds ends above every earlier one, also within one second and when the wall clock was set back (CO-041).
 */
export async function bumpPackage(db: Db, id: PackageId, floor: number): Promise<void> {
  await db.updateTable('packages').set(movedClock(floor)).where('id', '=', id).execute()
}

/**
 * Takes the package's row lock until the transaction ends; false when there is no such package. Whoever writes a package and its
 * versions or archives takes it first, so that two transactions never wait for each other.
 */
export async function lockPackage(db: Db, id: PackageId): Promise<boolean> {
  const result = await db
    .updateTable('packages')
    .set((update) => ({ revision: update.ref('revision') }))
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Every version of a package, removed ones too, for a comparison. */
export async function selectPublished(db: Db, id: PackageId): Promise<PublishedVersion[]> {
  const rows = await db
    .selectFrom('versions')
    .innerJoin('manifests', 'manifests.id', 'versions.manifest_id')
    .select([
      'versions.id',
      'version',
      'normalized',
      'type',
      'stability',
      'ref',
      'reference',
      'default_branch',
      'manifests.sha256 as manifestSha256',
      'time',
      'removed_at',
    ])
    .where('package_id', '=', id)
    .execute()
  return rows.map(({ default_branch, removed_at, ...row }) => ({
    ...row,
    defaultBranch: default_branch === 1,
    removed: removed_at !== null,
  }))
}

/** Publishes versions that the package does not have. */
export async function insertVersions(
  db: Db,
  input: {
    package: PackageId
    versions: readonly HashedCandidate[]
    manifests: ReadonlyMap<string, ManifestId>
    newId: () => string
    now: Instant
  },
): Promise<void> {
  for (let start = 0; start < input.versions.length; start += ROWS_PER_STATEMENT) {
    const rows = input.versions.slice(start, start + ROWS_PER_STATEMENT).map((version) => ({
      uid: input.newId(),
      package_id: input.package,
      published_at: input.now,
      ...toColumns(version, input.manifests, input.now),
    }))
    await db.insertInto('versions').values(rows).execute()
  }
}

/** Overwrites a version with what its source now has for it, and shows it again if it was removed. */
export async function updateVersion(
  db: Db,
  id: VersionId,
  input: { version: HashedCandidate; manifests: ReadonlyMap<string, ManifestId>; now: Instant },
): Promise<void> {
  await db
    .updateTable('versions')
    .set(toColumns(input.version, input.manifests, input.now))
    .where('id', '=', id)
    .execute()
}

function toColumns(version: HashedCandidate, manifests: ReadonlyMap<string, ManifestId>, now: Instant) {
  const manifest = manifests.get(version.manifestSha256)
  if (manifest === undefined) {
    throw new Error(`The manifest ${version.manifestSha256} was not stored.`)
  }
  return {
    version: version.version,
    normalized: version.normalized,
    type: version.type,
    stability: version.stability,
    ref: version.ref,
    reference: version.reference,
    default_branch: version.defaultBranch ? (1 as const) : (0 as const),
    manifest_id: manifest,
    time: version.time,
    updated_at: now,
    removed_at: null,
  }
}

/** A version that was deleted. */
export interface DeletedVersion {
  package: PackageId
  version: string
  normalized: string
  ref: string
  reference: string
}

/** Deletes a shown version of a source and the knowledge of its archive, unless another version of the package has the same; null when it is gone. */
export async function deleteVersionRow(db: Db, source: SourceId, id: VersionId): Promise<DeletedVersion | null> {
  const row = await db
    .deleteFrom('versions')
    .where('id', '=', id)
    .where('removed_at', 'is', null)
    .where('package_id', 'in', db.selectFrom('packages').select('id').where('source_id', '=', source))
    .returning(['package_id as package', 'version', 'normalized', 'ref', 'reference'])
    .executeTakeFirst()
  if (row === undefined) {
    return null
  }
  await db
    .deleteFrom('dists')
    .where('package_id', '=', row.package)
    .where('reference', '=', row.reference)
    .where('reference', 'not in', db.selectFrom('versions').select('reference').where('package_id', '=', row.package))
    .execute()
  return row
}

/** Whether a package has any version, hidden ones too. */
export async function hasVersions(db: Db, id: PackageId): Promise<boolean> {
  return (await db.selectFrom('versions').select('id').where('package_id', '=', id).executeTakeFirst()) !== undefined
}

/** Hides versions from metadata; their archives stay. */
export async function hideVersions(db: Db, ids: readonly VersionId[], now: Instant): Promise<void> {
  for (let start = 0; start < ids.length; start += ROWS_PER_STATEMENT) {
    await db
      .updateTable('versions')
      .set({ removed_at: now, default_branch: 0 })
      .where('id', 'in', ids.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
  }
}

/** Makes references known as archives that can be asked for, now and for ever. Known ones stay as they are. */
export async function rememberReferences(
  db: Db,
  input: { package: PackageId; references: readonly string[]; newId: () => string; now: Instant },
): Promise<void> {
  const references = [...new Set(input.references)].sort()
  for (let start = 0; start < references.length; start += ROWS_PER_STATEMENT) {
    const rows = references.slice(start, start + ROWS_PER_STATEMENT).map((reference) => ({
      uid: input.newId(),
      package_id: input.package,
      reference,
      sha1: null,
      sha256: null,
      size: null,
      created_at: input.now,
      built_at: null,
    }))
    await db
      .insertInto('dists')
      .values(rows)
      .onConflict((conflict) => conflict.columns(['package_id', 'reference']).doNothing())
      .execute()
  }
}

/** The packages that a source feeds. */
export async function selectPackagesOfSource(db: Db, source: SourceId): Promise<{ id: PackageId; name: string }[]> {
  return db.selectFrom('packages').select(['id', 'name']).where('source_id', '=', source).orderBy('id').execute()
}

/** What sort of source that is, or null when there is none. */
export async function findSourceKind(db: Db, source: SourceId): Promise<'vcs' | 'artifact' | 'custom' | 'mirror' | null> {
  const row = await db.selectFrom('sources').select('kind').where('id', '=', source).executeTakeFirst()
  return row?.kind ?? null
}

/** Sets whether a package is abandoned, or the name of what replaces it. */
export async function writeAbandoned(db: Db, id: PackageId, abandoned: boolean | string): Promise<void> {
  await db
    .updateTable('packages')
    .set({ abandoned: toAbandonedColumn(abandoned) })
    .where('id', '=', id)
    .execute()
}

/** Deletes all versions of a package; what is known of their archives stays. */
export async function deleteVersions(db: Db, id: PackageId): Promise<void> {
  await db.deleteFrom('versions').where('package_id', '=', id).execute()
}

/** Makes a package that of another source. */
export async function writeSource(db: Db, id: PackageId, source: SourceId): Promise<void> {
  await db.updateTable('packages').set({ source_id: source }).where('id', '=', id).execute()
}

/** Deletes a package with its versions and the knowledge of its archives; blobs are collected later. */
export async function deletePackageRow(db: Db, id: PackageId): Promise<{ modifiedAt: number } | null> {
  const row = await db.deleteFrom('packages').where('id', '=', id).returning('modified_at as modifiedAt').executeTakeFirst()
  return row ?? null
}

/** Moves the clock of every package of a source forward in the caller's transaction. */
export async function bumpPackagesOfSource(db: Db, source: SourceId, floor: number): Promise<void> {
  await db.updateTable('packages').set(movedClock(floor)).where('source_id', '=', source).execute()
}

/**
 * Moves the clocks of the packages with one of these names (lower case) forward in the caller's transaction: those of one organization, or
 * with null of all. Rows are taken in the order of their ids, so that two such transactions never wait for each other.
 */
export async function bumpPackagesNamed(
  db: Db,
  { organization, names, floor }: { organization: OrganizationId | null; names: readonly string[]; floor: number },
): Promise<void> {
  for (let start = 0; start < names.length; start += ROWS_PER_STATEMENT) {
    const some = names.slice(start, start + ROWS_PER_STATEMENT)
    const named = db.selectFrom('packages').select('id').where('name', 'in', some).orderBy('id')
    const rows = await (organization === null ? named : named.where('organization_id', '=', organization)).execute()
    for (const { id } of rows) {
      await bumpPackage(db, id, floor)
    }
  }
}

/** Moves the clock of every package forward in the caller's transaction. */
export async function bumpAllPackages(db: Db, floor: number): Promise<void> {
  await db.updateTable('packages').set(movedClock(floor)).execute()
}

/** Moves the clock of every package of these organizations forward in the caller's transaction. */
export async function bumpPackagesOf(db: Db, organizations: readonly OrganizationId[], floor: number): Promise<void> {
  await db.updateTable('packages').set(movedClock(floor)).where('organization_id', 'in', organizations).execute()
}
