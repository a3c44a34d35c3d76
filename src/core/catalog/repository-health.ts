import { FRESH_FOR, getFeedHealth, MALWARE_LIST, selectFeedsOf, type FeedHealth } from '../advisories/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { Instant, OrganizationId } from '../kernel/values.ts'
import type { RepositoryMessage } from './repository-messages.sql.ts'

/** Something that clients are told by the registry itself. */
export type RepositoryNotice = Pick<RepositoryMessage, 'kind' | 'message' | 'versions'>

/**
 * Of which packages it may be said that there are no advisories about them. `own`: where nobody is asked for advisories, of those alone that come
 * from no upstream, because their advisories are made here. What is known is told in any case.
 */
export type Vouched = 'all' | 'own' | 'none'

/**
 * Since when something has been so, and until when it will be, by the clock alone; null where only a change of the database makes a difference.
 * Documents that depend on it have at least the time `since` (CO-041); whatever ends it otherwise moves their clocks.
 */
export interface ByTheClock {
  since: Instant | null
  until: Instant | null
}

/** What the registry can say about advisories, and what clients are to know about that; null while everything is up to date. */
export interface AdvisoryHealth extends ByTheClock {
  vouched: Vouched
  notice: RepositoryNotice | null
}

/** Composer reads advisories from 2.4 on, and filter lists from 2.10 on. */
const WITH_ADVISORIES = '>=2.4'
const WITH_FILTERS = '>=2.10'

/** What the registry can say about advisories now; see `getFeedHealth`. */
export async function readAdvisoryHealth(ctx: Pick<Ctx, 'db' | 'now' | 'advisoryFeed'>): Promise<AdvisoryHealth> {
  const health = await getFeedHealth(ctx)
  return {
    vouched: vouchedBy(health),
    notice: noticeOf(health),
    since: health.state === 'stale' ? health.fetchedAt + FRESH_FOR : null,
    until: health.state === 'fresh' ? health.staleAt : null,
  }
}

function vouchedBy({ state }: FeedHealth): Vouched {
  if (state === 'fresh') {
    return 'all'
  }
  return state === 'off' ? 'own' : 'none'
}

function noticeOf(health: FeedHealth): RepositoryNotice | null {
  switch (health.state) {
    case 'fresh':
      return null
    case 'off':
      return {
        kind: 'info',
        versions: WITH_ADVISORIES,
        message: 'This repository asks nobody for security advisories; it knows only those that were written here.',
      }
    case 'never':
      return {
        kind: 'warning',
        versions: WITH_ADVISORIES,
        message: 'This repository has not received security advisories yet, so that it cannot tell which packages are affected.',
      }
    case 'stale':
      return {
        kind: 'warning',
        versions: WITH_ADVISORIES,
        message: `This repository last received security advisories on ${toMinute(health.fetchedAt)}; what was reported since is missing.`,
      }
  }
}

/** What the root file tells of the state of advisories and filter lists. */
export interface RepositoryHealth extends ByTheClock {
  notices: readonly RepositoryNotice[]
}

/** What the root file of an organization has to tell now. */
export async function readRepositoryHealth(
  ctx: Pick<Ctx, 'db' | 'now' | 'advisoryFeed'>,
  organization: OrganizationId,
): Promise<RepositoryHealth> {
  const advisories = await readAdvisoryHealth(ctx)
  const feeds = (await selectFeedsOf(ctx.db, organization)).filter(({ list }) => list === MALWARE_LIST)
  const ends = feeds.map(({ fetchedAt }) => (fetchedAt === null ? 0 : fetchedAt + FRESH_FOR))
  const past = ends.filter((end) => end <= ctx.now)
  const filters = past.length > 0 ? malwareNotice(feeds) : null
  return {
    notices: [advisories.notice, filters].filter((notice) => notice !== null),
    since: extreme(Math.max, [advisories.since, ...past]),
    until: extreme(Math.min, [advisories.until, ...ends.filter((end) => end > ctx.now)]),
  }
}

function extreme(choose: (...values: Instant[]) => Instant, instants: readonly (Instant | null)[]): Instant | null {
  const known = instants.filter((instant) => instant !== null && instant > 0) as Instant[]
  return known.length === 0 ? null : choose(...known)
}

function malwareNotice(feeds: readonly { fetchedAt: Instant | null }[]): RepositoryNotice {
  const oldest = Math.min(...feeds.map(({ fetchedAt }) => fetchedAt ?? 0))
  const message =
    oldest === 0
      ? 'This repository has not received a list of malware yet that it is to follow.'
      : `This repository last received a list of malware on ${toMinute(oldest)}; what was found since is missing.`
  return { kind: 'warning', versions: WITH_FILTERS, message }
}

/** `2026-03-01 12:00 UTC` */
function toMinute(instant: Instant): string {
  return `${new Date(instant).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
