import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { invalidInput } from '../kernel/errors.ts'
import type { Instant, JobId, OrganizationId } from '../kernel/values.ts'
import { feedPlace } from './feed-place.ts'
import { getFeedHealth, type FeedHealth } from './feed-health.ts'
import { countTold } from './advisories.sql.ts'
import { makeFeedsDue, IMPORTED, insertFeed, markFetched, selectFeeds, type AdvisoryFeed } from './feeds.sql.ts'
import { moveRecovered } from './move-recovered.ts'
import { readAdvisories, type SkippedAdvisory } from './read-advisories.ts'
import { recordAdvisories, type FeedChanges } from './record-advisories.ts'
import { requestScan } from './request-scan.ts'
import { markOrganization } from './scans.sql.ts'
import { settleFeeds } from './settle-feeds.ts'

/** A feed with the number of advisories that it tells at present. */
export type ListedFeed = AdvisoryFeed & { advisories: number }

/** Every feed of advisories with its age and its problem, and the health that clients are told. */
export async function listFeeds(ctx: Ctx): Promise<{ health: FeedHealth; feeds: ListedFeed[] }> {
  await authorize(ctx, 'advisory.refresh', null)
  const feeds: ListedFeed[] = []
  for (const feed of await selectFeeds(ctx.db)) {
    feeds.push({ ...feed, url: feedPlace(feed.url), advisories: await countTold(ctx.db, feed.id) })
  }
  return { health: await getFeedHealth(ctx), feeds }
}

/** Asks all feeds of advisories and of filter lists again, soon. Returns the jobs that do it. */
export async function requestRefresh(ctx: Ctx): Promise<JobId[]> {
  await authorize(ctx, 'advisory.refresh', null)
  await settleFeeds(ctx)
  return ctx.transaction(async (tx) => {
    await makeFeedsDue(tx.db, tx.now)
    await tx.record({ type: 'advisories.refresh-requested', organization: null })
    const round = { payload: {}, organization: null, lane: 'interactive' as const, maxAttempts: 1 }
    const advisories = await tx.enqueue({ kind: 'advisories.refresh', dedupeKey: 'advisories.refresh', ...round })
    return [advisories, await tx.enqueue({ kind: 'filters.refresh', dedupeKey: 'filters.refresh', ...round })]
  })
}

/** Compares all packages of an organization with all advisories again, soon, also those that did not change. Returns the job that does it. */
export async function requestFindings(ctx: Ctx, organization: OrganizationId): Promise<JobId> {
  await authorize(ctx, 'advisory.scan', organization)
  return ctx.transaction(async (tx) => {
    await markOrganization(tx.db, organization)
    await tx.record({ type: 'advisories.scan-requested', organization })
    return requestScan(tx)
  })
}

/** What an import did. */
export interface ImportedAdvisories extends FeedChanges {
  skipped: SkippedAdvisory[]
}

/**
 * Takes advisories from a file, in the form of an advisories API or of `composer audit --format=json`; they hold in all organizations. With
 * `isComplete` the file is a whole database: what it does not name is withdrawn, and the registry vouches by it for what has no advisories, for as long as
 * by any feed's answer. Throws `invalid_input` for what is no such file.
 */
export async function importAdvisories(
  ctx: Ctx,
  { text, isComplete }: { text: string; isComplete: boolean },
): Promise<ImportedAdvisories> {
  await authorize(ctx, 'advisory.refresh', null)
  const read = readAdvisories(parseJson(text), 'import')
  if (read.kind === 'unusable') {
    throw invalidInput('file', read.problem)
  }
  const feed = await findOrInsertImport(ctx)
  const { advisories, skipped } = read
  const changes = await recordAdvisories(ctx, feed, { advisories, covers: isComplete ? 'all' : 'none' })
  await ctx.transaction(async (tx) => {
    if (isComplete) {
      const nextFetchAt: Instant = tx.now
      await moveRecovered(tx, ctx.advisoryFeed)
      await markFetched(tx.db, feed.id, { startedAt: tx.now, updatedSince: null, isFull: true, problem: null, nextFetchAt })
    }
    await requestScan(tx)
    await tx.record({ type: 'advisories.imported', organization: null, ...changes })
  })
  return { ...changes, skipped }
}

async function findOrInsertImport(ctx: Ctx): Promise<AdvisoryFeed> {
  const find = async (db: Ctx['db']) => (await selectFeeds(db)).find(({ url }) => url === IMPORTED)
  const present = await find(ctx.db)
  if (present !== undefined) {
    return present
  }
  return ctx.transaction(async (tx) => {
    await insertFeed(tx.db, { uid: tx.newId(), source: null, url: IMPORTED, now: tx.now })
    await tx.record({ type: 'advisories.feeds-changed', organization: null, feeds: [IMPORTED] })
    const inserted = await find(tx.db)
    if (inserted === undefined) {
      throw new Error('The feed of imports was not stored.')
    }
    return inserted
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalidInput('file', 'it is not JSON')
  }
}
