import type { Ctx } from '../kernel/ctx.ts'
import type { Instant } from '../kernel/values.ts'
import { findFeedAnswers } from './feeds.sql.ts'

const HOUR = 60 * 60 * 1000

/** How old the last good answer of the installation's feed may be before nothing is vouched for any more. */
export const FRESH_FOR = 24 * HOUR

/**
 * Whether the registry can say that a package has no advisories. `off`: the operator asks nobody and imported nothing. `never`: nobody has
 * answered yet. `staleAt`: when what is fresh stops being so.
 */
export type FeedHealth =
  | { state: 'fresh'; fetchedAt: Instant; staleAt: Instant }
  | { state: 'stale'; fetchedAt: Instant; problem: string | null }
  | { state: 'never'; problem: string | null }
  | { state: 'off' }

/** The health of the installation's advisories: of the feed that it asks, and of databases that were imported as a whole. */
export async function getFeedHealth(ctx: Pick<Ctx, 'db' | 'now' | 'advisoryFeed'>): Promise<FeedHealth> {
  const { fetchedAt, problem } = await findFeedAnswers(ctx.db, ctx.advisoryFeed)
  if (fetchedAt === null) {
    return ctx.advisoryFeed === null ? { state: 'off' } : { state: 'never', problem }
  }
  const staleAt = fetchedAt + FRESH_FOR
  return ctx.now < staleAt ? { state: 'fresh', fetchedAt, staleAt } : { state: 'stale', fetchedAt, problem }
}
