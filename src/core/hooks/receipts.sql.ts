import { sql } from 'kysely'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Db } from '../kernel/schema.ts'
import type { HookReceiptId, Instant, JobId, SourceId } from '../kernel/values.ts'

/** What arrived at a hook and what became of it. */
export interface HookReceipt {
  id: HookReceiptId
  provider: string
  /** The sender's id of the delivery, if it gave one. */
  delivery: string | null
  /** The event as its sender calls it. */
  event: string | null
  outcome: 'accepted' | 'ignored' | 'refused'
  /** Why it had no effect; null when it had one. */
  reason: string | null
  job: JobId | null
  bodySha256: string | null
  receivedAt: Instant
}

/** A receipt to be stored. */
export type NewReceipt = Omit<HookReceipt, 'id' | 'job'> & { source: SourceId }

/**
 * Stores a receipt. Null when its reason is null and a delivery of that id had its effect already; of two that arrive
 * together, the later waits for the transaction of the earlier.
 */
export async function insertReceipt(db: Db, receipt: NewReceipt): Promise<HookReceiptId | null> {
  const row = await db
    .insertInto('hook_receipts')
    .values({
      source_id: receipt.source,
      provider: receipt.provider,
      delivery_id: receipt.delivery,
      event: receipt.event,
      outcome: receipt.outcome,
      reason: receipt.reason,
      body_sha256: receipt.bodySha256,
      received_at: receipt.receivedAt,
    })
    .onConflict((conflict) =>
      conflict.columns(['source_id', 'provider', 'delivery_id']).where('reason', 'is', sql.lit(null)).doNothing(),
    )
    .returning('id')
    .executeTakeFirst()
  return row?.id ?? null
}

/** Notes the job that a delivery asked for. */
export async function setReceiptJob(db: Db, id: HookReceiptId, job: JobId): Promise<void> {
  await db.updateTable('hook_receipts').set({ job_id: job }).where('id', '=', id).execute()
}

/** The receipts of a source, newest first; the cursor is the id of the oldest one read. */
export async function selectReceipts(db: Db, source: SourceId, page: Page): Promise<Paged<HookReceipt>> {
  const rows = await db
    .selectFrom('hook_receipts')
    .select([
      'id',
      'provider',
      'delivery_id as delivery',
      'event',
      'outcome',
      'reason',
      'job_id as job',
      'body_sha256 as bodySha256',
      'received_at as receivedAt',
    ])
    .where('source_id', '=', source)
    .$if(page.after !== null, (query) => query.where('id', '<', page.after as HookReceiptId))
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows, page.limit)
}

/** Deletes up to `limit` receipts from before `before`, and returns how many there were. */
export async function deleteReceiptsBefore(db: Db, before: Instant, limit: number): Promise<number> {
  const result = await db
    .deleteFrom('hook_receipts')
    .where('id', 'in', (eb) => eb.selectFrom('hook_receipts').select('id').where('received_at', '<', before).limit(limit))
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** Deletes up to `limit` receipts beyond the newest `keep` of each source, and returns how many there were. */
export async function deleteReceiptsBeyond(db: Db, keep: number, limit: number): Promise<number> {
  const ranked = db.selectFrom('hook_receipts').select((eb) => [
    'id',
    eb.fn
      .agg<number>('row_number')
      .over((over) => over.partitionBy('source_id').orderBy('id', 'desc'))
      .as('rank'),
  ])
  const result = await db
    .deleteFrom('hook_receipts')
    .where('id', 'in', db.selectFrom(ranked.as('ranked')).select('id').where('rank', '>', keep).limit(limit))
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
