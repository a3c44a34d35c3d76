import type { Ctx } from '../kernel/ctx.ts'
import { deleteReceiptsBefore, deleteReceiptsBeyond } from './receipts.sql.ts'

/** How long receipts are kept, in milliseconds; as long is a repeated delivery recognized. */
const KEPT_FOR = 30 * 24 * 60 * 60 * 1000
/** How many are kept of one source. */
const KEPT_PER_SOURCE = 10_000
/** Rows of one transaction, so that others who write do not wait long. */
const PORTION = 5_000

/** Deletes receipts that are older than 30 days or beyond the newest 10,000 of their source. Returns how many. */
export async function purgeReceipts(ctx: Ctx): Promise<number> {
  let purged = 0
  for (;;) {
    const deleted = await ctx.transaction(async (tx) => {
      const old = await deleteReceiptsBefore(tx.db, tx.now - KEPT_FOR, PORTION)
      const beyond = await deleteReceiptsBeyond(tx.db, KEPT_PER_SOURCE, PORTION)
      await tx.record({ type: 'hooks.purged', organization: null, receipts: old + beyond })
      return old + beyond
    })
    purged += deleted
    if (deleted < PORTION) {
      return purged
    }
  }
}
