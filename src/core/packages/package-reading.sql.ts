import type { ArchiveFormat } from '../../composer/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { DistId, OrganizationId, PackageId, SourceId, VersionId, Instant } from '../kernel/values.ts'

/** A package. `abandoned` is false, true, or the name of the replacement; `modifiedAt` is in seconds and only grows. */
export interface Package {
  id: PackageId
  uid: string
  organization: OrganizationId
  source: SourceId
  name: string
  type: string
  description: string
  abandoned: boolean | string
  /** Who said so; what a person said is not changed by manifests. */
  abandonedBy: 'manifest' | 'person'
  revision: number
  modifiedAt: number
  /** When it was first seen. */
  createdAt: Instant
}

/** The columns of a package, under the names of its fields. */
export const PACKAGE_COLUMNS = [
  'id',
  'uid',
  'organization_id as organization',
  'source_id as source',
  'name',
  'type',
  'description',
  'abandoned',
  'abandoned_by as abandonedBy',
  'revision',
  'modified_at as modifiedAt',
  'created_at as createdAt',
] as const

type PackageRow = Omit<Package, 'abandoned'> & { abandoned: string | null }

/** A row as selected, made a package. */
export function toPackage(row: PackageRow): Package {
  return { ...row, abandoned: row.abandoned === null ? false : (JSON.parse(row.abandoned) as boolean | string) }
}

/** The package of that name (lower case) in an organization, or null. */
export async function findPackage(db: Db, organization: OrganizationId, name: string): Promise<Package | null> {
  const row = await db
    .selectFrom('packages')
    .select(PACKAGE_COLUMNS)
    .where('organization_id', '=', organization)
    .where('name', '=', name)
    .executeTakeFirst()
  return row === undefined ? null : toPackage(row)
}

const NAMES_PER_STATEMENT = 500

/** The ids of those packages of an organization that have one of these names (lower case). */
export async function selectPackageIds(
  db: Db,
  organization: OrganizationId,
  names: readonly string[],
): Promise<Map<string, PackageId>> {
  const ids = new Map<string, PackageId>()
  for (let start = 0; start < names.length; start += NAMES_PER_STATEMENT) {
    const rows = await db
      .selectFrom('packages')
      .select(['id', 'name'])
      .where('organization_id', '=', organization)
      .where('name', 'in', names.slice(start, start + NAMES_PER_STATEMENT))
      .execute()
    for (const row of rows) {
      ids.set(row.name, row.id)
    }
  }
  return ids
}

/** All packages of an organization, by name. */
export async function selectAllPackages(db: Db, organization: OrganizationId): Promise<Package[]> {
  const rows = await db
    .selectFrom('packages')
    .select(PACKAGE_COLUMNS)
    .where('organization_id', '=', organization)
    .orderBy('name')
    .execute()
  return rows.map(toPackage)
}

/** An archive as known. `sha256` is null until it was built. */
export interface Dist {
  id: DistId
  package: PackageId
  reference: string
  format: ArchiveFormat
  sha1: string | null
  sha256: string | null
  size: number | null
}

/** The archive of a package by its exact reference, or null when it was never heard of. */
export async function findDist(db: Db, packageId: PackageId, reference: string): Promise<Dist | null> {
  const row = await db
    .selectFrom('dists')
    .select(['id', 'package_id as package', 'reference', 'format', 'sha1', 'sha256', 'size'])
    .where('package_id', '=', packageId)
    .where('reference', '=', reference)
    .executeTakeFirst()
  return row ?? null
}

/** The archive whose reference is `prefix` or, if there is exactly one, begins with it. `prefix` is hexadecimal. */
export async function findDistByPrefix(db: Db, packageId: PackageId, prefix: string): Promise<Dist | null> {
  const exact = await findDist(db, packageId, prefix)
  if (exact !== null || !/^[0-9a-f]{7,}$/.test(prefix)) {
    return exact
  }
  const rows = await db
    .selectFrom('dists')
    .select(['id', 'package_id as package', 'reference', 'format', 'sha1', 'sha256', 'size'])
    .where('package_id', '=', packageId)
    .where('reference', '>=', prefix)
    .where('reference', '<', `${prefix}g`)
    .limit(2)
    .execute()
  return rows.length === 1 ? (rows[0] ?? null) : null
}

/** The package with that id, or null. */
export async function findPackageById(db: Db, id: PackageId): Promise<Package | null> {
  const row = await db.selectFrom('packages').select(PACKAGE_COLUMNS).where('id', '=', id).executeTakeFirst()
  return row === undefined ? null : toPackage(row)
}

/** Packages of an organization by name, with the number of versions that metadata shows. */
export async function selectPackages(
  db: Db,
  organization: OrganizationId,
  page: { limit: number; afterName: string },
): Promise<(Package & { versions: number })[]> {
  const rows = await db
    .selectFrom('packages')
    .select(PACKAGE_COLUMNS)
    .select((select) =>
      select
        .selectFrom('versions')
        .select((inner) => inner.fn.countAll<number>().as('count'))
        .whereRef('versions.package_id', '=', 'packages.id')
        .where('versions.removed_at', 'is', null)
        .as('versions'),
    )
    .where('organization_id', '=', organization)
    .where('name', '>', page.afterName)
    .orderBy('name')
    .limit(page.limit)
    .execute()
  return rows.map(({ versions, ...row }) => ({ ...toPackage(row), versions: versions ?? 0 }))
}

/** A version with what its metadata is rendered from. `manifest` is JSON text, `sourceUrl` the url of the package's source. */
export interface VersionRow {
  id: VersionId
  version: string
  normalized: string
  type: string
  stability: 'stable' | 'RC' | 'beta' | 'alpha' | 'dev'
  ref: string
  reference: string
  defaultBranch: boolean
  time: string | null
  publishedAt: Instant
  updatedAt: Instant
  manifest: string
  /** SHA-1 of the archive if it was built. */
  sha1: string | null
  format: ArchiveFormat
}

/** The versions of a package that metadata shows: dev ones or all others, in no particular order. */
export async function selectVersions(db: Db, packageId: PackageId, kind: 'stable' | 'dev'): Promise<VersionRow[]> {
  const rows = await db
    .selectFrom('versions')
    .innerJoin('manifests', 'manifests.id', 'versions.manifest_id')
    .leftJoin('dists', (join) =>
      join.onRef('dists.package_id', '=', 'versions.package_id').onRef('dists.reference', '=', 'versions.reference'),
    )
    .select([
      'versions.id',
      'versions.version',
      'versions.normalized',
      'versions.type',
      'versions.stability',
      'versions.ref',
      'versions.reference',
      'versions.default_branch',
      'versions.time',
      'versions.published_at as publishedAt',
      'versions.updated_at as updatedAt',
      'manifests.body as manifest',
      'dists.sha1',
      'dists.format',
    ])
    .where('versions.package_id', '=', packageId)
    .where('versions.removed_at', 'is', null)
    .where('versions.stability', kind === 'dev' ? '=' : '!=', 'dev')
    .execute()
  return rows.map(({ default_branch, format, ...row }) => ({
    ...row,
    format: format ?? 'zip',
    defaultBranch: default_branch === 1,
  }))
}

/** Several versions may have one reference: a release and the head of its branch. More than these are not told apart. */
const MAX_TWINS = 50

/**
 * The normalized version that has this reference, or null. Of several the one that `version` names, in its pretty or its
 * normalized form; else the first by name.
 */
export async function findVersionOfReference(
  db: Db,
  packageId: PackageId,
  { reference, version }: { reference: string; version: string | null },
): Promise<string | null> {
  const rows = await db
    .selectFrom('versions')
    .select(['normalized', 'version'])
    .where('package_id', '=', packageId)
    .where('reference', '=', reference)
    .orderBy('normalized')
    .limit(MAX_TWINS)
    .execute()
  const named = rows.find((row) => row.version === version || row.normalized === version)
  return (named ?? rows[0])?.normalized ?? null
}

/**
 * The versions, hidden ones too, that have this reference in full, or one that begins with it: hexadecimal, 7 digits or more. By normalized
 * version.
 */
export async function selectVersionsOfReference(
  db: Db,
  packageId: PackageId,
  reference: string,
): Promise<{ version: string; normalized: string }[]> {
  const isPrefix = /^[0-9a-f]{7,39}$/.test(reference)
  return db
    .selectFrom('versions')
    .select(['version', 'normalized'])
    .where('package_id', '=', packageId)
    .where('reference', isPrefix ? 'like' : '=', isPrefix ? `${reference}%` : reference)
    .orderBy('normalized')
    .execute()
}

/** Whether a source publishes a version from a ref (its full name) as it is at that commit. */
export async function hasVersionOfRef(
  db: Db,
  source: SourceId,
  { ref, reference }: { ref: string; reference: string },
): Promise<boolean> {
  const row = await db
    .selectFrom('versions')
    .innerJoin('packages', 'packages.id', 'versions.package_id')
    .select('versions.id')
    .where('packages.source_id', '=', source)
    .where('versions.ref', '=', ref)
    .where('versions.reference', '=', reference)
    .where('versions.removed_at', 'is', null)
    .executeTakeFirst()
  return row !== undefined
}

/** Whether metadata shows a version at that reference that is no development version. */
export async function hasReleaseAt(db: Db, packageId: PackageId, reference: string): Promise<boolean> {
  const row = await db
    .selectFrom('versions')
    .select('id')
    .where('package_id', '=', packageId)
    .where('reference', '=', reference)
    .where('stability', '!=', 'dev')
    .where('removed_at', 'is', null)
    .executeTakeFirst()
  return row !== undefined
}

/** How many versions of a package metadata shows, of both kinds. */
export async function countVersions(db: Db, packageId: PackageId): Promise<number> {
  const row = await db
    .selectFrom('versions')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('package_id', '=', packageId)
    .where('removed_at', 'is', null)
    .executeTakeFirstOrThrow()
  return row.count
}
