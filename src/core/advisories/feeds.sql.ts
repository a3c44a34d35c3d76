import type { Db } from '../kernel/schema.ts'
import type { AdvisoryFeedId, Instant, OrganizationId, SourceId } from '../kernel/values.ts'

/** The address under which a database that was imported from a file is kept. */
export const IMPORTED = 'import:'

/** A place where advisories come from. `source` is the mirror whose advisories they are; null for those of the installation. */
export interface AdvisoryFeed {
  id: AdvisoryFeedId
  uid: string
  source: SourceId | null
  /** Whose mirror it is. */
  organization: OrganizationId | null
  url: string
  /** Unix seconds of the last complete answer's beginning. */
  updatedSince: number | null
  fetchedAt: Instant | null
  attemptedAt: Instant | null
  nextFetchAt: Instant
  fullAt: Instant | null
  failures: number
  problem: string | null
}

function feeds(db: Db) {
  return db
    .selectFrom('advisory_feeds')
    .leftJoin('sources', 'sources.id', 'advisory_feeds.source_id')
    .select([
      'advisory_feeds.id',
      'advisory_feeds.uid',
      'source_id as source',
      'sources.organization_id as organization',
      'advisory_feeds.url',
      'updated_since as updatedSince',
      'fetched_at as fetchedAt',
      'attempted_at as attemptedAt',
      'next_fetch_at as nextFetchAt',
      'full_at as fullAt',
      'failures',
      'advisory_feeds.problem',
    ])
    .where('advisory_feeds.kind', '=', 'advisories')
}

/** The newest complete answer of the installation's feeds, the one at `url` and imports, and the problem of that one. */
export async function findFeedAnswers(
  db: Db,
  url: string | null,
): Promise<{ fetchedAt: Instant | null; problem: string | null }> {
  const rows = await feeds(db)
    .where('source_id', 'is', null)
    .where('advisory_feeds.url', 'in', url === null ? [IMPORTED] : [IMPORTED, url])
    .execute()
  const times = rows.flatMap(({ fetchedAt }) => (fetchedAt === null ? [] : [fetchedAt]))
  return {
    fetchedAt: times.length === 0 ? null : Math.max(...times),
    problem: rows.find((row) => row.url === url)?.problem ?? null,
  }
}

/** All feeds of advisories, by id. */
export async function selectFeeds(db: Db): Promise<AdvisoryFeed[]> {
  return feeds(db).orderBy('advisory_feeds.id').execute()
}

/** Enters a feed that is due at once: of advisories, or of a filter list. */
export async function insertFeed(
  db: Db,
  input: { uid: string; source: SourceId | null; url: string; list?: string; now: Instant },
): Promise<AdvisoryFeedId> {
  const { list = null } = input
  const row = await db
    .insertInto('advisory_feeds')
    .values({
      uid: input.uid,
      kind: list === null ? 'advisories' : 'filter',
      source_id: input.source,
      list: list ?? '',
      url: input.url,
      updated_since: null,
      fetched_at: null,
      attempted_at: null,
      full_at: null,
      next_fetch_at: input.now,
      problem: null,
      modified: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return row.id
}

/** Lets a feed be fetched from another address: all of it, at once. What it told before stays until the new address answers. */
export async function moveFeed(db: Db, id: AdvisoryFeedId, { url, now }: { url: string; now: Instant }): Promise<void> {
  await db
    .updateTable('advisory_feeds')
    .set({ url, updated_since: null, full_at: null, fetched_at: null, next_fetch_at: now, failures: 0, problem: null })
    .where('id', '=', id)
    .execute()
}

/** Removes a feed with its advisories. */
export async function deleteFeed(db: Db, id: AdvisoryFeedId): Promise<void> {
  await db.deleteFrom('advisory_feeds').where('id', '=', id).execute()
}

/** Writes that a feed answered completely. */
export async function markFetched(
  db: Db,
  id: AdvisoryFeedId,
  answer: { startedAt: Instant; updatedSince: number | null; isFull: boolean; problem: string | null; nextFetchAt: Instant },
): Promise<void> {
  const { startedAt, nextFetchAt, problem, updatedSince } = answer
  await db
    .updateTable('advisory_feeds')
    .set({
      fetched_at: startedAt,
      attempted_at: startedAt,
      next_fetch_at: nextFetchAt,
      updated_since: updatedSince,
      failures: 0,
      problem,
      ...(answer.isFull ? { full_at: startedAt } : {}),
    })
    .where('id', '=', id)
    .execute()
}

/** Writes that a feed gave no usable answer; what it told before stays. */
export async function markFeedFailed(
  db: Db,
  id: AdvisoryFeedId,
  { startedAt, problem, nextFetchAt }: { startedAt: Instant; problem: string; nextFetchAt: Instant },
): Promise<void> {
  await db
    .updateTable('advisory_feeds')
    .set((update) => ({
      attempted_at: startedAt,
      next_fetch_at: nextFetchAt,
      failures: update('failures', '+', 1),
      problem,
    }))
    .where('id', '=', id)
    .execute()
}

/** Takes the feed's row lock until the transaction ends, so that two who record it do so one after the other. */
export async function lockFeed(db: Db, id: AdvisoryFeedId): Promise<void> {
  await db
    .updateTable('advisory_feeds')
    .set((update) => ({ failures: update.ref('failures') }))
    .where('id', '=', id)
    .execute()
}

/** Lets every feed, of advisories or of a filter list, be asked at the next look. */
export async function makeFeedsDue(db: Db, now: Instant): Promise<void> {
  await db.updateTable('advisory_feeds').set({ next_fetch_at: now }).execute()
}
