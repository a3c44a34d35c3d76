import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import type { PackageVisibility } from '../access/index.ts'
import type { Db, Schema } from '../kernel/schema.ts'
import type { Instant, OrganizationId, VersionId } from '../kernel/values.ts'
import { visibleIn } from './published-versions.sql.ts'

type Where = ExpressionBuilder<Schema, 'versions' | 'packages' | 'sources'>

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

/** Versions that were published last are looked at first: who asks for a feed wants some of them, and the rest may be millions. */
const RECENT = 5_000

function visibleVersions(db: Db, filter: ReleaseFilter) {
  const { organization, visible } = filter
  const query = db
    .selectFrom('versions')
    .innerJoin('packages', 'packages.id', 'versions.package_id')
    .innerJoin('sources', 'sources.id', 'packages.source_id')
    .where('versions.removed_at', 'is', null)
    .where((where) => visibleIn(db, where, { organization, visible }))
  return query.where((where) => where.and(toConditions(where, filter)))
}

function toConditions(where: Where, { vendor, name, types }: ReleaseFilter) {
  const conditions: Expression<SqlBool>[] = []
  if (vendor !== null) {
    // '0' follows '/' in the order of bytes.
    conditions.push(where('packages.name', '>', `${vendor}/`), where('packages.name', '<', `${vendor}0`))
  }
  if (name !== null) {
    conditions.push(where('packages.name', '=', name))
  }
  if (types !== null) {
    conditions.push(where('packages.type', 'in', types))
  }
  return conditions
}

/** Releases, the one that was published here last first; branches are none. */
export async function selectReleases(db: Db, filter: ReleaseFilter): Promise<ReleaseRow[]> {
  const newest = await db
    .selectFrom('versions')
    .select((select) => select.fn.max<VersionId | null>('id').as('id'))
    .executeTakeFirst()
  const recent = releases(db, filter).where('versions.id', '>', ((newest?.id ?? 0) - RECENT) as VersionId)
  const rows = await recent.execute()
  return rows.length < filter.limit ? releases(db, filter).execute() : rows
}

function releases(db: Db, filter: ReleaseFilter) {
  return visibleVersions(db, filter)
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
}

/** Packages that have a version, the one that was added last first. */
export async function selectNewPackages(
  db: Db,
  filter: ReleaseFilter,
): Promise<{ name: string; description: string; createdAt: Instant }[]> {
  const { organization, visible } = filter
  return db
    .selectFrom('packages')
    .innerJoin('sources', 'sources.id', 'packages.source_id')
    .select(['packages.name', 'packages.description', 'packages.created_at as createdAt'])
    .where((where) => visibleIn(db, where as unknown as Where, { organization, visible }))
    .where((where) => where.and(toConditions(where as unknown as Where, filter)))
    .where((where) =>
      where.exists(
        where
          .selectFrom('versions')
          .select('versions.id')
          .whereRef('versions.package_id', '=', 'packages.id')
          .where('versions.removed_at', 'is', null),
      ),
    )
    .orderBy('packages.created_at', 'desc')
    .orderBy('packages.id', 'desc')
    .limit(filter.limit)
    .execute()
}
