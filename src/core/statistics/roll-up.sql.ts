import { sql } from 'kysely'
import type { Db } from '../kernel/schema.ts'
import type { PackageId } from '../kernel/values.ts'
import { addAudienceCounts, addVersionCounts } from './counts.sql.ts'
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
  const months = new Map<string, Parameters<typeof addVersionCounts>[1][number]>()
  for (const { package_id, version, day, kind, count } of rows) {
    const month = startOfStep(day, 'month')
    const key = `${package_id} ${month} ${kind} ${version}`
    const known = months.get(key)
    months.set(key, { package: package_id, version, day: month, kind, count: count + (known?.count ?? 0) })
  }
  await addVersionCounts(db, [...months.values()])
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
  const months = new Map<string, Parameters<typeof addAudienceCounts>[1][number]>()
  for (const { package_id, audience, day, kind, count } of rows) {
    const month = startOfStep(day, 'month')
    const key = `${package_id} ${month} ${kind} ${audience}`
    const known = months.get(key)
    months.set(key, { package: package_id, audience, day: month, kind, count: count + (known?.count ?? 0) })
  }
  await addAudienceCounts(db, [...months.values()])
  return rows.length
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
