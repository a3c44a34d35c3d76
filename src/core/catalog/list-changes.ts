/**
 * The feed of changes (contract composer.md §7.4). What changed is found by comparing the packages with what the feed knew, when somebody asks, and
 * entered at a position that no answer has passed. So the order of the feed is the order in which changes became visible: a transaction that took
 * long, or the clock of another machine, cannot slip a change behind a follower. The row of the feed is held while changes are entered.
 *
 * Positions are seconds. A timestamp of the protocol has four more digits; here they name the view of whoever asks, so that a follower whose
 * rights changed meanwhile is told to look at everything again.
 */
import { createHash } from 'node:crypto'
import type { Ctx } from '../kernel/ctx.ts'
import type { Db } from '../kernel/schema.ts'
import { toSeconds, type OrganizationId } from '../kernel/values.ts'
import { findOrganization } from '../organizations/index.ts'
import { FULL_VIEW, sees, type Audience } from './audience.ts'
import { readCatalogStamp } from './catalog-stamp.sql.ts'
import {
  advanceFeed,
  enterChanges,
  forgetDeleted,
  readFeed,
  selectChanges,
  selectPendingChanges,
  writeFeedStamp,
  type EnteredChange,
} from './changes.sql.ts'
import { viewModifiedAt } from './modified-at.ts'

/** One file of the repository that a follower has to look at again, or drop; `time` is in seconds, and for an update the file's `Last-Modified`. */
export interface ChangeAction {
  type: 'update' | 'delete' | 'resync'
  package: string
  time: number
}

/** What happened since a timestamp, and where to go on; timestamps count ten-thousandths of a second. */
export interface Changes {
  actions: ChangeAction[]
  timestamp: number
}

const TICKS = 10_000
const DAY = 24 * 60 * 60
/** An answer names at most 100,000 files, of which each package has two. */
const MAX_CHANGES = 50_000
/** A feed in which nothing happens is moved on so often, so that its followers do not fall behind its beginning. */
const IDLE = 12 * 60 * 60

/**
 * What an audience has to look at again since `since`, which is included; the timestamp returned with it is where the next question begins. A
 * `resync` stands for everything: after more than a day, after too many changes, where the feed began only now (a restored installation's does)
 * and where the view of the asker is another one.
 */
export async function listChanges(ctx: Ctx, audience: Audience, since: number): Promise<Changes> {
  const { id } = audience.organization
  const before = await readFeed(ctx.db, id)
  const position = await bringUpToDate(ctx, audience, before)
  const from = Math.floor(since / TICKS)
  const timestamp = toTimestamp(position, audience)
  const isOtherPast = before === null || from > Math.max(position, toSeconds(ctx.now)) + 1
  const isOtherView = since % TICKS !== timestamp % TICKS
  if (isOtherPast || isOtherView || from < toSeconds(ctx.now) - DAY) {
    return { actions: [resync(position)], timestamp }
  }
  const changes = await selectChanges(ctx.db, id, { since: from, limit: MAX_CHANGES + 1 })
  if (changes.length > MAX_CHANGES) {
    return { actions: [resync(position)], timestamp }
  }
  const visible = changes.filter(({ name }) => sees(audience, name))
  return { actions: visible.flatMap((change) => toActions(change, audience)), timestamp }
}

/** Where somebody begins who has looked at everything after asking this. */
export async function startFollowing(ctx: Ctx, audience: Audience): Promise<number> {
  const before = await readFeed(ctx.db, audience.organization.id)
  return toTimestamp(await bringUpToDate(ctx, audience, before), audience)
}

type Feed = Awaited<ReturnType<typeof readFeed>>

/** Whatever becomes visible after this is entered at a later second than this. */
async function bringUpToDate(ctx: Ctx, { organization }: Audience, before: Feed): Promise<number> {
  const { id } = organization
  const now = toSeconds(ctx.now)
  const isIdle = before === null || before.position < now - IDLE
  if (before !== null && !isIdle && before.stamp === (await readStamp(ctx.db, id))) {
    return before.position
  }
  return ctx.transaction(async (tx) => {
    const position = await advanceFeed(tx.db, id, now)
    // Before the changes: what comes in between makes the next question look again.
    const stamp = await readStamp(tx.db, id)
    // Under the lock: somebody else may have entered some meanwhile.
    const changes = await selectPendingChanges(tx.db, id)
    await enterChanges(tx.db, id, { changes, position })
    await forgetDeleted(tx.db, id, position - 2 * DAY)
    await writeFeedStamp(tx.db, id, stamp)
    await tx.record({ type: 'change-feed.advanced', organization: id, changes: changes.length })
    return position
  })
}

/** As the organization is now: the audience knows how it was when the call began. */
async function readStamp(db: Db, id: OrganizationId): Promise<string> {
  const organization = await findOrganization(db, id)
  return organization === null ? '' : (await readCatalogStamp(db, organization)).revision
}

function toTimestamp(position: number, { view, origins }: Audience): number {
  const isWhole = view === FULL_VIEW && origins === 'all'
  const digest = isWhole ? 0 : createHash('sha256').update(`${origins} ${view}`).digest().readUInt32BE(0) % TICKS
  return (position + 1) * TICKS + digest
}

function resync(position: number): ChangeAction {
  return { type: 'resync', package: '*', time: position }
}

/** Both files of a package have one time, which must be that of their `Last-Modified`: followers insist on it. */
function toActions({ name, position, modifiedAt }: EnteredChange, { origins }: Audience): ChangeAction[] {
  if (modifiedAt === null) {
    return [{ type: 'delete', package: name, time: position }]
  }
  const time = origins === 'all' ? modifiedAt : viewModifiedAt(modifiedAt, origins)
  return [name, `${name}~dev`].map((file) => ({ type: 'update', package: file, time }))
}
