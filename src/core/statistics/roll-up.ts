import { findSetting, putSetting } from '../instance/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { JobReport } from '../kernel/jobs.ts'
import { lastDays, startOfStep, type Day } from './days.ts'
import { foldOldAudiences, foldOldDays, hasOldAudiences, hasOldDays, listPackagesAfter } from './roll-up.sql.ts'
import { deleteUnknownInstallsBefore, hasUnknownInstallsBefore } from './unknown-installs.sql.ts'

/** Settings that say before which day counts are kept by month. */
export const DAYS_SETTING = 'statistics_by_month_before'
/** The same for the counts by audience. */
export const AUDIENCES_SETTING = 'audiences_by_month_before'
/** Who downloads is known by day for a quarter of a year: the product of packages and audiences is large. */
const AUDIENCE_DAYS = 92
const UNKNOWN_KEPT = 90 * 24 * 60 * 60 * 1000
const PACKAGES_PER_STEP = 100

/**
 * Moves the counts of complete months that are older than the configured time to the first day of their month. Nothing is lost by it: totals and
 * figures by month stay the same. Each step is one transaction that moves or does not; a run that was interrupted is simply run again.
 */
export async function rollUpStatistics(ctx: Ctx, report: JobReport): Promise<void> {
  const versions = startOfStep(lastDays(ctx.now, ctx.retention.statisticsDays).since, 'month')
  const audiences = startOfStep(lastDays(ctx.now, AUDIENCE_DAYS).since, 'month')
  await rollUp(ctx, { setting: DAYS_SETTING, before: versions, table: 'days', report })
  await rollUp(ctx, { setting: AUDIENCES_SETTING, before: audiences, table: 'audiences', report })
  if (await hasUnknownInstallsBefore(ctx.db, ctx.now - UNKNOWN_KEPT)) {
    await ctx.transaction(async (tx) => {
      const rows = await deleteUnknownInstallsBefore(tx.db, tx.now - UNKNOWN_KEPT)
      await tx.record({ type: 'statistics.rolled-up', organization: null, before: versions, rows })
    })
  }
}

const FOLDING = {
  days: { fold: foldOldDays, hasOld: hasOldDays },
  audiences: { fold: foldOldAudiences, hasOld: hasOldAudiences },
}

interface RollUp {
  /** Up to which day it is done, so that most runs have nothing to look for. */
  setting: string
  before: Day
  table: 'days' | 'audiences'
  report: JobReport
}

async function rollUp(ctx: Ctx, { setting, before, table, report }: RollUp): Promise<void> {
  if (((await findSetting(ctx.db, setting)) ?? '') >= before) {
    return
  }
  const { fold, hasOld } = FOLDING[table]
  await report.step(setting)
  let after = 0
  for (;;) {
    const packages = await listPackagesAfter(ctx.db, after, PACKAGES_PER_STEP)
    const last = packages.at(-1)
    if (last === undefined) {
      break
    }
    if (await hasOld(ctx.db, packages, before)) {
      await ctx.transaction(async (tx) => {
        const rows = await fold(tx.db, packages, before)
        await tx.record({ type: 'statistics.rolled-up', organization: null, before, rows })
      })
    }
    after = last
  }
  await ctx.transaction(async (tx) => {
    await putSetting(tx.db, setting, before)
    await tx.record({ type: 'statistics.rolled-up', organization: null, before, rows: 0 })
  })
}
