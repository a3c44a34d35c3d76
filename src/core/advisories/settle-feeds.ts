import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { SourceId } from '../kernel/values.ts'
import { selectAdvisingMirrors } from '../mirrors/index.ts'
import { selectTold } from './advisories.sql.ts'
import { feedPlace } from './feed-place.ts'
import { deleteFeed, IMPORTED, insertFeed, moveFeed, selectFeeds, type AdvisoryFeed } from './feeds.sql.ts'
import { touchNames } from './record-advisories.ts'

/** A feed as it should be. */
interface WantedFeed {
  source: SourceId | null
  url: string
}

/**
 * Makes the feeds those that the configuration and the mirrors name. Advisories of a mirror that names no API any more go with its feed; those of
 * the installation stay until a new address answers. A mirror of what the installation asks itself has no feed of its own.
 */
export async function settleFeeds(ctx: Ctx): Promise<void> {
  const wanted = await listWanted(ctx)
  const present = (await selectFeeds(ctx.db)).filter(({ url }) => url !== IMPORTED)
  const isSettled = (feed: WantedFeed) => present.some(({ source, url }) => source === feed.source && url === feed.url)
  const isGone = (feed: AdvisoryFeed) => feed.source !== null && wanted.every(({ source }) => source !== feed.source)
  const unsettled = wanted.filter((feed) => !isSettled(feed))
  const gone = present.filter(isGone)
  if (unsettled.length === 0 && gone.length === 0) {
    return
  }
  await ctx.transaction(async (tx) => {
    for (const feed of gone) {
      await removeFeed(tx, feed)
    }
    for (const feed of unsettled) {
      await settle(tx, feed)
    }
    await tx.record({ type: 'advisories.feeds-changed', organization: null, feeds: wanted.map(({ url }) => feedPlace(url)) })
  })
}

async function removeFeed(tx: Tx, { id, organization }: AdvisoryFeed): Promise<void> {
  const told = await selectTold(tx.db, id)
  await deleteFeed(tx.db, id)
  await touchNames(
    tx,
    organization,
    told.map(({ packageName }) => packageName),
  )
}

async function listWanted(ctx: Ctx): Promise<WantedFeed[]> {
  const own = ctx.advisoryFeed
  const mirrors = (await selectAdvisingMirrors(ctx.db)).map(({ mirror, apiUrl }) => ({ source: mirror.id, url: apiUrl }))
  const others = mirrors.filter(({ url }) => own === null || feedPlace(url) !== feedPlace(own))
  return own === null ? others : [{ source: null, url: own }, ...others]
}

/** Inside the transaction, because another process may have settled the same. */
async function settle(tx: Tx, { source, url }: WantedFeed): Promise<void> {
  const present = (await selectFeeds(tx.db)).find((feed) => feed.source === source && feed.url !== IMPORTED)
  if (present === undefined) {
    await insertFeed(tx.db, { uid: tx.newId(), source, url, now: tx.now })
  } else if (present.url !== url) {
    await moveFeed(tx.db, present.id, { url, now: tx.now })
  }
}
