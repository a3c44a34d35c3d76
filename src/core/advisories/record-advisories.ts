import type { Ctx, Tx } from '../kernel/ctx.ts'
import { toSeconds, type OrganizationId } from '../kernel/values.ts'
import { findOrganization, listFamily } from '../organizations/index.ts'
import { bumpPackagesNamed } from '../packages/index.ts'
import {
  insertAdvisories,
  selectKnown,
  selectTold,
  updateAdvisory,
  withdrawAdvisories,
  type KnownAdvisory,
} from './advisories.sql.ts'
import { feedPlace } from './feed-place.ts'
import { lockFeed, type AdvisoryFeed } from './feeds.sql.ts'
import { advisoryKey, type ReadAdvisory } from './read-advisories.ts'
import { markRequiring } from './scans.sql.ts'

const ADVISORIES_PER_TRANSACTION = 500

/** How many advisories a feed told anew, otherwise than before, and not any more. */
export interface FeedChanges {
  added: number
  changed: number
  withdrawn: number
}

/** Which advisories an answer withdraws by not naming them: none, or with `all` every one that the feed told before. */
export type Coverage = 'none' | 'all'

/**
 * Writes what a feed tells, in transactions of bounded size: what is the same stays as it is, and each change moves the clocks of the packages
 * that it is about in the same transaction. May be run again after a crash in between.
 */
export async function recordAdvisories(
  ctx: Ctx,
  feed: Pick<AdvisoryFeed, 'id' | 'organization' | 'url'>,
  { advisories, covers }: { advisories: readonly ReadAdvisory[]; covers: Coverage },
): Promise<FeedChanges> {
  const changes: FeedChanges = { added: 0, changed: 0, withdrawn: 0 }
  for (let start = 0; start < advisories.length; start += ADVISORIES_PER_TRANSACTION) {
    const some = advisories.slice(start, start + ADVISORIES_PER_TRANSACTION)
    const known = await selectKnown(ctx.db, feed.id, idsOf(some))
    if (some.some((advisory) => differs(known.get(advisoryKey(advisory)), advisory))) {
      const { added, changed } = await ctx.transaction((tx) => recordSome(tx, feed, some))
      changes.added += added
      changes.changed += changed
    }
  }
  if (covers === 'all') {
    changes.withdrawn = await withdrawUntold(ctx, feed, new Set(advisories.map(advisoryKey)))
  }
  return changes
}

function idsOf(advisories: readonly ReadAdvisory[]): string[] {
  return advisories.map(({ advisoryId }) => advisoryId)
}

type Feed = Pick<AdvisoryFeed, 'id' | 'organization' | 'url'>

async function recordSome(tx: Tx, feed: Feed, advisories: readonly ReadAdvisory[]) {
  await lockFeed(tx.db, feed.id)
  const known = await selectKnown(tx.db, feed.id, idsOf(advisories))
  const names: string[] = []
  const added: ReadAdvisory[] = []
  let changed = 0
  for (const advisory of advisories) {
    const before = known.get(advisoryKey(advisory))
    if (before === undefined) {
      added.push(advisory)
    } else if (differs(before, advisory)) {
      await updateAdvisory(tx.db, before.id, { advisory, now: tx.now })
      changed += 1
    } else {
      continue
    }
    names.push(advisory.packageName)
  }
  await insertAdvisories(tx.db, {
    feed: feed.id,
    organization: null,
    advisories: added,
    newId: () => tx.newId(),
    now: tx.now,
  })
  await touchNames(tx, feed.organization, names)
  await recordChanges(tx, feed, { added: added.length, changed, withdrawn: 0 })
  return { added: added.length, changed }
}

async function withdrawUntold(ctx: Ctx, feed: Feed, told: ReadonlySet<string>): Promise<number> {
  const gone = (await selectTold(ctx.db, feed.id)).filter((one) => !told.has(advisoryKey(one)))
  for (let start = 0; start < gone.length; start += ADVISORIES_PER_TRANSACTION) {
    const some = gone.slice(start, start + ADVISORIES_PER_TRANSACTION)
    await ctx.transaction(async (tx) => {
      await lockFeed(tx.db, feed.id)
      await withdrawAdvisories(
        tx.db,
        some.map(({ id }) => id),
        tx.now,
      )
      await touchNames(
        tx,
        feed.organization,
        some.map(({ packageName }) => packageName),
      )
      await recordChanges(tx, feed, { added: 0, changed: 0, withdrawn: some.length })
    })
  }
  return gone.length
}

async function recordChanges(tx: Tx, feed: Feed, changes: FeedChanges): Promise<void> {
  await tx.record({ type: 'advisories.fetched', organization: feed.organization, feed: feedPlace(feed.url), ...changes })
}

/**
 * Lets clients and findings see that advisories about these names changed: moves the clocks of the packages that have one of the names, and
 * notes the packages that require one for comparison. Of one organization with its suborganizations, or with null of all.
 */
export async function touchNames(tx: Tx, organization: OrganizationId | null, names: readonly string[]): Promise<void> {
  const unique = [...new Set(names)].toSorted()
  const told = organization === null ? null : await findOrganization(tx.db, organization)
  const organizations = told === null ? [organization] : (await listFamily(tx.db, told)).map(({ id }) => id)
  for (const one of organizations) {
    await bumpPackagesNamed(tx.db, { organization: one, names: unique, floor: toSeconds(tx.now) })
    await markRequiring(tx.db, one, unique)
  }
}

function differs(before: KnownAdvisory | undefined, { sources, ...after }: ReadAdvisory): boolean {
  if (before === undefined || before.withdrawn || before.sources !== JSON.stringify(sources)) {
    return true
  }
  const keys = Object.keys(after) as (keyof typeof after)[]
  return keys.some((key) => before[key] !== after[key])
}
