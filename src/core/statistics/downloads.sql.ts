import { sql, type RawBuilder } from 'kysely'
import type { Db } from '../kernel/schema.ts'
import type { OrganizationId, PackageId } from '../kernel/values.ts'
import type { Day, DayRange } from './days.ts'

/** The sums of one package, or of one of its versions (normalized). */
export interface DownloadSums {
  key: string | number
  total: number
  month: number
  today: number
  yesterday: number
}

/** The beginnings that sums are asked for: that of the last 30 days, yesterday and today. */
export interface DownloadDays {
  month: Day
  yesterday: Day
  today: Day
}

function sumIf(condition: RawBuilder<unknown>): RawBuilder<number> {
  return sql<number>`cast(coalesce(sum(case when ${condition} then counts.count else 0 end), 0) as bigint)`
}

function sums(key: RawBuilder<unknown>, { month, yesterday, today }: DownloadDays): RawBuilder<unknown> {
  return sql`${key} as key, cast(sum(counts.count) as bigint) as total, ${sumIf(sql`counts.day >= ${month}`)} as month,
    ${sumIf(sql`counts.day >= ${today}`)} as today, ${sumIf(sql`counts.day = ${yesterday}`)} as yesterday`
}

/** Downloads of every package of an organization that has any. */
export async function sumByPackage(db: Db, organization: OrganizationId, days: DownloadDays): Promise<DownloadSums[]> {
  const { rows } = await sql<DownloadSums>`select ${sums(sql`counts.package_id`, days)}
    from download_counts as counts join packages on packages.id = counts.package_id
    where packages.organization_id = ${organization} and counts.kind = 'download' group by counts.package_id`.execute(db)
  return rows
}

/** Downloads of these packages (at most a page of them), those without any left out. */
export async function sumOfPackages(db: Db, packages: readonly PackageId[], days: DownloadDays): Promise<DownloadSums[]> {
  if (packages.length === 0) {
    return []
  }
  const { rows } = await sql<DownloadSums>`select ${sums(sql`counts.package_id`, days)} from download_counts as counts
    where counts.package_id in (${sql.join(packages)}) and counts.kind = 'download' group by counts.package_id`.execute(db)
  return rows
}

/** Downloads of each version of a package that has any, also of those that are gone. */
export async function sumByVersion(db: Db, target: PackageId, days: DownloadDays): Promise<DownloadSums[]> {
  const { rows } = await sql<DownloadSums>`select ${sums(sql`counts.version`, days)} from download_counts as counts
    where counts.package_id = ${target} and counts.kind = 'download' group by counts.version`.execute(db)
  return rows
}

/** Downloads of each version on each day of a range that has any. */
export async function selectDailyByVersion(
  db: Db,
  target: PackageId,
  { since, until }: DayRange,
): Promise<{ version: string; day: Day; count: number }[]> {
  return db
    .selectFrom('download_counts')
    .select(['version', 'day', 'count'])
    .where('package_id', '=', target)
    .where('kind', '=', 'download')
    .where('day', '>=', since)
    .where('day', '<=', until)
    .execute()
}
