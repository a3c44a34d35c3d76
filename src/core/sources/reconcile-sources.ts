/**
 * The reconciler finds what hooks missed. Every minute it asks for a sync of the sources whose time has come, a bounded number
 * at once, and says of which sources a hook stayed silent about a change. It is safe to run twice: a source is taken by
 * compare-and-set on its time, and of several syncs that wait for one source only one is kept.
 */
import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { JobReport } from '../kernel/jobs.ts'
import { enqueueSync } from './add-source.ts'
import { planNextSync } from './plan-next-sync.ts'
import { markMissed, postponeSync, selectMissedChanges, selectOverdue } from './reconcile.sql.ts'
import type { Source } from './sources.sql.ts'

/** Syncs that one run asks for. At one run a minute this is enough for 3,000 sources every 15 minutes. */
const SYNCS_PER_RUN = 200
const MISSES_PER_RUN = 200
/** A delivery may arrive this long after a sync found its change: hosts send them from queues of their own. */
const DELIVERY_GRACE = 2 * 60_000

/** What one run of the reconciler did. */
export interface Reconciliation {
  /** Sources for which a sync was asked. */
  due: number
  /** Changes that hooks missed and that were not reported before. */
  missed: number
}

/** Asks for the syncs that are due and reports what hooks missed. */
export async function reconcileSources(ctx: Ctx, report: JobReport): Promise<Reconciliation> {
  const missed = await reportMissed(ctx, report)
  const overdue = await selectOverdue(ctx.db, ctx.now, SYNCS_PER_RUN)
  const due = overdue.length === 0 ? 0 : await ctx.transaction((tx) => requestSyncs(tx, overdue))
  report.log('info', `${due} sources are due, ${missed} changes were missed by hooks.`)
  return { due, missed }
}

async function requestSyncs(tx: Tx, overdue: readonly Source[]): Promise<number> {
  let due = 0
  // In one order everywhere: two transactions that take the same rows and keys must not wait for each other in a circle.
  for (const source of overdue.toSorted((left, right) => left.id - right.id)) {
    const next = planNextSync({ ...source, overdueSyncs: source.overdueSyncs + 1 }, tx.now)
    if (await postponeSync(tx.db, source, next)) {
      await enqueueSync(tx, source, 'background')
      due += 1
    }
  }
  await tx.record({ type: 'sources.reconciled', organization: null, sources: due })
  return due
}

async function reportMissed(ctx: Ctx, report: JobReport): Promise<number> {
  const missed = await selectMissedChanges(ctx.db, {
    foundBefore: ctx.now - DELIVERY_GRACE,
    limit: MISSES_PER_RUN,
  })
  for (const { source, organization, since, found } of missed) {
    await ctx.transaction(async (tx) => {
      if (await markMissed(tx.db, { source, organization, since, found })) {
        await tx.record({ type: 'source.hook-missed', organization, source, since, found })
      }
    })
    report.log('warning', `The hook of source ${source} did not announce a change.`)
  }
  return missed.length
}
