import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { Instant, WebhookId } from '../kernel/values.ts'
import { failWaiting, findNextDelivery, recordAttempt, type WebhookDelivery } from './deliveries.sql.ts'
import { wakeWebhook } from './dispatch-events.ts'
import { postDelivery, type Posted } from './post-delivery.ts'
import { composeBody } from './webhook-body.ts'
import { findWebhook, setFailingSince, switchWebhook, type WebhookRow } from './webhooks.sql.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** The pause after each failed try of a delivery, and after all later ones. */
const PAUSES = [10 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR]
const LONGEST_PAUSE = 12 * HOUR
/** How long a receiver may fail before its hook is switched off. */
const PATIENCE = 72 * HOUR
/** What one run of the job does at most; then other work has its turn. */
const RUN_TIME = 10 * SECOND
const RUN_DELIVERIES = 100
const GONE = 410

/** What became of one try, and when. `isDropped`: there was nothing left to send. */
interface Attempted extends Posted {
  isDropped: boolean
  at: Instant
  duration: number
}

/**
 * Delivers to one hook what waits for it, one after the other in the order of the events, until all is delivered, a try fails or the run
 * has taken its share. Each end of a try is written in one transaction with the job that goes on, so a crash at any point leads to the same
 * delivery being sent again, under the same uid, and never to its loss.
 */
export async function deliverEvents(ctx: Ctx, id: WebhookId): Promise<void> {
  const start = performance.now()
  for (let count = 1; ; count += 1) {
    const webhook = await findWebhook(ctx.db, id)
    const delivery = webhook?.isActive === true ? await findNextDelivery(ctx.db, id) : null
    if (webhook === null || delivery === null || delivery.nextAttemptAt > ctx.now) {
      return
    }
    const attempted = await attempt(ctx, webhook, { delivery, start })
    const elapsed = attempted.at - ctx.now
    // A receiver that used its whole share is left alone for as long again, so that slow ones leave room for others.
    const resumeAt = elapsed >= RUN_TIME || count >= RUN_DELIVERIES ? ctx.now + 2 * elapsed : null
    const goesOn = await ctx.transaction((tx) => settle(tx, webhook, { delivery, attempted, resumeAt }))
    if (!goesOn || resumeAt !== null) {
      return
    }
  }
}

async function attempt(
  ctx: Ctx,
  webhook: WebhookRow,
  { delivery, start }: { delivery: WebhookDelivery; start: number },
): Promise<Attempted> {
  const begun = performance.now()
  const body = await composeBody(ctx, webhook, delivery)
  const posted: Posted =
    body === null
      ? { status: null, answer: null, problem: 'the event is not kept any more' }
      : await postDelivery(ctx, webhook, { delivery, body, at: ctx.now + Math.round(begun - start) })
  const ended = performance.now()
  return { ...posted, isDropped: body === null, at: ctx.now + Math.round(ended - start), duration: Math.round(ended - begun) }
}

interface Settlement {
  delivery: WebhookDelivery
  attempted: Attempted
  /** When the next job goes on; null while this one does. */
  resumeAt: Instant | null
}

/** Writes the end of a try; true when the next delivery has its turn. */
async function settle(tx: Tx, webhook: WebhookRow, settlement: Settlement): Promise<boolean> {
  const { delivery, attempted, resumeAt } = settlement
  const facts = { organization: webhook.organization, webhook: webhook.id, delivery: delivery.uid }
  if (attempted.problem !== null && !attempted.isDropped) {
    await settleFailure(tx, webhook, { delivery, attempted, problem: attempted.problem })
    return false
  }
  if (webhook.failingSince !== null && !attempted.isDropped) {
    await setFailingSince(tx.db, webhook.id, null)
  }
  const state = attempted.isDropped ? 'failed' : 'delivered'
  await recordAttempt(tx.db, delivery, { ...attempted, state, nextAttemptAt: attempted.at })
  if (attempted.problem === null) {
    await tx.record({ type: 'webhook.delivered', ...facts })
  } else {
    await tx.record({ type: 'webhook.failed', ...facts, problem: attempted.problem })
  }
  if (resumeAt !== null) {
    await wakeWebhook(tx, webhook, { lane: 'background', runAt: resumeAt })
  }
  return true
}

/** The hook's row is written first, as everybody does who writes a hook and its deliveries: two of them never wait for each other. */
async function settleFailure(
  tx: Tx,
  webhook: WebhookRow,
  { delivery, attempted, problem }: { delivery: WebhookDelivery; attempted: Attempted; problem: string },
): Promise<void> {
  const { id, organization, name } = webhook
  const since = webhook.failingSince ?? attempted.at
  const reason = findDisablingReason(attempted, since)
  await tx.record({ type: 'webhook.failed', organization, webhook: id, delivery: delivery.uid, problem })
  await setFailingSince(tx.db, id, since)
  if (reason !== null) {
    const isOurs = await switchWebhook(tx.db, id, reason)
    await recordAttempt(tx.db, delivery, { ...attempted, state: 'failed', nextAttemptAt: attempted.at })
    await failWaiting(tx.db, id, 'the hook was switched off before')
    if (isOurs) {
      await tx.record({ type: 'webhook.disabled', organization, webhook: id, name, reason })
    }
    return
  }
  const nextAttemptAt = attempted.at + (PAUSES[delivery.attempts] ?? LONGEST_PAUSE)
  await recordAttempt(tx.db, delivery, { ...attempted, state: 'waiting', nextAttemptAt })
  await wakeWebhook(tx, webhook, { lane: 'background', runAt: nextAttemptAt })
}

/** RFC 9110, 15.5.11: a receiver that says 410 wants nothing more. */
function findDisablingReason(attempted: Attempted, since: Instant): string | null {
  if (attempted.status === GONE) {
    return 'the receiver answered that it is gone (410)'
  }
  return attempted.at - since >= PATIENCE ? `nothing could be delivered for three days; last, ${attempted.problem}` : null
}
