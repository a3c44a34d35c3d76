import { sql, type ExpressionBuilder, type SqlBool } from 'kysely'
import { openMirrors, type PackageVisibility } from '../access/index.ts'
import type { Db, Schema } from '../kernel/schema.ts'
import type { Instant, OrganizationId, PackageId, SourceId, VersionId } from '../kernel/values.ts'
import { namesOfTeams } from '../organizations/index.ts'
import { openSources } from './listing.sql.ts'
import { escapeLike, toLikePattern } from '../kernel/like-pattern.ts'

/** A published version with where it comes from. `lastDay` is the last day on which it was downloaded, `YYYY-MM-DD`. */
export interface PublishedVersionRow {
  id: VersionId
  package: PackageId
  name: string
  version: string
  ref: string
  publishedAt: Instant
  source: SourceId
  lastDay: string | null
}

/** Which versions: those of organizations as far as they are visible there, perhaps of one source alone. */
export interface VersionFilter {
  parts: readonly { organization: OrganizationId; visible: PackageVisibility }[]
  source: SourceId | null
  id?: VersionId
  /** A part of the name, and an exact name. */
  search?: string | null
  name?: string
  /** Exactly this version, with or without a `v`. */
  version?: string | null
}

/** How versions are ordered and which of them are wanted. */
export interface VersionPage {
  orderBy: 'created' | 'name' | 'version' | 'source'
  direction: 'asc' | 'desc'
  limit: number
  offset: number
}

type Where = ExpressionBuilder<Schema, 'versions' | 'packages' | 'sources'>

/** The condition for what one organization shows of its packages. */
export function visibleIn(db: Db, where: Where, { organization, visible }: VersionFilter['parts'][number]) {
  const { globs, teams, sources } = visible
  const conditions = [where('packages.organization_id', '=', organization)]
  if (teams !== null) {
    const ofTeams = where('packages.name', 'in', namesOfTeams(db, teams.ids))
    conditions.push(where.or([ofTeams, where('packages.source_id', 'in', openMirrors(db))]))
  }
  if (sources !== null) {
    const { only } = sources
    conditions.push(
      typeof only === 'number'
        ? where('packages.source_id', '=', only)
        : where('packages.source_id', 'in', openSources(db, organization, only)),
    )
  }
  if (globs !== null) {
    const names = globs.map(toLikePattern)
    conditions.push(where.or(names.map((name) => sql<SqlBool>`packages.name like ${name} escape '!'`)))
  }
  return where.and(conditions)
}

function matching(db: Db, filter: VersionFilter) {
  const { source, id, search, name, version } = filter
  let query = db
    .selectFrom('versions')
    .innerJoin('packages', 'packages.id', 'versions.package_id')
    .innerJoin('sources', 'sources.id', 'packages.source_id')
    .where('versions.removed_at', 'is', null)
    .where((where) => where.or(filter.parts.map((part) => visibleIn(db, where, part))))
  if (source !== null) {
    query = query.where('packages.source_id', '=', source)
  }
  if (id !== undefined) {
    query = query.where('versions.id', '=', id)
  }
  if (name !== undefined) {
    query = query.where('packages.name', '=', name)
  }
  if (search !== undefined && search !== null) {
    query = query.where(sql<SqlBool>`packages.name like ${`%${escapeLike(search.toLowerCase())}%`} escape '!'`)
  }
  if (version !== undefined && version !== null) {
    query = query.where('versions.version', 'in', [version, `v${version}`])
  }
  return query
}

/** How many versions match. */
export async function countPublishedVersions(db: Db, filter: VersionFilter): Promise<number> {
  const row = await matching(db, filter)
    .select((select) => select.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return row.count
}

const ORDERS = {
  created: 'versions.published_at',
  name: 'packages.name',
  version: 'versions.version',
  source: 'sources.path',
} as const

/** Versions that match, those of one rank in the order of their ids. */
export async function selectPublishedVersions(
  db: Db,
  filter: VersionFilter,
  { orderBy, direction, limit, offset }: VersionPage,
): Promise<PublishedVersionRow[]> {
  return matching(db, filter)
    .select([
      'versions.id',
      'packages.id as package',
      'packages.name',
      'versions.version',
      'versions.ref',
      'versions.published_at as publishedAt',
      'packages.source_id as source',
    ])
    .select((select) =>
      select
        .selectFrom('download_counts')
        .select((inner) => inner.fn.max('day').as('day'))
        .whereRef('download_counts.package_id', '=', 'packages.id')
        .whereRef('download_counts.version', '=', 'versions.normalized')
        .where('download_counts.kind', '=', 'download')
        .as('lastDay'),
    )
    .orderBy(ORDERS[orderBy], direction)
    .orderBy('versions.id', direction)
    .limit(limit)
    .offset(offset)
    .execute()
}
