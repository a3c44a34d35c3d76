import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { JobReport } from '../kernel/jobs.ts'
import type { Mirror } from './mirror.ts'
import { postponeRefresh, selectDueMirrors } from './mirrors.sql.ts'
import { planNextRefresh } from './record-refresh.ts'
import { enqueueRefresh } from './refresh-jobs.ts'

const MIRRORS_PER_RUN = 200

/** Asks for a refresh of the mirrors whose time has come. Safe to run twice: a mirror is taken by compare-and-set on its time. */
export async function scheduleMirrors(ctx: Ctx, report: JobReport): Promise<void> {
  const due = await selectDueMirrors(ctx.db, ctx.now, MIRRORS_PER_RUN)
  if (due.length > 0) {
    await ctx.transaction((tx) => requestRefreshes(tx, due))
  }
  report.log('info', `${due.length} mirrors are due.`)
}

async function requestRefreshes(tx: Tx, due: readonly Mirror[]): Promise<void> {
  let mirrors = 0
  // In one order everywhere: two transactions that take the same rows and keys must not wait for each other in a circle.
  for (const mirror of due.toSorted((left, right) => left.id - right.id)) {
    const next = planNextRefresh(mirror, { now: tx.now, isFailing: mirror.failingSince !== null })
    if (await postponeRefresh(tx.db, mirror, next)) {
      await enqueueRefresh(tx, mirror, 'background')
      mirrors += 1
    }
  }
  await tx.record({ type: 'mirrors.scheduled', organization: null, mirrors })
}
