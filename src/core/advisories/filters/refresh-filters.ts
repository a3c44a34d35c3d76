/**
 * Brings the filter lists of feeds up to date. What a feed said last stays until it says something else: an upstream that fails, or that lost most of
 * its list, lets no version out again. Only the list `malware` is taken; an organization's own lists are its own.
 */
import type { UpstreamRoot } from '../../../composer/index.ts'
import type { Ctx, Tx } from '../../kernel/ctx.ts'
import { DomainError, isDomainError } from '../../kernel/errors.ts'
import { toSeconds, type AdvisoryFeedId, type Instant } from '../../kernel/values.ts'
import { findMirror, requestUpstream, type Mirror } from '../../mirrors/index.ts'
import { bumpAllOrganizations, bumpOrganization } from '../../organizations/index.ts'
import { bumpPackagesNamed, selectPackagesOfSource } from '../../packages/index.ts'
import { FRESH_FOR } from '../feed-health.ts'
import { afterStale } from '../move-recovered.ts'
import { deleteEntries, insertFeedEntries, selectEntriesOfFeed, type FilterEntry } from './filter-entries.sql.ts'
import {
  deleteFilterFeed,
  hasPackageSince,
  insertFilterFeed,
  markAnswered,
  markFailed,
  moveFilterFeed,
  selectFilterFeeds,
  selectFilterOffers,
  type FilterFeed,
} from './filter-feeds.sql.ts'
import { MALWARE_LIST } from './list-name.ts'
import { readFilterAnswer, type FeedEntry } from './read-filter.ts'

const MINUTE = 60_000
const INTERVAL = 60 * MINUTE
const FIRST_PAUSE = 5 * MINUTE
const MAX_BYTES = 32 * 1024 * 1024
const STALL = 30_000
const DURATION = 5 * MINUTE
/** Names in one request to an API (contract composer.md §1.7 calls hundreds normal). */
const NAMES_PER_REQUEST = 500
/** An answer with less than half of what is known is taken for a fault when that many are known. */
const FEW = 20

/** Asks every feed that is due. A feed that fails is noted and asked again after a growing pause; it does not end the others. */
export async function refreshFilters(ctx: Ctx): Promise<void> {
  const offers = new Map((await selectFilterOffers(ctx.db)).map(({ source, filter }) => [source, filter]))
  await adjustFeeds(ctx, offers)
  for (const feed of await selectFilterFeeds(ctx.db)) {
    const isAsked = feed.source === null || toFeedUrl(offers.get(feed.source) ?? null) !== null
    if (isAsked && (feed.nextFetchAt <= ctx.now || (await isBehind(ctx, feed, offers)))) {
      await refreshFeed(ctx, feed)
    }
  }
}

/** An API told nothing of packages that came after it was asked; a summary has them already. */
async function isBehind(ctx: Ctx, { source, fetchedAt, failures }: FilterFeed, offers: Offers): Promise<boolean> {
  const summaryUrl = source === null ? null : (offers.get(source)?.summaryUrl ?? null)
  if (source === null || fetchedAt === null || failures > 0 || summaryUrl !== null) {
    return false
  }
  return hasPackageSince(ctx.db, source, fetchedAt)
}

type Offers = ReadonlyMap<Mirror['id'], UpstreamRoot['filter']>

/** A summary is complete and confirmed in one request; an API has to be asked for every package. */
function toFeedUrl(filter: UpstreamRoot['filter']): string | null {
  return filter?.lists.includes(MALWARE_LIST) === true ? (filter.summaryUrl ?? filter.apiUrl) : null
}

/** Adds the feeds that the setting and the mirrors' root files name, and leaves one that the setting no longer names. */
async function adjustFeeds(ctx: Ctx, offers: Offers): Promise<void> {
  const feeds = await selectFilterFeeds(ctx.db)
  const wanted: { source: Mirror['id'] | null; url: string }[] = [...offers].flatMap(([source, filter]) => {
    const url = toFeedUrl(filter)
    return url === null ? [] : [{ source, url }]
  })
  if (ctx.malwareFeed !== null) {
    wanted.push({ source: null, url: ctx.malwareFeed })
  }
  const added = wanted.filter(({ source }) => feeds.every((feed) => feed.source !== source))
  const moved = wanted.flatMap(({ source, url }) =>
    feeds.filter((feed) => feed.source === source && feed.url !== url).map(({ id }) => ({ id, url })),
  )
  const left = feeds.filter(({ source }) => source === null && ctx.malwareFeed === null)
  if (added.length + moved.length + left.length === 0) {
    return
  }
  await ctx.transaction(async (tx) => {
    for (const { source, url } of added) {
      const feed = await insertFilterFeed(tx.db, { uid: tx.newId(), source, list: MALWARE_LIST, url, now: tx.now })
      await bumpConcerned(tx, feed, [])
    }
    for (const { id, url } of moved) {
      await moveFilterFeed(tx.db, id, { url, now: tx.now })
    }
    for (const feed of left) {
      const names = (await selectEntriesOfFeed(tx.db, feed.id)).map(({ packageName }) => packageName)
      await deleteFilterFeed(tx.db, feed.id)
      await bumpConcerned(tx, feed, names)
    }
    await tx.record({ type: 'filter-feeds.changed', organization: null, added: added.length, removed: left.length })
  })
}

async function refreshFeed(ctx: Ctx, feed: FilterFeed): Promise<void> {
  try {
    const mirror = feed.source === null ? null : await findMirror(ctx.db, feed.source)
    const summaryUrl = mirror?.root?.filter?.summaryUrl ?? null
    const isApi = mirror !== null && summaryUrl === null
    const answer = await (isApi ? askApi(ctx, mirror, feed) : fetchSummary(ctx, mirror, feed))
    await requirePlausible(ctx, feed, answer)
    await recordAnswer(ctx, feed, answer)
  } catch (error) {
    if (!isDomainError(error)) {
      throw error
    }
    await recordFailure(ctx, feed, error)
  }
}

/** An empty list behind the right address must not let everything out at once. */
async function requirePlausible(ctx: Ctx, feed: FilterFeed, { entries }: FeedAnswer): Promise<void> {
  const known = entries === null ? 0 : (await selectEntriesOfFeed(ctx.db, feed.id)).length
  if (entries !== null && known > FEW && entries.length < known / 2) {
    throw failed(feed, `it names ${entries.length} versions where ${known} are known`)
  }
}

/** What a feed said; null entries are those that it said before. */
interface FeedAnswer {
  entries: FeedEntry[] | null
  modified: string | null
}

async function fetchSummary(ctx: Ctx, mirror: Mirror | null, feed: FilterFeed): Promise<FeedAnswer> {
  const conditional: Record<string, string> = feed.modified === null ? {} : { 'If-Modified-Since': feed.modified }
  const answer = await requestUpstream(ctx, mirror, {
    ...bounds(feed.url),
    headers: { Accept: 'application/json', ...conditional },
  })
  if (answer.status === 304) {
    await answer.body.return()
    return { entries: null, modified: feed.modified }
  }
  const modified = answer.headers.get('last-modified')
  return { entries: await readEntries(feed, answer), modified }
}

async function askApi(ctx: Ctx, mirror: Mirror, feed: FilterFeed): Promise<FeedAnswer> {
  const names = (await selectPackagesOfSource(ctx.db, mirror.id)).map(({ name }) => name)
  const entries: FeedEntry[] = []
  for (let start = 0; start < names.length; start += NAMES_PER_REQUEST) {
    const packages = names.slice(start, start + NAMES_PER_REQUEST).map((name) => `pkg://composer/${name}`)
    const answer = await requestUpstream(ctx, mirror, {
      ...bounds(feed.url),
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: new TextEncoder().encode(JSON.stringify({ packages, lists: [MALWARE_LIST] })),
    })
    const asked = new Set(names.slice(start, start + NAMES_PER_REQUEST))
    entries.push(...(await readEntries(feed, answer)).filter(({ packageName }) => asked.has(packageName)))
  }
  return { entries, modified: null }
}

function bounds(url: string) {
  return { url, maxBytes: MAX_BYTES, stall: STALL, duration: DURATION, decodes: true }
}

async function readEntries(feed: FilterFeed, answer: { status: number; body: AsyncIterable<Uint8Array> }): Promise<FeedEntry[]> {
  const chunks: Uint8Array[] = []
  for await (const chunk of answer.body) {
    chunks.push(chunk)
  }
  if (answer.status !== 200) {
    throw failed(feed, `it answered ${answer.status}`)
  }
  const read = readFilterAnswer(new TextDecoder().decode(Buffer.concat(chunks)))
  if (read.kind === 'unusable') {
    throw failed(feed, read.problem)
  }
  return read.entries
}

function failed({ url }: FilterFeed, problem: string): DomainError {
  return new DomainError('upstream_failed', { problem: `the filter list of ${new URL(url).host}: ${problem}` })
}

async function recordAnswer(ctx: Ctx, feed: FilterFeed, { entries, modified }: FeedAnswer): Promise<void> {
  await ctx.transaction(async (tx) => {
    const known = await selectEntriesOfFeed(tx.db, feed.id)
    const change = entries === null ? { added: [], gone: [], names: [] } : compare(known, entries)
    const isThere = await markAnswered(tx.db, feed.id, { at: tx.now, next: tx.now + INTERVAL, modified })
    if (isThere) {
      await writeChange(tx, feed.id, change)
      await bumpConcerned(tx, feed, change.names)
    }
    const { organization, url } = feed
    const count = entries?.length ?? known.length
    await tx.record({ type: 'filter-feed.refreshed', organization, url, entries: count, changed: change.names.length })
  })
}

interface Change {
  added: FeedEntry[]
  gone: FilterEntry[]
  /** The packages that are concerned. */
  names: string[]
}

function compare(known: readonly FilterEntry[], told: readonly FeedEntry[]): Change {
  const keys = new Set(known.map(keyOf))
  const kept = new Set(told.map(keyOf))
  const added = [...new Map(told.filter((entry) => !keys.has(keyOf(entry))).map((entry) => [keyOf(entry), entry])).values()]
  const gone = known.filter((entry) => !kept.has(keyOf(entry)))
  return { added, gone, names: [...new Set([...added, ...gone].map(({ packageName }) => packageName))] }
}

function keyOf({ packageName, affectedVersions, reason, url, remoteId }: FeedEntry): string {
  return JSON.stringify([packageName, affectedVersions, reason, url, remoteId])
}

async function writeChange(tx: Tx, feed: AdvisoryFeedId, { added, gone }: Change): Promise<void> {
  await deleteEntries(
    tx.db,
    gone.map(({ id }) => id),
  )
  const rows = added.map((entry) => ({ ...entry, uid: tx.newId(), list: MALWARE_LIST, createdAt: tx.now }))
  await insertFeedEntries(tx.db, feed, rows)
}

/** Metadata of the packages moves, and the root file where the list, or a warning about it, appears or disappears. */
async function bumpConcerned(tx: Tx, feed: FilterFeed, names: readonly string[]): Promise<void> {
  await bumpPackagesNamed(tx.db, { organization: feed.organization, names, floor: toSeconds(tx.now) })
  const isFresh = feed.fetchedAt !== null && tx.now < feed.fetchedAt + FRESH_FOR
  if (isFresh && names.length === 0) {
    return
  }
  await (feed.organization === null
    ? bumpAllOrganizations(tx.db, afterStale(tx.now))
    : bumpOrganization(tx.db, feed.organization, afterStale(tx.now)))
}

/** At most as long as between two good answers. */
function pauseAfter(failures: number): Instant {
  return Math.min(INTERVAL, FIRST_PAUSE * 2 ** Math.min(failures, 10))
}

async function recordFailure(ctx: Ctx, feed: FilterFeed, error: DomainError): Promise<void> {
  const problem = error.message
  await ctx.transaction(async (tx) => {
    await markFailed(tx.db, feed.id, { at: tx.now, next: tx.now + pauseAfter(feed.failures), problem })
    await tx.record({ type: 'filter-feed.failed', organization: feed.organization, url: feed.url, problem })
  })
}
