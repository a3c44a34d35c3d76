import { sql } from 'kysely'
import type { Db } from '../kernel/schema.ts'
import type { PackageId } from '../kernel/values.ts'
import { addAudienceCounts, addVersionCounts, type Count } from './counts.sql.ts'
import { startOfStep, type Day } from './days.ts'

/** Ids of packages of all organizations in order. */
export async function listPackagesAfter(db: Db, after: number, limit: number): Promise<PackageId[]> {
  const rows = await db
    .selectFrom('packages')
    .select('id')
    .where('id', '>', after as PackageId)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map((row) => row.id)
}

/**
 * Moves the counts of these packages before a day to the first days of their months. Returns how many rows went. What is deleted is what is
 * added, in one statement each, so that nothing written in between is lost.
 */
export async function foldOldDays(db: Db, packages: readonly PackageId[], before: Day): Promise<number> {
  const rows = await db
    .deleteFrom('download_counts')
    .where('package_id', 'in', packages)
    .where('day', '<', before)
    .where(sql<boolean>`substr(day, 9, 2) <> '01'`)
    .returningAll()
    .execute()
  const counts = rows.map(({ package_id, ...row }) => ({ ...row, package: package_id }))
  await addVersionCounts(
    db,
    toMonths(counts, ({ version }) => version),
  )
  return rows.length
}

/** The same for the counts by audience. */
export async function foldOldAudiences(db: Db, packages: readonly PackageId[], before: Day): Promise<number> {
  const rows = await db
    .deleteFrom('audience_counts')
    .where('package_id', 'in', packages)
    .where('day', '<', before)
    .where(sql<boolean>`substr(day, 9, 2) <> '01'`)
    .returningAll()
    .execute()
  const counts = rows.map(({ package_id, ...row }) => ({ ...row, package: package_id }))
  await addAudienceCounts(
    db,
    toMonths(counts, ({ audience }) => audience),
  )
  return rows.length
}

/** Counts by day as counts of the first days of their months; `labelOf` tells counts of one package, month and kind apart. */
function toMonths<One extends Pick<Count, 'package' | 'day' | 'kind' | 'count'>>(
  counts: readonly One[],
  labelOf: (count: One) => string,
): One[] {
  const months = new Map<string, One>()
  for (const one of counts) {
    const day = startOfStep(one.day, 'month')
    const key = `${one.package} ${day} ${one.kind} ${labelOf(one)}`
    months.set(key, { ...one, day, count: one.count + (months.get(key)?.count ?? 0) })
  }
  return [...months.values()]
}

/** Whether these packages have counts by day before a day. */
export async function hasOldDays(db: Db, packages: readonly PackageId[], before: Day): Promise<boolean> {
  const row = await db
    .selectFrom('download_counts')
    .select('day')
    .where('package_id', 'in', packages)
    .where('day', '<', before)
    .where(sql<boolean>`substr(day, 9, 2) <> '01'`)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** The same for the counts by audience. */
export async function hasOldAudiences(db: Db, packages: readonly PackageId[], before: Day): Promise<boolean> {
  const row = await db
    .selectFrom('audience_counts')
    .select('day')
    .where('package_id', 'in', packages)
    .where('day', '<', before)
    .where(sql<boolean>`substr(day, 9, 2) <> '01'`)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
