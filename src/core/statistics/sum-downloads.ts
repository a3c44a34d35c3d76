/** Downloads as a repository shows them beside its packages. Installs that clients report are another figure and never added (contract composer.md §7.5). */
import { authorize } from '../access/index.ts'
import { invalidInput, isDomainError } from '../kernel/errors.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { OrganizationId, PackageId } from '../kernel/values.ts'
import { addDays, listSteps, requireRange, startOfStep, toDay, type Day, type DayRange, type Step } from './days.ts'
import {
  selectDailyByVersion,
  sumByPackage,
  sumByVersion,
  sumOfPackages,
  type DownloadDays,
  type DownloadSums,
} from './downloads.sql.ts'
import { findDailySince } from './read-usage.ts'

/** In all; in the last 30 days; and in about the last 24 hours: today's and the share of yesterday's that today has yet to come to. */
export interface Downloads {
  total: number
  monthly: number
  daily: number
}

/** What a package without downloads has. */
export const NO_DOWNLOADS: Downloads = { total: 0, monthly: 0, daily: 0 }

/** A package that the caller knows the actor to see. */
interface SeenPackage {
  organization: OrganizationId
  package: PackageId
}

const MILLISECONDS_PER_DAY = 24 * 60 * 60 * 1000

/** Whether the actor may be told figures of an organization at all; what is asked below throws otherwise. */
export async function maySeeDownloads(ctx: Ctx, organization: OrganizationId): Promise<boolean> {
  try {
    await authorize(ctx, 'statistics.read', organization)
    return true
  } catch (error) {
    if (isDomainError(error)) {
      return false
    }
    throw error
  }
}

/** Downloads by package, of packages that the caller knows the actor to see; those without any are left out. `null` stands for all of the organization. */
export async function sumDownloads(
  ctx: Ctx,
  organization: OrganizationId,
  packages: readonly PackageId[] | null,
): Promise<Map<PackageId, Downloads>> {
  await authorize(ctx, 'statistics.read', organization)
  const days = toDays(ctx.now)
  const rows = packages === null ? await sumByPackage(ctx.db, organization, days) : await sumOfPackages(ctx.db, packages, days)
  return new Map(rows.map((row) => [Number(row.key) as PackageId, toDownloads(row, ctx.now)]))
}

/** Downloads by normalized version of a package that the caller knows the actor to see. */
export async function sumDownloadsByVersion(ctx: Ctx, asked: SeenPackage): Promise<Map<string, Downloads>> {
  await authorize(ctx, 'statistics.read', asked.organization)
  const rows = await sumByVersion(ctx.db, asked.package, toDays(ctx.now))
  return new Map(rows.map((row) => [String(row.key), toDownloads(row, ctx.now)]))
}

/** A figure for each step, oldest first: the average of a day, rounded up. */
export interface DownloadSeries {
  starts: Day[]
  values: Map<string, number[]>
}

/**
 * How downloads of a package that the caller knows the actor to see went, by what `groupOf` makes of each normalized version; versions of which it
 * makes null are left out. Throws `invalid_input` for a range that is none, or whose days are not known any more.
 */
export async function listDownloadSeries(
  ctx: Ctx,
  asked: SeenPackage & { range: DayRange; step: Step },
  groupOf: (version: string) => string | null,
): Promise<DownloadSeries> {
  const { range, step } = asked
  requireRange(range)
  await authorize(ctx, 'statistics.read', asked.organization)
  const kept = await findDailySince(ctx, {})
  if (step !== 'month' && kept !== null && range.since < kept) {
    throw invalidInput('average', `days are known since ${kept}; ask for monthly figures of earlier ones`)
  }
  const starts = listSteps(range, step)
  const indexes = new Map(starts.map((start, index) => [start, index]))
  const values = new Map<string, number[]>()
  for (const { version, day, count } of await selectDailyByVersion(ctx.db, asked.package, range)) {
    const group = groupOf(version)
    const index = indexes.get(startOfStep(day, step))
    if (group !== null && index !== undefined) {
      const series = values.get(group) ?? starts.map(() => 0)
      series[index] = (series[index] ?? 0) + count
      values.set(group, series)
    }
  }
  const lengths = starts.map((start, index) => countDays(start, starts[index + 1] ?? addDays(range.until, 1), range))
  return { starts, values: new Map([...values].map(([group, series]) => [group, toAverages(series, lengths)])) }
}

function toAverages(series: readonly number[], lengths: readonly number[]): number[] {
  return series.map((count, index) => Math.ceil(count / (lengths[index] ?? 1)))
}

/** Days of a step that the range has; never none. */
function countDays(start: Day, next: Day, { since }: DayRange): number {
  const from = start < since ? since : start
  return Math.max(1, Math.round((Date.parse(next) - Date.parse(from)) / MILLISECONDS_PER_DAY))
}

function toDays(now: number): DownloadDays {
  const today = toDay(now)
  return { today, yesterday: addDays(today, -1), month: addDays(today, -29) }
}

function toDownloads({ total, month, today, yesterday }: DownloadSums, now: number): Downloads {
  const left = 1 - (now % MILLISECONDS_PER_DAY) / MILLISECONDS_PER_DAY
  return { total, monthly: month, daily: today + Math.round(yesterday * left) }
}
