import { authorize } from '../access/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import {
  deleteDeliveriesBefore,
  deleteOrphanedDeliveries,
  findDelivery,
  hurryDeliveries,
  insertDeliveries,
  selectDeliveries,
  type NewDelivery,
  type WebhookDelivery,
} from './deliveries.sql.ts'
import { wakeWebhook } from './dispatch-events.ts'
import { requireWebhook, type WebhookKey } from './manage-webhooks.ts'
import type { WebhookRow } from './webhooks.sql.ts'

/** How long the log of deliveries is kept, in milliseconds. */
const KEPT_FOR = 30 * 24 * 60 * 60 * 1000
/** Rows of one transaction, so that others who write do not wait long. */
const PORTION = 5_000

/** The type of a trial. */
const PING = 'ping'

/** What was or is to be delivered to a hook, newest first. Throws `webhook_not_found`. */
export async function listDeliveries(ctx: Ctx, key: WebhookKey, page: Page): Promise<Paged<WebhookDelivery>> {
  await authorize(ctx, 'webhook.log', key.organization)
  const { id } = await requireWebhook(ctx, key)
  return selectDeliveries(ctx.db, id, page)
}

/**
 * Sends a trial, after what waits already, which becomes due now. Returns the uid of the delivery. Throws `webhook_not_found`, and
 * `webhook_disabled` when the hook is switched off.
 */
export async function pingWebhook(ctx: Ctx, key: WebhookKey): Promise<string> {
  await authorize(ctx, 'webhook.send', key.organization)
  const webhook = requireActive(await requireWebhook(ctx, key))
  const uid = ctx.newId()
  await ctx.transaction(async (tx) => {
    await sendNow(tx, webhook, { uid, webhook: webhook.id, event: null, type: PING })
    await tx.record({ type: 'webhook.pinged', organization: key.organization, webhook: webhook.id, name: webhook.name })
  })
  return uid
}

/**
 * Delivers the event of an earlier delivery once more, under a new uid, so that receivers that recognize repeated deliveries take it. What
 * still waits becomes due now, and nothing is added. Returns the uid of the delivery. Throws `webhook_not_found`,
 * `delivery_not_found` and `webhook_disabled`.
 */
export async function resendDelivery(ctx: Ctx, key: WebhookKey, delivery: string): Promise<string> {
  await authorize(ctx, 'webhook.send', key.organization)
  const webhook = requireActive(await requireWebhook(ctx, key))
  const found = await findDelivery(ctx.db, webhook.id, delivery)
  if (found === null) {
    throw new DomainError('delivery_not_found')
  }
  const uid = found.state === 'waiting' ? found.uid : ctx.newId()
  const { event, type } = found
  await ctx.transaction(async (tx) => {
    await sendNow(tx, webhook, uid === found.uid ? null : { uid, webhook: webhook.id, event, type })
    const { id, name } = webhook
    await tx.record({ type: 'webhook.resent', organization: key.organization, webhook: id, name, delivery })
  })
  return uid
}

async function sendNow(tx: Tx, webhook: WebhookRow, added: NewDelivery | null): Promise<void> {
  await hurryDeliveries(tx.db, webhook.id, tx.now)
  if (added !== null) {
    await insertDeliveries(tx.db, [added], tx.now)
  }
  await wakeWebhook(tx, webhook, { lane: 'interactive' })
}

function requireActive(webhook: WebhookRow): WebhookRow {
  if (!webhook.isActive) {
    throw new DomainError('webhook_disabled', { reason: webhook.disabledReason ?? 'unknown' })
  }
  return webhook
}

/** Forgets deliveries that ended and are older than 30 days, and those of hooks that are gone. Returns how many. */
export async function purgeDeliveries(ctx: Ctx): Promise<number> {
  let purged = 0
  for (;;) {
    const deleted = await ctx.transaction(async (tx) => {
      const old = await deleteDeliveriesBefore(tx.db, tx.now - KEPT_FOR, PORTION)
      const orphaned = await deleteOrphanedDeliveries(tx.db, PORTION)
      await tx.record({ type: 'webhooks.purged', organization: null, deliveries: old + orphaned })
      return old + orphaned
    })
    purged += deleted
    if (deleted < PORTION) {
      return purged
    }
  }
}
