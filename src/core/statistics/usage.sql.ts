import { sql, type RawBuilder } from 'kysely'
import type { Db } from '../kernel/schema.ts'
import type { OrganizationId, PackageId, SourceId, TeamId } from '../kernel/values.ts'
import type { Day, DayRange } from './days.ts'
import { toLikePattern } from '../kernel/like-pattern.ts'

/** What is added up. Null means everything of that sort. */
export interface UsageFilter {
  organization: OrganizationId
  package: PackageId | null
  /** Normalized; only together with a package. */
  version: string | null
  kind: 'download' | 'install' | null
  /** `token:<id>`, or a sort of audience such as `customer:`, which means all of them; never together with a version. */
  audience: string | null
  /** The name patterns to which the asker is limited. */
  globs: readonly string[] | null
  /** The teams to whose packages the asker is limited. */
  teams: readonly TeamId[] | null
  /** The only source to whose packages the asker is limited. */
  source: SourceId | null
}

/** What a top list ranks. */
export type UsageGrouping = 'package' | 'version' | 'audience' | 'source'

/** One figure of a list. `key` is the package's name, the normalized version, the audience, or the number of the source. */
export interface UsageGroup {
  key: string
  packageName: string | null
  count: number
}

/** Sums are numerics on one database and integers on the other. */
function total(of: RawBuilder<unknown>): RawBuilder<number> {
  return sql<number>`cast(coalesce(sum(${of}), 0) as bigint)`
}

const COUNT = sql`counts.count`

function joined(filter: UsageFilter, byAudience: boolean): RawBuilder<unknown> {
  const table = byAudience || filter.audience !== null ? sql.table('audience_counts') : sql.table('download_counts')
  return sql`from ${table} as counts join packages on packages.id = counts.package_id where ${sql.join(toConditions(filter), sql` and `)}`
}

function toConditions(filter: UsageFilter): RawBuilder<unknown>[] {
  const { audience, globs, teams, source } = filter
  const conditions = [sql`packages.organization_id = ${filter.organization}`]
  if (filter.package !== null) {
    conditions.push(sql`counts.package_id = ${filter.package}`)
  }
  if (filter.version !== null) {
    conditions.push(sql`counts.version = ${filter.version}`)
  }
  if (filter.kind !== null) {
    conditions.push(sql`counts.kind = ${filter.kind}`)
  }
  if (audience !== null) {
    conditions.push(audience.endsWith(':') ? sql`counts.audience like ${`${audience}%`}` : sql`counts.audience = ${audience}`)
  }
  if (globs !== null) {
    const patterns = globs.map(toLikePattern)
    const covered = patterns.map((pattern) => sql`packages.name like ${pattern} escape '!'`)
    conditions.push(sql`(${sql.join(covered, sql` or `)})`)
  }
  if (source !== null) {
    conditions.push(sql`packages.source_id = ${source}`)
  }
  if (teams !== null) {
    const ids = teams.length === 0 ? sql`null` : sql.join(teams)
    conditions.push(sql`packages.name in (select name from team_packages where team_id in (${ids}))`)
  }
  return conditions
}

/** Adds up everything and what fell on or after each of three days, with the last day that has a count. */
export async function sumUsage(
  db: Db,
  filter: UsageFilter,
  since: readonly [today: Day, week: Day, month: Day],
): Promise<{ total: number; today: number; week: number; month: number; last: Day | null }> {
  const [today, week, month] = since.map((day) => total(sql`case when counts.day >= ${day} then counts.count else 0 end`))
  const { rows } = await sql<{ total: number; today: number; week: number; month: number; last: Day | null }>`
    select ${total(COUNT)} as total, ${today} as today, ${week} as week, ${month} as month, max(counts.day) as last
    ${joined(filter, false)}`.execute(db)
  return rows[0] ?? { total: 0, today: 0, week: 0, month: 0, last: null }
}

/** The sums of the days of a range that have any. */
export async function sumUsageByDay(db: Db, filter: UsageFilter, range: DayRange): Promise<{ day: Day; count: number }[]> {
  const { rows } = await sql<{ day: Day; count: number }>`
    select counts.day as day, ${total(COUNT)} as count ${joined(filter, false)}
    and counts.day >= ${range.since} and counts.day <= ${range.until} group by counts.day order by counts.day`.execute(db)
  return rows
}

/** The sum of a range. */
export async function sumUsageOfRange(db: Db, filter: UsageFilter, range: DayRange): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select ${total(COUNT)} as count ${joined(filter, false)}
    and counts.day >= ${range.since} and counts.day <= ${range.until}`.execute(db)
  return rows[0]?.count ?? 0
}

/** The largest sums of a range, largest first and equal ones by key. */
export async function rankUsage(
  db: Db,
  filter: UsageFilter,
  wanted: { by: UsageGrouping; range: DayRange; limit: number },
): Promise<UsageGroup[]> {
  const key = toKey(wanted.by)
  const groups = wanted.by === 'version' ? sql`${key}, packages.name` : key
  const name = wanted.by === 'version' ? sql`packages.name` : sql`null`
  const { rows } = await sql<UsageGroup>`
    select ${key} as key, ${name} as ${sql.ref('packageName')}, ${total(COUNT)} as count
    ${joined(filter, wanted.by === 'audience')}
    and counts.day >= ${wanted.range.since} and counts.day <= ${wanted.range.until}
    group by ${groups} order by count desc, key limit ${wanted.limit}`.execute(db)
  return rows
}

function toKey(by: UsageGrouping): RawBuilder<unknown> {
  switch (by) {
    case 'package':
      return sql`packages.name`
    case 'version':
      return sql`counts.version`
    case 'audience':
      return sql`counts.audience`
    case 'source':
      return sql`cast(packages.source_id as text)`
  }
}

/** How many different audiences have counts in a range. */
export async function countAudiences(db: Db, filter: UsageFilter, range: DayRange): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select cast(count(distinct counts.audience) as bigint) as count ${joined(filter, true)}
    and counts.day >= ${range.since} and counts.day <= ${range.until}`.execute(db)
  return rows[0]?.count ?? 0
}

/** The names of tokens, also of revoked ones. */
export async function selectTokenNames(db: Db, ids: readonly number[]): Promise<Map<number, string>> {
  const rows = await db
    .selectFrom('tokens')
    .select(['id', 'name'])
    .where('id', 'in', ids as never[])
    .execute()
  return new Map(rows.map((row) => [row.id, row.name]))
}

/** The addresses of sources. */
export async function selectSourceUrls(db: Db, ids: readonly number[]): Promise<Map<number, string>> {
  const rows = await db
    .selectFrom('sources')
    .select(['id', 'url'])
    .where('id', 'in', ids as never[])
    .execute()
  return new Map(rows.map((row) => [row.id, row.url]))
}
