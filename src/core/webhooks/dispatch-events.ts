import { coversPackage } from '../access/index.ts'
import type { ReactingTx } from '../kernel/ctx.ts'
import type { RecordedEvent } from '../kernel/events.ts'
import type { OrganizationId, WebhookId } from '../kernel/values.ts'
import { insertDeliveries, type NewDelivery } from './deliveries.sql.ts'
import { isPublicEvent, packageOf, type PublicEvent } from './public-events.ts'
import { selectActiveWebhooks, type WebhookFilter } from './webhooks.sql.ts'

/** A job that dies with its process counts as a try; what was not delivered must not be left because of that. */
const MOST_TRIES = 100

/**
 * Reacts to events of a transaction: writes a delivery for each hook that wants one, in the order of the events, and wakes those hooks.
 * One look-up when there are public events, nothing when there are none.
 */
export async function dispatchEvents(tx: ReactingTx, events: readonly RecordedEvent[]): Promise<void> {
  const organizations = new Set(events.flatMap(({ event }) => (isPublicEvent(event) ? [event.organization] : [])))
  const webhooks = organizations.size === 0 ? [] : await selectActiveWebhooks(tx.db, [...organizations])
  if (webhooks.length === 0) {
    return
  }
  const leaving = events.flatMap(({ uid, event }) => (isPublicEvent(event) ? [{ uid, event }] : []))
  for (const webhook of webhooks) {
    const deliveries: NewDelivery[] = leaving
      .filter(({ event }) => wants(webhook, event))
      .map(({ uid, event }) => ({ uid: tx.newId(), webhook: webhook.id, event: uid, type: event.type }))
    if (deliveries.length > 0) {
      await insertDeliveries(tx.db, deliveries, tx.now)
      await wakeWebhook(tx, webhook, { lane: 'background' })
    }
  }
}

/** A hook that is limited to packages gets what is about those packages and nothing else. */
function wants(webhook: WebhookFilter, event: PublicEvent): boolean {
  if (webhook.organization !== event.organization || !(webhook.events?.includes(event.type) ?? true)) {
    return false
  }
  const name = packageOf(event)
  return webhook.packages === null || (name !== null && coversPackage(webhook.packages, name))
}

/**
 * Enqueues the one job that delivers to a hook; its key keeps two from delivering at once. A job that waits for the next try stays where it
 * is, unless the lane is interactive: then it is due now.
 */
export async function wakeWebhook(
  tx: ReactingTx,
  webhook: { id: WebhookId; organization: OrganizationId },
  when: { lane: 'interactive' | 'background'; runAt?: number },
): Promise<void> {
  await tx.enqueue({
    kind: 'webhook.deliver',
    payload: { webhook: webhook.id },
    organization: webhook.organization,
    dedupeKey: `webhook.deliver:${webhook.id}`,
    maxAttempts: MOST_TRIES,
    ...when,
  })
}
