import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { DomainError } from '../kernel/errors.ts'
import type { Instant } from '../kernel/values.ts'
import { insertSyncRun, NO_COUNTS } from '../sources/index.ts'
import { pruneAbsences } from './mirrored-packages.sql.ts'
import type { Mirror } from './mirror.ts'
import { writeFailing, writeRefreshed } from './mirrors.sql.ts'
import type { RefreshPlan } from './plan-refresh.ts'
import { recordReserved } from './record-mirrored-package.ts'
import type { RefreshOutcome } from './refresh-packages.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
/** Without a feed of changes (PR-705). */
const USUAL_INTERVAL = 240 * MINUTE
const FEED_INTERVAL = MINUTE
/** How soon an upstream that failed is asked again, unless it is asked more often anyway. */
const RETRY_INTERVAL = 10 * MINUTE
/** A feed that has nothing to say for a mirror is asked again from the same place for this long, and nothing is written. */
const QUIET = 10 * MINUTE
const ABSENCES_LAST = 30 * 24 * 60 * MINUTE
/** Names that nobody has can be made up without end. */
const MOST_ABSENCES = 50_000
const NAMED_FAILURES = 20

/** When a mirror is refreshed next after a success or a failure. */
export function planNextRefresh(
  { root, refreshSeconds }: Pick<Mirror, 'root' | 'refreshSeconds'>,
  { now, isFailing }: { now: Instant; isFailing: boolean },
): Instant {
  const hasFeed = (root?.changesUrl ?? null) !== null
  const usual = hasFeed ? FEED_INTERVAL : USUAL_INTERVAL
  const interval = refreshSeconds === null ? usual : refreshSeconds * SECOND
  return now + (isFailing ? Math.min(Math.max(interval, FEED_INTERVAL), RETRY_INTERVAL) : interval)
}

/** Writes what a refresh came to: to the mirror, and to its log unless a look at the feed of changes found nothing. */
export async function recordRefresh(
  ctx: Ctx,
  { mirror, plan, outcome }: { mirror: Mirror; plan: RefreshPlan; outcome: RefreshOutcome },
): Promise<void> {
  const { organization, id: source } = mirror
  const at = ctx.clock.now()
  const next = planNextRefresh(mirror, { now: at, isFailing: false })
  const isNews = plan.isComplete || plan.names.length > 0 || mirror.failingSince !== null
  if (!isNews && mirror.refreshedAt !== null && mirror.refreshedAt + QUIET > at) {
    return
  }
  await ctx.transaction(async (tx) => {
    if (!(await writeRefreshed(tx.db, source, { at, next, feedSince: nextPlace(mirror, plan, outcome) }))) {
      return
    }
    for (const reserved of plan.reserved) {
      await recordReserved(tx, mirror, reserved)
    }
    await pruneAbsences(tx.db, source, { before: at - ABSENCES_LAST, keep: MOST_ABSENCES })
    if (isNews) {
      await recordRun(ctx, tx, { mirror, outcome })
    }
    const { added, updated, removed, failures } = outcome
    await tx.record({ type: 'mirror.refreshed', organization, source, added, updated, removed, failed: failures.length })
  })
}

/**
 * Where the feed goes on: at the same place when it named a package that is new and could not be read, for it would not be named again. Known ones
 * are looked at again because they failed.
 */
function nextPlace(
  { feedSince }: Mirror,
  { isComplete, feedSince: next }: RefreshPlan,
  { failures }: RefreshOutcome,
): string | null {
  const isLost = !isComplete && failures.some(({ isKnown }) => !isKnown)
  return isLost ? feedSince : next
}

async function recordRun(ctx: Ctx, tx: Tx, { mirror, outcome }: { mirror: Mirror; outcome: RefreshOutcome }): Promise<void> {
  const { added, updated, removed, unchanged, failures } = outcome
  const isFailed = failures.length > 0 && added + updated + unchanged === 0
  const named = failures.slice(0, NAMED_FAILURES).map(({ name, error }) => `${name}: ${error.message}`)
  await insertSyncRun(tx.db, {
    uid: tx.newId(),
    source: mirror.id,
    state: isFailed ? 'failed' : 'success',
    startedAt: ctx.now,
    completedAt: ctx.clock.now(),
    errorCode: failures[0]?.error.code ?? null,
    error: named.length === 0 ? null : named.join(' '),
    added,
    updated,
    removed,
    skipped: unchanged,
    failed: failures.length,
    details: null,
  })
}

/** Writes why an upstream could not be read. Its packages stay as they are, and are served with their age. */
export async function recordFailure(ctx: Ctx, mirror: Mirror, error: DomainError): Promise<void> {
  const { organization, id: source } = mirror
  const at = ctx.clock.now()
  const next = planNextRefresh(mirror, { now: at, isFailing: true })
  const { code, message: problem } = error
  await ctx.transaction(async (tx) => {
    await tx.record({ type: 'mirror.failed', organization, source, code, problem })
    if (await writeFailing(tx.db, source, { code, problem, at, next })) {
      const times = { startedAt: ctx.now, completedAt: at }
      await insertSyncRun(tx.db, {
        uid: tx.newId(),
        source,
        state: 'failed',
        errorCode: code,
        error: problem,
        details: null,
        ...times,
        ...NO_COUNTS,
      })
    }
  })
}
