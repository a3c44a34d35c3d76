import { sql } from 'kysely'
import type { Db } from '../kernel/schema.ts'
import type { OrganizationId, PackageId, SourceId, VersionId } from '../kernel/values.ts'
import { PACKAGE_COLUMNS, toPackage, type Package } from './package-reading.sql.ts'
import { escapeLike } from '../kernel/like-pattern.ts'

/** A package for people. */
export type BrowsedPackage = Package

function containing(db: Db, organization: OrganizationId, search: string) {
  const query = db.selectFrom('packages').where('organization_id', '=', organization)
  return search === ''
    ? query
    : query.where((where) => sql<boolean>`${where.ref('name')} like ${`%${escapeLike(search.toLowerCase())}%`} escape '!'`)
}

/** The names of an organization's packages that contain a text, sorted. */
export async function selectNamesContaining(db: Db, organization: OrganizationId, search: string): Promise<string[]> {
  const rows = await containing(db, organization, search).select('name').orderBy('name').execute()
  return rows.map(({ name }) => name)
}

/** The packages of an organization with these names (at most a page of them), by name. */
export async function selectBrowsed(db: Db, organization: OrganizationId, names: readonly string[]): Promise<BrowsedPackage[]> {
  if (names.length === 0) {
    return []
  }
  const rows = await db
    .selectFrom('packages')
    .select(PACKAGE_COLUMNS)
    .where('organization_id', '=', organization)
    .where('name', 'in', names)
    .orderBy('name')
    .execute()
  return rows.map(toPackage)
}

/** The names of those packages of an organization that have one of these uids, by uid. */
export async function selectNamesByUid(
  db: Db,
  organization: OrganizationId,
  uids: readonly string[],
): Promise<Map<string, string>> {
  if (uids.length === 0) {
    return new Map()
  }
  const rows = await db
    .selectFrom('packages')
    .select(['uid', 'name'])
    .where('organization_id', '=', organization)
    .where('uid', 'in', uids)
    .execute()
  return new Map(rows.map(({ uid, name }) => [uid, name]))
}

/** What is shown of a version in lists. `time` is RFC 3339. */
export interface BrowsedVersion {
  id: VersionId
  uid: string
  package: PackageId
  version: string
  normalized: string
  stability: 'stable' | 'RC' | 'beta' | 'alpha' | 'dev'
  time: string | null
}

/** The published versions of some packages, in no particular order; development versions only if wanted. */
export async function selectBrowsedVersions(
  db: Db,
  packages: readonly PackageId[],
  { withDevelopment }: { withDevelopment: boolean },
): Promise<BrowsedVersion[]> {
  if (packages.length === 0) {
    return []
  }
  const query = db
    .selectFrom('versions')
    .select(['id', 'uid', 'package_id as package', 'version', 'normalized', 'stability', 'time'])
    .where('package_id', 'in', packages)
    .where('removed_at', 'is', null)
  return (withDevelopment ? query : query.where('stability', '!=', 'dev')).execute()
}

/** Which source feeds which package of an organization. */
export async function selectNamesBySource(db: Db, organization: OrganizationId): Promise<{ source: SourceId; name: string }[]> {
  return db.selectFrom('packages').select(['source_id as source', 'name']).where('organization_id', '=', organization).execute()
}
