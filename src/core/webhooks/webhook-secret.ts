import { createHmac } from 'node:crypto'
import type { Ctx } from '../kernel/ctx.ts'
import { invalidInput } from '../kernel/errors.ts'
import { toSeconds, type Instant } from '../kernel/values.ts'

/** Standard Webhooks: secrets are base64 of 24 to 64 bytes behind this prefix. */
const PREFIX = 'whsec_'
const SECRET_BYTES = 32

/** A secret and the text under which it is stored. */
export interface SealedSecret {
  plain: string
  sealed: string
}

/** A new secret for the outgoing hook with that uid. */
export function mintWebhookSecret(ctx: Ctx, uid: string): SealedSecret {
  return sealWebhookSecret(ctx, uid, PREFIX + Buffer.from(ctx.random.bytes(SECRET_BYTES)).toString('base64'))
}

/** A secret that somebody chose: 16 to 256 visible ASCII characters; behind `whsec_` base64 of 24 to 64 bytes. Throws `invalid_input`. */
export function sealWebhookSecret(ctx: Ctx, uid: string, plain: string): SealedSecret {
  if (!/^[!-~]{16,256}$/.test(plain) || (plain.startsWith(PREFIX) && decodeKey(plain) === null)) {
    throw invalidInput('secret', 'give 16 to 256 ASCII characters without spaces; after "whsec_" base64 of 24 to 64 bytes')
  }
  ctx.secrets.redact(plain)
  return { plain, sealed: ctx.secrets.encrypt(plain, contextOf(uid)) }
}

/** The secrets with which deliveries are signed now, the current one first. */
export function openWebhookSecrets(
  ctx: Ctx,
  row: { uid: string; secret: string; previousSecret: string | null; previousUntil: Instant | null },
): readonly [current: string, ...previous: string[]] {
  const current = ctx.secrets.decrypt(row.secret, contextOf(row.uid))
  if (row.previousSecret === null || row.previousUntil === null || row.previousUntil <= ctx.now) {
    return [current]
  }
  return [current, ctx.secrets.decrypt(row.previousSecret, contextOf(row.uid))]
}

/**
 * The headers that prove a delivery: those of Standard Webhooks with one signature for each valid secret over id, time and body, and
 * `X-Hub-Signature-256` over the body with the current secret, as GitHub signs.
 */
export function signDelivery(
  secrets: readonly [string, ...string[]],
  delivery: { uid: string; at: Instant; body: Uint8Array },
): Record<string, string> {
  const { uid, body } = delivery
  const time = String(toSeconds(delivery.at))
  const signatures = secrets.map((secret) => {
    const hmac = createHmac('sha256', keyOf(secret)).update(`${uid}.${time}.`).update(body)
    return `v1,${hmac.digest('base64')}`
  })
  const hub = createHmac('sha256', secrets[0]).update(body).digest('hex')
  return {
    'webhook-id': uid,
    'webhook-timestamp': time,
    'webhook-signature': signatures.join(' '),
    'x-hub-signature-256': `sha256=${hub}`,
  }
}

/** Of a secret in another form the characters themselves are the key. */
function keyOf(secret: string): Uint8Array {
  return decodeKey(secret) ?? Buffer.from(secret)
}

function decodeKey(secret: string): Uint8Array | null {
  if (!secret.startsWith(PREFIX)) {
    return null
  }
  const text = secret.slice(PREFIX.length)
  const bytes = Buffer.from(text, 'base64')
  const isWhole = bytes.toString('base64').replaceAll('=', '') === text.replaceAll('=', '')
  return isWhole && bytes.length >= 24 && bytes.length <= 64 ? bytes : null
}

function contextOf(uid: string): string {
  return `webhook:${uid}`
}
