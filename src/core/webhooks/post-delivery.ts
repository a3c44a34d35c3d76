import type { Ctx } from '../kernel/ctx.ts'
import { isDomainError } from '../kernel/errors.ts'
import type { HttpAnswer } from '../kernel/ports.ts'
import type { Instant } from '../kernel/values.ts'
import { toInertText } from '../mail/index.ts'
import type { WebhookDelivery } from './deliveries.sql.ts'
import { openWebhookSecrets, signDelivery } from './webhook-secret.ts'
import { openWebhookUrl } from './webhook.ts'
import type { WebhookRow } from './webhooks.sql.ts'

/** What a receiver has for answering, in milliseconds. */
const ANSWER_TIME = 10_000
/** Bytes of an answer that are read, and characters that are kept. */
const ANSWER_BYTES = 4_096
const KEPT_CHARACTERS = 1_000

/** What came of sending a delivery. `problem` is null when the receiver took it. */
export interface Posted {
  status: number | null
  answer: string | null
  problem: string | null
}

/**
 * Sends one delivery. Redirects are not followed, because who answers them is not whom the organization named. What the receiver answers
 * is read up to 4 kB and made inert. Whatever goes wrong outside is a problem in the result; nothing expected is thrown.
 */
export async function postDelivery(
  ctx: Ctx,
  webhook: WebhookRow,
  sent: { delivery: WebhookDelivery; body: Uint8Array; at: Instant },
): Promise<Posted> {
  const { delivery, body, at } = sent
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'repertoire-hooks',
    'x-repertoire-event': delivery.type,
    'x-repertoire-delivery': delivery.uid,
    ...signDelivery(openWebhookSecrets(ctx, webhook), { uid: delivery.uid, at, body }),
  }
  try {
    const answer = await ctx.http.fetch({
      url: openWebhookUrl(ctx, webhook),
      method: 'POST',
      headers,
      body,
      redirects: 0,
      maxBytes: 16 * ANSWER_BYTES,
      stall: ANSWER_TIME,
      duration: ANSWER_TIME,
    })
    return { status: answer.status, answer: await readBeginning(answer), problem: findProblem(answer.status) }
  } catch (error) {
    return { status: null, answer: null, problem: describeFailure(error) }
  }
}

function findProblem(status: number): string | null {
  if (status >= 200 && status < 300) {
    return null
  }
  if (status >= 300 && status < 400) {
    return `it answered with a redirect (${status}), which is not followed`
  }
  return `it answered ${status}`
}

/** The status has come already: a body that breaks off, or takes too long, changes nothing. */
async function readBeginning({ body }: HttpAnswer): Promise<string> {
  const chunks: Uint8Array[] = []
  let read = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      read += chunk.length
      if (read >= ANSWER_BYTES) {
        break
      }
    }
  } catch (error) {
    if (!isDomainError(error)) {
      throw error
    }
  }
  return toInertText(Buffer.concat(chunks).subarray(0, ANSWER_BYTES).toString('utf8'), KEPT_CHARACTERS)
}

function describeFailure(error: unknown): string {
  if (isDomainError(error, 'egress_blocked')) {
    return toInertText(error.message, KEPT_CHARACTERS)
  }
  if (isDomainError(error, 'source_timeout')) {
    return `it did not answer within ${ANSWER_TIME / 1000} seconds`
  }
  if (isDomainError(error)) {
    return toInertText(`it could not be reached: ${error.details['problem'] ?? error.code}`, KEPT_CHARACTERS)
  }
  throw error
}
