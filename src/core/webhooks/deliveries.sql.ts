import type { Db } from '../kernel/schema.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Instant, OrganizationId, WebhookDeliveryId, WebhookId } from '../kernel/values.ts'

/** What is to be delivered and how it went. */
export interface WebhookDelivery {
  id: WebhookDeliveryId
  uid: string
  /** The uid of the event; null for a trial. */
  event: string | null
  type: string
  state: 'waiting' | 'delivered' | 'failed'
  attempts: number
  nextAttemptAt: Instant
  attemptedAt: Instant | null
  /** Status and beginning of the last answer; null when there was none. */
  status: number | null
  answer: string | null
  /** Why the last try failed, in words for people. */
  problem: string | null
  /** Milliseconds that the last try took. */
  duration: number | null
  createdAt: Instant
}

/** What is known of a delivery when it begins to exist. */
export interface NewDelivery {
  uid: string
  webhook: WebhookId
  event: string | null
  type: string
}

/** How one try ended. */
export interface DeliveryAttempt {
  state: 'waiting' | 'delivered' | 'failed'
  at: Instant
  nextAttemptAt: Instant
  status: number | null
  answer: string | null
  problem: string | null
  duration: number
}

const COLUMNS = [
  'id',
  'uid',
  'event_uid as event',
  'type',
  'state',
  'attempts',
  'next_attempt_at as nextAttemptAt',
  'attempted_at as attemptedAt',
  'status',
  'answer',
  'problem',
  'duration',
  'created_at as createdAt',
] as const

/** Rows of one insert; keeps statements below the parameter limits of both databases. */
const PORTION = 500

/** Stores deliveries in the given order. */
export async function insertDeliveries(db: Db, deliveries: readonly NewDelivery[], now: Instant): Promise<void> {
  for (let start = 0; start < deliveries.length; start += PORTION) {
    const rows = deliveries.slice(start, start + PORTION).map((delivery) => ({
      uid: delivery.uid,
      webhook_id: delivery.webhook,
      event_uid: delivery.event,
      type: delivery.type,
      state: 'waiting' as const,
      attempts: 0,
      next_attempt_at: now,
      created_at: now,
    }))
    await db.insertInto('webhook_deliveries').values(rows).execute()
  }
}

/** The delivery whose turn it is: the oldest that waits, whether it is due or not; null when none does. */
export async function findNextDelivery(db: Db, webhook: WebhookId): Promise<WebhookDelivery | null> {
  const row = await db
    .selectFrom('webhook_deliveries')
    .select(COLUMNS)
    .where('webhook_id', '=', webhook)
    .where('state', '=', 'waiting')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()
  return row ?? null
}

/** The delivery of a hook with that uid, or null. */
export async function findDelivery(db: Db, webhook: WebhookId, uid: string): Promise<WebhookDelivery | null> {
  const row = await db
    .selectFrom('webhook_deliveries')
    .select(COLUMNS)
    .where('webhook_id', '=', webhook)
    .where('uid', '=', uid)
    .executeTakeFirst()
  return row ?? null
}

/** The deliveries of a hook, newest first; the cursor is the id of the oldest one read. */
export async function selectDeliveries(db: Db, webhook: WebhookId, page: Page): Promise<Paged<WebhookDelivery>> {
  const rows = await db
    .selectFrom('webhook_deliveries')
    .select(COLUMNS)
    .where('webhook_id', '=', webhook)
    .$if(page.after !== null, (query) => query.where('id', '<', page.after as WebhookDeliveryId))
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows, page.limit)
}

/** Writes how the try number `attempts + 1` ended. False when somebody else wrote one meanwhile, or the delivery is gone. */
export async function recordAttempt(
  db: Db,
  delivery: Pick<WebhookDelivery, 'id' | 'attempts'>,
  attempt: DeliveryAttempt,
): Promise<boolean> {
  const result = await db
    .updateTable('webhook_deliveries')
    .set({
      state: attempt.state,
      attempts: delivery.attempts + 1,
      next_attempt_at: attempt.nextAttemptAt,
      attempted_at: attempt.at,
      status: attempt.status,
      answer: attempt.answer,
      problem: attempt.problem,
      duration: attempt.duration,
    })
    .where('id', '=', delivery.id)
    .where('state', '=', 'waiting')
    .where('attempts', '=', delivery.attempts)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Makes what waits for its next try due now. */
export async function hurryDeliveries(db: Db, webhook: WebhookId, now: Instant): Promise<void> {
  await db
    .updateTable('webhook_deliveries')
    .set({ next_attempt_at: now })
    .where('webhook_id', '=', webhook)
    .where('state', '=', 'waiting')
    .where('next_attempt_at', '>', now)
    .execute()
}

/** Gives up everything that waits. */
export async function failWaiting(db: Db, webhook: WebhookId, problem: string): Promise<void> {
  await db
    .updateTable('webhook_deliveries')
    .set((eb) => ({ state: 'failed', problem: eb.fn.coalesce('problem', eb.val(problem)) }))
    .where('webhook_id', '=', webhook)
    .where('state', '=', 'waiting')
    .execute()
}

/** Deletes up to `limit` deliveries of hooks that are gone, and returns how many there were. */
export async function deleteOrphanedDeliveries(db: Db, limit: number): Promise<number> {
  const result = await db
    .deleteFrom('webhook_deliveries')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('webhook_deliveries')
        .select('webhook_deliveries.id')
        .where((where) =>
          where.not(
            where.exists(
              where.selectFrom('webhooks').select('webhooks.id').whereRef('webhooks.id', '=', 'webhook_deliveries.webhook_id'),
            ),
          ),
        )
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** Deletes up to `limit` ended deliveries from before `before`, and returns how many there were. */
export async function deleteDeliveriesBefore(db: Db, before: Instant, limit: number): Promise<number> {
  const result = await db
    .deleteFrom('webhook_deliveries')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('webhook_deliveries')
        .select('id')
        .where('created_at', '<', before)
        .where('state', '<>', 'waiting')
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** The event with that uid as it is written, if it is one of that organization; else null. */
export async function findEventRow(
  db: Db,
  organization: OrganizationId,
  uid: string,
): Promise<{ type: string; data: string; createdAt: Instant } | null> {
  const row = await db
    .selectFrom('events')
    .select(['type', 'data', 'created_at as createdAt'])
    .where('uid', '=', uid)
    .where('organization_id', '=', organization)
    .executeTakeFirst()
  return row ?? null
}
