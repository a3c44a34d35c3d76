import type { Ctx } from '../kernel/ctx.ts'
import type { Instant, OrganizationId, WebhookId } from '../kernel/values.ts'
import type { WebhookRow } from './webhooks.sql.ts'

/** An outgoing hook as its administrators see it. */
export interface Webhook {
  id: WebhookId
  uid: string
  organization: OrganizationId
  name: string
  url: string
  /** Null for all public events. */
  events: readonly string[] | null
  /** Null for every package and for what concerns none. */
  packages: readonly string[] | null
  isActive: boolean
  /** Since when nothing could be delivered; null while healthy. */
  failingSince: Instant | null
  /** Why it is switched off, in words for people. */
  disabledReason: string | null
  createdAt: Instant
}

/** Opens what is sealed in a row, apart from the secrets. */
export function toWebhook(ctx: Ctx, row: WebhookRow): Webhook {
  const { secret: _, previousSecret: __, previousUntil: ___, ...rest } = row
  return { ...rest, url: openWebhookUrl(ctx, row) }
}

/** Addresses often hold a secret of the receiver, so they are stored encrypted. */
export function sealWebhookUrl(ctx: Ctx, uid: string, url: string): string {
  return ctx.secrets.encrypt(url, contextOf(uid))
}

/** Where a hook's deliveries go. */
export function openWebhookUrl(ctx: Ctx, row: Pick<WebhookRow, 'uid' | 'url'>): string {
  return ctx.secrets.decrypt(row.url, contextOf(row.uid))
}

function contextOf(uid: string): string {
  return `webhook-url:${uid}`
}
