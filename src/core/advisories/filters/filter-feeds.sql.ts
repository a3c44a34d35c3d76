import { insertFeed } from '../feeds.sql.ts'
import type { UpstreamRoot } from '../../../composer/index.ts'
import type { Db } from '../../kernel/schema.ts'
import type { AdvisoryFeedId, Instant, OrganizationId, SourceId } from '../../kernel/values.ts'
import { deletedOrganizations } from '../../organizations/index.ts'

/** Where a filter list comes from. */
export interface FilterFeed {
  id: AdvisoryFeedId
  /** The mirror whose upstream has it, with its organization; null for the feed of the installation. */
  source: SourceId | null
  organization: OrganizationId | null
  list: string
  url: string
  fetchedAt: Instant | null
  nextFetchAt: Instant
  failures: number
  problem: string | null
  modified: string | null
}

/** All feeds of filter lists. */
export async function selectFilterFeeds(db: Db): Promise<FilterFeed[]> {
  return db
    .selectFrom('advisory_feeds')
    .leftJoin('sources', 'sources.id', 'advisory_feeds.source_id')
    .select([
      'advisory_feeds.id',
      'advisory_feeds.source_id as source',
      'organization_id as organization',
      'list',
      'advisory_feeds.url',
      'fetched_at as fetchedAt',
      'next_fetch_at as nextFetchAt',
      'failures',
      'advisory_feeds.problem',
      'modified',
    ])
    .where('advisory_feeds.kind', '=', 'filter')
    .orderBy('advisory_feeds.id')
    .execute()
}

/** How a feed is doing. `mirror` is the name of the mirror that it belongs to; null for the feed of the installation. */
export interface FeedState {
  list: string
  url: string
  mirror: string | null
  /** When it last answered; null until it did. */
  fetchedAt: Instant | null
  /** Why the last try failed; null when it did not. */
  problem: string | null
}

/** The feeds that are asked for an organization: that of the installation, and those of its own mirrors that are in use. */
export async function selectFeedsOf(db: Db, organization: OrganizationId): Promise<FeedState[]> {
  return db
    .selectFrom('advisory_feeds')
    .leftJoin('sources', 'sources.id', 'advisory_feeds.source_id')
    .leftJoin('mirrors', 'mirrors.source_id', 'advisory_feeds.source_id')
    .select(['list', 'advisory_feeds.url', 'fetched_at as fetchedAt', 'advisory_feeds.problem', 'mirrors.name as mirror'])
    .where('advisory_feeds.kind', '=', 'filter')
    .where((where) =>
      where.or([
        where('advisory_feeds.source_id', 'is', null),
        where.and([where('organization_id', '=', organization), where('behavior', '!=', 'disabled')]),
      ]),
    )
    .execute()
}

/** The mirrors that are in use and whose root file was read, with the filter lists that it names. */
export async function selectFilterOffers(db: Db): Promise<{ source: SourceId; filter: UpstreamRoot['filter'] }[]> {
  const rows = await db
    .selectFrom('mirrors')
    .innerJoin('sources', 'sources.id', 'mirrors.source_id')
    .select(['mirrors.source_id as source', 'root'])
    .where('behavior', '!=', 'disabled')
    .where('root', 'is not', null)
    .where('sources.organization_id', 'not in', deletedOrganizations(db))
    .execute()
  return rows.map(({ source, root }) => ({ source, filter: (JSON.parse(root ?? '{}') as Partial<UpstreamRoot>).filter ?? null }))
}

/** Whether a source got a package at that moment or later. */
export async function hasPackageSince(db: Db, source: SourceId, since: Instant): Promise<boolean> {
  const row = await db
    .selectFrom('packages')
    .select('id')
    .where('source_id', '=', source)
    .where('created_at', '>', since)
    .executeTakeFirst()
  return row !== undefined
}

/** Adds a feed that is due now, and returns it. */
export async function insertFilterFeed(
  db: Db,
  input: { uid: string; source: SourceId | null; list: string; url: string; now: Instant },
): Promise<FilterFeed> {
  const id = await insertFeed(db, input)
  const feeds = await selectFilterFeeds(db)
  const added = feeds.find((feed) => feed.id === id)
  if (added === undefined) {
    throw new Error('A feed that was just added is not there.')
  }
  return added
}

/** Lets a feed be asked at another address, as soon as feeds are asked. */
export async function moveFilterFeed(db: Db, id: AdvisoryFeedId, { url, now }: { url: string; now: Instant }): Promise<void> {
  await db.updateTable('advisory_feeds').set({ url, modified: null, next_fetch_at: now }).where('id', '=', id).execute()
}

/** Deletes a feed with its entries. */
export async function deleteFilterFeed(db: Db, id: AdvisoryFeedId): Promise<void> {
  await db.deleteFrom('filter_entries').where('feed_id', '=', id).execute()
  await db.deleteFrom('advisory_feeds').where('id', '=', id).execute()
}

/** Writes that a feed answered, and when it is asked next. False when it is not there any more. */
export async function markAnswered(
  db: Db,
  id: AdvisoryFeedId,
  input: { at: Instant; next: Instant; modified: string | null },
): Promise<boolean> {
  const result = await db
    .updateTable('advisory_feeds')
    .set({
      fetched_at: input.at,
      attempted_at: input.at,
      next_fetch_at: input.next,
      modified: input.modified,
      problem: null,
      failures: 0,
    })
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Writes that a feed gave no good answer; what it said before stays. */
export async function markFailed(
  db: Db,
  id: AdvisoryFeedId,
  input: { at: Instant; next: Instant; problem: string },
): Promise<void> {
  await db
    .updateTable('advisory_feeds')
    .set((update) => ({
      attempted_at: input.at,
      next_fetch_at: input.next,
      problem: input.problem,
      failures: update('failures', '+', 1),
    }))
    .where('id', '=', id)
    .execute()
}
