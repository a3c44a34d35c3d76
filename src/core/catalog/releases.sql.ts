import type { PackageVisibility } from '../access/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { Instant, OrganizationId } from '../kernel/values.ts'
import { visibleIn } from './published-versions.sql.ts'

/** Whose releases: those of an organization as far as they are visible, perhaps of some packages alone. */
export interface ReleaseFilter {
  organization: OrganizationId
  visible: PackageVisibility
  vendor: string | null
  name: string | null
  types: readonly string[] | null
  limit: number
}

/** A version that was published. `time` is RFC 3339 or null, `manifest` JSON. */
export interface ReleaseRow {
  name: string
  version: string
  time: string | null
  publishedAt: Instant
  description: string
  manifest: string
}

function visiblePackages(db: Db, { organization, visible, vendor, name, types }: ReleaseFilter) {
  let query = db
    .selectFrom('versions')
    .innerJoin('packages', 'packages.id', 'versions.package_id')
    .innerJoin('sources', 'sources.id', 'packages.source_id')
    .where('versions.removed_at', 'is', null)
    .where((where) => visibleIn(db, where, { organization, visible }))
  if (vendor !== null) {
    // '0' follows '/' in the order of bytes.
    query = query.where('packages.name', '>', `${vendor}/`).where('packages.name', '<', `${vendor}0`)
  }
  if (name !== null) {
    query = query.where('packages.name', '=', name)
  }
  return types === null ? query : query.where('packages.type', 'in', types)
}

/** Releases, the one that was published here last first; branches are none. */
export async function selectReleases(db: Db, filter: ReleaseFilter): Promise<ReleaseRow[]> {
  return visiblePackages(db, filter)
    .innerJoin('manifests', 'manifests.id', 'versions.manifest_id')
    .select([
      'packages.name',
      'versions.version',
      'versions.time',
      'versions.published_at as publishedAt',
      'packages.description',
      'manifests.body as manifest',
    ])
    .where('versions.stability', '!=', 'dev')
    .orderBy('versions.published_at', 'desc')
    .orderBy('versions.time', 'desc')
    .orderBy('versions.id', 'desc')
    .limit(filter.limit)
    .execute()
}

/** Packages that have a version, the one that was added last first. */
export async function selectNewPackages(
  db: Db,
  filter: ReleaseFilter,
): Promise<{ name: string; description: string; createdAt: Instant }[]> {
  return visiblePackages(db, filter)
    .select(['packages.id', 'packages.name', 'packages.description', 'packages.created_at as createdAt'])
    .distinct()
    .orderBy('packages.created_at', 'desc')
    .orderBy('packages.id', 'desc')
    .limit(filter.limit)
    .execute()
}
