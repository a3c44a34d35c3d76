import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { JobReport } from '../kernel/jobs.ts'
import { selectPackagesOfSource } from '../packages/index.ts'
import { findMirror } from '../mirrors/index.ts'
import { countTold } from './advisories.sql.ts'
import { feedPlace } from './feed-place.ts'
import { fetchForNames, fetchUpdates, planNextFetch, type FetchedAdvisories } from './fetch-advisories.ts'
import { IMPORTED, markFeedFailed, markFetched, selectFeeds, type AdvisoryFeed } from './feeds.sql.ts'
import { moveRecovered } from './move-recovered.ts'
import { recordAdvisories, type Coverage } from './record-advisories.ts'
import { requestScan } from './request-scan.ts'
import { settleFeeds } from './settle-feeds.ts'

/** A complete answer that has less than half of what was known is taken for a fault when that many are known. */
const FEW = 20
const LOGGED = 20

/**
 * Asks every feed of advisories whose time has come. A feed that fails keeps what it told before, with its problem and its age shown, and stops
 * no other. Only one of these runs at a time, by the key of its job.
 */
export async function refreshAdvisories(ctx: Ctx, report: JobReport): Promise<void> {
  await settleFeeds(ctx)
  const due = (await selectFeeds(ctx.db)).filter((feed) => isAsked(ctx, feed) && feed.nextFetchAt <= ctx.now)
  await report.step('feeds', due.length)
  for (const [index, feed] of due.entries()) {
    await refreshFeed(ctx, feed, report)
    report.progress(index + 1)
  }
}

/** Whether a feed is asked at all: not imports, and not the installation's while that is switched off. */
function isAsked(ctx: Ctx, { source, url }: AdvisoryFeed): boolean {
  return source !== null || (url !== IMPORTED && ctx.advisoryFeed !== null)
}

async function refreshFeed(ctx: Ctx, feed: AdvisoryFeed, report: JobReport): Promise<void> {
  const startedAt = ctx.clock.now()
  try {
    const { told, covers } = await fetchFeed(ctx, feed)
    await requirePlausible(ctx, feed, told)
    const { added, changed, withdrawn } = await recordAdvisories(ctx, feed, { advisories: told.advisories, covers })
    await finish(ctx, feed, { startedAt, told, changes: added + changed + withdrawn })
    report.log('info', `${feedPlace(feed.url)}: ${added} new, ${changed} changed, ${withdrawn} withdrawn.`)
    for (const { advisory, reason } of told.skipped.slice(0, LOGGED)) {
      report.log('warning', `${feedPlace(feed.url)}: ${advisory} is left out: ${reason}.`)
    }
  } catch (error) {
    if (!isDomainError(error)) {
      throw error
    }
    await fail(ctx, feed, { startedAt, problem: error.message })
    report.log('error', `${feedPlace(feed.url)}: ${error.message}`)
  }
}

async function fetchFeed(ctx: Ctx, feed: AdvisoryFeed): Promise<{ told: FetchedAdvisories; covers: Coverage }> {
  const mirror = feed.source === null ? null : await findMirror(ctx.db, feed.source)
  if (feed.source === null || mirror === null) {
    const told = await fetchUpdates(ctx, feed)
    return { told, covers: told.isFull ? 'all' : 'none' }
  }
  const names = (await selectPackagesOfSource(ctx.db, feed.source)).map(({ name }) => name)
  const told = await fetchForNames(ctx, { mirror, url: feed.url, names })
  // Those of packages that are not mirrored from there any more go, too.
  return { told, covers: 'all' }
}

/** An answer that is cut off in a lucky place, or an empty database behind the right address, must not withdraw what is known. */
async function requirePlausible(ctx: Ctx, feed: AdvisoryFeed, told: FetchedAdvisories): Promise<void> {
  const known = told.isFull ? await countTold(ctx.db, feed.id) : 0
  if (feed.source === null && known > FEW && told.advisories.length < known / 2) {
    const problem = `${feedPlace(feed.url)} told ${told.advisories.length} advisories where ${known} are known; nothing is withdrawn`
    throw new DomainError('upstream_failed', { problem })
  }
}

async function finish(
  ctx: Ctx,
  feed: AdvisoryFeed,
  { startedAt, told, changes }: { startedAt: number; told: FetchedAdvisories; changes: number },
): Promise<void> {
  const { isFull, updatedSince, skipped } = told
  const problem = skipped.length === 0 ? null : `${skipped.length} advisories could not be read and are left out`
  await ctx.transaction(async (tx) => {
    const nextFetchAt = planNextFetch(startedAt, 0)
    if (feed.source === null) {
      await moveRecovered(tx, ctx.advisoryFeed)
    }
    await markFetched(tx.db, feed.id, { startedAt, updatedSince, isFull, problem, nextFetchAt })
    if (changes > 0) {
      await requestScan(tx)
    }
    const none = { added: 0, changed: 0, withdrawn: 0 }
    await tx.record({ type: 'advisories.fetched', organization: feed.organization, feed: feedPlace(feed.url), ...none })
  })
}

async function fail(ctx: Ctx, feed: AdvisoryFeed, { startedAt, problem }: { startedAt: number; problem: string }): Promise<void> {
  await ctx.transaction(async (tx) => {
    const nextFetchAt = planNextFetch(startedAt, feed.failures + 1)
    await markFeedFailed(tx.db, feed.id, { startedAt, problem, nextFetchAt })
    await tx.record({ type: 'advisories.failed', organization: feed.organization, feed: feedPlace(feed.url), problem })
  })
}
