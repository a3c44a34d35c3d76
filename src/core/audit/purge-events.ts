import type { Ctx } from '../kernel/ctx.ts'
import { deleteEventsBefore, hasEventsBefore } from './events.sql.ts'

const DAY = 24 * 60 * 60 * 1000
/** Outgoing deliveries are made of the events and may be tried, or sent again, for so long. */
const LEAST_DAYS = 30
/** Rows of one transaction, so that others who write do not wait long. */
const PORTION = 5_000

/** Deletes the events that are older than they are to be kept, oldest first. Returns how many. */
export async function purgeEvents(ctx: Ctx): Promise<number> {
  const moment = ctx.now - Math.max(LEAST_DAYS, ctx.retention.auditDays) * DAY
  let purged = 0
  while (await hasEventsBefore(ctx.db, moment)) {
    purged += await ctx.transaction(async (tx) => {
      const events = await deleteEventsBefore(tx.db, moment, PORTION)
      await tx.record({ type: 'events.purged', organization: null, events })
      return events
    })
  }
  return purged
}
