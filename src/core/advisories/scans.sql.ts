import type { Db } from '../kernel/schema.ts'
import type { OrganizationId, PackageId, VersionId } from '../kernel/values.ts'
import { deletedOrganizations, unauditedOrganizations } from '../organizations/index.ts'

const ROWS_PER_STATEMENT = 300

/** A package that is to be compared with advisories. `revision` and `mark` say as of when. */
export interface ScannedPackage {
  id: PackageId
  organization: OrganizationId
  name: string
  isMirrored: boolean
  revision: number
  mark: number
}

function subjects(db: Db) {
  return db
    .selectFrom('packages')
    .innerJoin('sources', 'sources.id', 'packages.source_id')
    .leftJoin('package_scans', 'package_scans.package_id', 'packages.id')
    .select([
      'packages.id',
      'packages.organization_id as organization',
      'packages.name',
      'packages.revision',
      'sources.kind',
      'package_scans.mark',
    ])
}

type SubjectRow = Awaited<ReturnType<ReturnType<typeof subjects>['executeTakeFirstOrThrow']>>

function toSubject({ kind, mark, ...row }: SubjectRow): ScannedPackage {
  return { ...row, isMirrored: kind === 'mirror', mark: mark ?? 0 }
}

/** Packages that changed, or whose advisories did, since they were compared last, by id; none of organizations that switched this off. */
export async function selectUnscanned(db: Db, { after, limit }: { after: PackageId; limit: number }): Promise<ScannedPackage[]> {
  const rows = await subjects(db)
    .where('packages.id', '>', after)
    .where('packages.organization_id', 'not in', deletedOrganizations(db))
    .where('packages.organization_id', 'not in', unauditedOrganizations(db))
    .where((where) =>
      where.or([
        where('package_scans.package_id', 'is', null),
        where('package_scans.revision', '!=', where.ref('packages.revision')),
        where('package_scans.mark', '!=', where.ref('package_scans.scanned_mark')),
      ]),
    )
    .orderBy('packages.id')
    .limit(limit)
    .execute()
  return rows.map(toSubject)
}

/** These packages as they are now, by id. */
export async function selectSubjects(db: Db, ids: readonly PackageId[]): Promise<ScannedPackage[]> {
  const rows = await subjects(db).where('packages.id', 'in', ids).orderBy('packages.id').execute()
  return rows.map(toSubject)
}

/** A version that metadata shows, with its manifest as JSON where that is wanted. */
export interface ScannedVersion {
  id: VersionId
  version: string
  normalized: string
}

/** The versions of a package that metadata shows. */
export async function selectScannedVersions(db: Db, id: PackageId): Promise<ScannedVersion[]> {
  return db
    .selectFrom('versions')
    .select(['id', 'version', 'normalized'])
    .where('package_id', '=', id)
    .where('removed_at', 'is', null)
    .orderBy('id')
    .execute()
}

/** As `selectScannedVersions`, with the manifests. */
export async function selectVersionManifests(db: Db, id: PackageId): Promise<(ScannedVersion & { manifest: string })[]> {
  return db
    .selectFrom('versions')
    .innerJoin('manifests', 'manifests.id', 'versions.manifest_id')
    .select(['versions.id', 'version', 'normalized', 'manifests.body as manifest'])
    .where('package_id', '=', id)
    .where('removed_at', 'is', null)
    .orderBy('versions.id')
    .execute()
}

/** The names that packages are known to require. */
export async function selectRequiredNames(db: Db, ids: readonly PackageId[]): Promise<Map<PackageId, Set<string>>> {
  if (ids.length === 0) {
    return new Map()
  }
  const rows = await db.selectFrom('required_names').select(['package_id as id', 'name']).where('package_id', 'in', ids).execute()
  return new Map([...Map.groupBy(rows, ({ id }) => id)].map(([id, some]) => [id, new Set(some.map(({ name }) => name))]))
}

/** Writes what a package requires, and that it has to be compared; from now on changes of advisories about these names are noted for it. */
export async function writeRequiredNames(db: Db, id: PackageId, names: ReadonlySet<string>): Promise<void> {
  if (!(await makeUnscanned(db, id))) {
    return
  }
  await db.deleteFrom('required_names').where('package_id', '=', id).execute()
  const rows = [...names].map((name) => ({ package_id: id, name }))
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    await db
      .insertInto('required_names')
      .values(rows.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
  }
}

/** Notes a package for comparison; false when it is gone. It is not deleted before the transaction ends. */
async function makeUnscanned(db: Db, id: PackageId): Promise<boolean> {
  const present = db
    .selectFrom('packages')
    .select((select) => [
      'packages.id as package_id',
      select.lit(-1).as('revision'),
      select.lit(0).as('mark'),
      select.lit(0).as('scanned_mark'),
    ])
    .where('packages.id', '=', id)
  const result = await db
    .insertInto('package_scans')
    .columns(['package_id', 'revision', 'mark', 'scanned_mark'])
    .expression(present)
    .onConflict((conflict) => conflict.column('package_id').doUpdateSet({ revision: -1 }))
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/**
 * Writes that a package was compared as it was at that revision and mark, and holds its row until the transaction ends. False, and nothing is
 * written, when a comparison with a later state was written meanwhile, and when the package is gone.
 */
export async function claimScan(db: Db, { id, revision, mark }: ScannedPackage): Promise<boolean> {
  const present = db
    .selectFrom('packages')
    .select((select) => [
      'packages.id as package_id',
      select.cast<number>(select.val(revision), 'bigint').as('revision'),
      select.cast<number>(select.val(mark), 'bigint').as('mark'),
      select.cast<number>(select.val(mark), 'bigint').as('scanned_mark'),
    ])
    .where('packages.id', '=', id)
  const result = await db
    .insertInto('package_scans')
    .columns(['package_id', 'revision', 'mark', 'scanned_mark'])
    .expression(present)
    .onConflict((conflict) =>
      conflict
        .column('package_id')
        .doUpdateSet({ revision, scanned_mark: mark })
        .where('package_scans.revision', '<=', revision)
        .where('package_scans.scanned_mark', '<=', mark),
    )
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/**
 * Notes packages for comparison. Rows are taken one by one in the order of their ids, as comparisons take them, so that the two never wait for each
 * other in a circle.
 */
async function markPackages(db: Db, ids: readonly { id: PackageId }[]): Promise<void> {
  for (const { id } of ids) {
    await db
      .updateTable('package_scans')
      .set((update) => ({ mark: update('mark', '+', 1) }))
      .where('package_id', '=', id)
      .execute()
  }
}

/** Notes every package of an organization for comparison. */
export async function markOrganization(db: Db, organization: OrganizationId): Promise<void> {
  const ids = await db.selectFrom('packages').select('id').where('organization_id', '=', organization).orderBy('id').execute()
  await markPackages(db, ids)
}

/** Notes the packages that require one of these names for comparison: those of one organization, or with null of all. */
export async function markRequiring(db: Db, organization: OrganizationId | null, names: readonly string[]): Promise<void> {
  for (let start = 0; start < names.length; start += ROWS_PER_STATEMENT) {
    const requiring = db
      .selectFrom('required_names')
      .innerJoin('packages', 'packages.id', 'required_names.package_id')
      .select('packages.id')
      .distinct()
      .where('required_names.name', 'in', names.slice(start, start + ROWS_PER_STATEMENT))
      .orderBy('packages.id')
    await markPackages(
      db,
      await (organization === null ? requiring : requiring.where('packages.organization_id', '=', organization)).execute(),
    )
  }
}
