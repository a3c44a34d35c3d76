/**
 * What the counts tell, for one organization at a time. Whoever is limited to packages, by a token or by teams, sees the figures of those only. Days are UTC days.
 * Figures by day are kept for a configured time, later ones stand under the first day of their month: series by day and week reach back so far,
 * series by month as far as there are counts.
 */
import { authorize, getPackageVisibility, isPackageVisible, type PackageVisibility } from '../access/index.ts'
import { findSetting } from '../instance/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { findOrganization } from '../organizations/index.ts'
import { findPackage } from '../packages/index.ts'
import { AUDIENCES_SETTING, DAYS_SETTING } from './roll-up.ts'
import { addDays, listSteps, requireRange, startOfStep, toDay, type Day, type DayRange, type Step } from './days.ts'
import { findNormalized } from './counts.sql.ts'
import {
  countAudiences,
  rankUsage,
  selectSourceUrls,
  selectTokenNames,
  sumUsage,
  sumUsageByDay,
  sumUsageOfRange,
  type UsageFilter,
  type UsageGroup,
} from './usage.sql.ts'
import { selectUnknownInstalls } from './unknown-installs.sql.ts'

/** What somebody asks about. Null and absent mean everything of that sort. */
export interface UsageScope {
  organization: OrganizationId
  /** A package's name. */
  package?: string | null
  /** A version of that package, as tagged or normalized. */
  version?: string | null
  kind?: 'download' | 'install' | null
  /** `token:<id>`, or `customer:` for all customers; then no version. Needs the right to see who downloads. */
  audience?: string | null
}

/** Totals for a page. The last 7 and 30 days include today. */
export interface UsageTotals {
  total: number
  today: number
  last7Days: number
  last30Days: number
  /** The last day with a count, or null when there is none. */
  lastDay: Day | null
}

/** One figure of a series; `start` is the first day of its step. */
export interface UsagePoint {
  start: Day
  count: number
}

/** A line of a top list. */
export interface TopUsage {
  /** The package's name, the normalized version, `token:<id>` and the like, or the number of the source. */
  key: string
  /** For people: the token's name, the source's address, the package and version. */
  label: string
  count: number
}

const MAX_TOP = 500

/** Totals of a scope. Throws as all questions here: `forbidden` and its kin, `package_not_found`, `version_not_found`, `invalid_input`. */
export async function getUsageTotals(ctx: Ctx, scope: UsageScope): Promise<UsageTotals> {
  const filter = await toFilter(ctx, scope)
  const today = toDay(ctx.now)
  const sums = await sumUsage(ctx.db, filter, [today, addDays(today, -6), addDays(today, -29)])
  return { total: sums.total, today: sums.today, last7Days: sums.week, last30Days: sums.month, lastDay: sums.last }
}

/** The sum of a range. */
export async function getUsageOfRange(ctx: Ctx, scope: UsageScope, range: DayRange): Promise<number> {
  requireRange(range)
  return sumUsageOfRange(ctx.db, await toFilter(ctx, scope), range)
}

/**
 * A figure for every step that the range touches, zeros included, oldest first. Counts before `since` and after `until` are not in it,
 * also where a step begins earlier or ends later. Refuses steps that are finer than what is still known of the range.
 */
export async function listUsageSeries(
  ctx: Ctx,
  scope: UsageScope,
  { step, ...range }: DayRange & { step: Step },
): Promise<UsagePoint[]> {
  requireRange(range)
  const filter = await toFilter(ctx, scope)
  const kept = await findDailySince(ctx, scope)
  if (step !== 'month' && kept !== null && range.since < kept) {
    throw invalidInput('since', `figures by ${step} are kept since ${kept}; ask by month for earlier ones`)
  }
  const counts = new Map<Day, number>()
  for (const { day, count } of await sumUsageByDay(ctx.db, filter, range)) {
    const start = startOfStep(day, step)
    counts.set(start, (counts.get(start) ?? 0) + count)
  }
  return listSteps(range, step).map((start) => ({ start, count: counts.get(start) ?? 0 }))
}

/** The first day of which figures by day are there, or null when nothing was moved to its month yet. Those of audiences are kept for less long. */
export function findDailySince(ctx: Pick<Ctx, 'db'>, scope: Pick<UsageScope, 'audience'>): Promise<Day | null> {
  return findSetting(ctx.db, (scope.audience ?? null) === null ? DAYS_SETTING : AUDIENCES_SETTING)
}

/** The most used packages, versions, tokens or sources of a range, at most `limit`; those by token need the right to see who downloads. */
export async function listTopUsage(
  ctx: Ctx,
  scope: UsageScope,
  wanted: { by: 'package' | 'version' | 'token' | 'source'; range: DayRange; limit: number },
): Promise<TopUsage[]> {
  requireRange(wanted.range)
  if (wanted.by === 'token') {
    await authorize(ctx, 'statistics.audiences', scope.organization)
  }
  const filter = await toFilter(ctx, scope)
  if ((wanted.by === 'token' && filter.version !== null) || (wanted.by === 'version' && filter.audience !== null)) {
    throw invalidInput('by', 'tokens are counted per package, not per version')
  }
  const by = wanted.by === 'token' ? 'audience' : wanted.by
  const limit = Math.min(Math.max(1, wanted.limit), MAX_TOP)
  const groups = await rankUsage(ctx.db, filter, { by, range: wanted.range, limit })
  const labels = await findLabels(ctx, by, groups)
  return groups.map((group) => ({ key: group.key, label: labels(group), count: group.count }))
}

/** How many different tokens (`token:`) or customers (`customer:`) there were in a range; needs the right to see who downloads. */
export async function countUsageAudiences(ctx: Ctx, scope: UsageScope, range: DayRange): Promise<number> {
  requireRange(range)
  await authorize(ctx, 'statistics.audiences', scope.organization)
  return countAudiences(ctx.db, await toFilter(ctx, scope), range)
}

/** Installs that clients reported of names without a package, most first. The empty name stands for all that were too many to keep. */
export async function listUnknownInstalls(
  ctx: Ctx,
  organization: OrganizationId,
): Promise<{ name: string; count: number; lastAt: number }[]> {
  await authorize(ctx, 'statistics.audiences', organization)
  return selectUnknownInstalls(ctx.db, organization)
}

async function toFilter(ctx: Ctx, scope: UsageScope): Promise<UsageFilter> {
  const { organization } = scope
  const name = scope.package?.toLowerCase() ?? null
  const version = scope.version ?? null
  const audience = scope.audience ?? null
  await authorize(ctx, 'statistics.read', organization)
  const visible = await getVisible(ctx, organization)
  if (audience !== null) {
    await authorize(ctx, 'statistics.audiences', organization)
  }
  if (version !== null && (name === null || audience !== null)) {
    throw invalidInput('version', 'give a package with it, and no audience')
  }
  const target = name === null ? null : await findPackage(ctx.db, organization, name)
  if (name !== null && (target === null || !isPackageVisible(visible, name))) {
    throw new DomainError('package_not_found')
  }
  return {
    organization,
    package: target?.id ?? null,
    version: target === null || version === null ? null : await getNormalized(ctx, target.id, version),
    kind: scope.kind ?? null,
    audience,
    globs: visible.globs,
    teams: visible.teams?.ids ?? null,
    source: typeof visible.sources?.only === 'number' ? visible.sources.only : null,
  }
}

async function getVisible(ctx: Ctx, id: OrganizationId): Promise<PackageVisibility> {
  const organization = await findOrganization(ctx.db, id)
  if (organization === null) {
    throw new DomainError('organization_not_found')
  }
  return getPackageVisibility(ctx, organization)
}

/** A version that is gone is still found by its normalized form while it has counts. */
async function getNormalized(ctx: Ctx, target: NonNullable<UsageFilter['package']>, version: string): Promise<string> {
  const normalized = await findNormalized(ctx.db, target, version)
  if (normalized === null) {
    throw new DomainError('version_not_found')
  }
  return normalized
}

async function findLabels(ctx: Ctx, by: string, groups: readonly UsageGroup[]): Promise<(group: UsageGroup) => string> {
  switch (by) {
    case 'audience': {
      const ids = groups.flatMap(({ key }) => (key.startsWith('token:') ? [Number(key.slice(6))] : []))
      const names = ids.length === 0 ? new Map<number, string>() : await selectTokenNames(ctx.db, ids)
      return ({ key }) => names.get(Number(key.slice(6))) ?? key
    }
    case 'source': {
      const urls =
        groups.length === 0
          ? new Map<number, string>()
          : await selectSourceUrls(
              ctx.db,
              groups.map(({ key }) => Number(key)),
            )
      return ({ key }) => urls.get(Number(key)) ?? key
    }
    case 'version':
      return ({ key, packageName }) => `${packageName} ${key}`
    default:
      return ({ key }) => key
  }
}
