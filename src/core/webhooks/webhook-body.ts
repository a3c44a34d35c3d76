import type { Ctx } from '../kernel/ctx.ts'
import type { DomainEvent } from '../kernel/events.ts'
import { findOrganization, organizationPath } from '../organizations/index.ts'
import { findSource } from '../sources/index.ts'
import { findEventRow, type WebhookDelivery } from './deliveries.sql.ts'
import { isPublicEvent, presentEvent, sourceOf, type EventSource, type PublicEvent } from './public-events.ts'
import type { WebhookRow } from './webhooks.sql.ts'

/** Grows only when a receiver must be rewritten. */
const VERSION = 1

/**
 * The body of a delivery as receivers get it, the same bytes for every try while the named things exist. It is made of the event's row and
 * of nothing that belongs to another organization. Null when the event is not kept any more.
 */
export async function composeBody(ctx: Ctx, webhook: WebhookRow, delivery: WebhookDelivery): Promise<Uint8Array | null> {
  const organization = await findOrganization(ctx.db, webhook.organization)
  const told = delivery.event === null ? toPing(webhook, delivery) : await readEvent(ctx, webhook, delivery.event)
  if (organization === null || told === null) {
    return null
  }
  const { id, createdAt, data } = told
  const document = {
    version: VERSION,
    id,
    type: delivery.type,
    created_at: new Date(createdAt).toISOString(),
    organization: { id: organization.uid, slug: await organizationPath(ctx.db, organization) },
    data,
  }
  return new TextEncoder().encode(JSON.stringify(document))
}

interface Told {
  id: string
  createdAt: number
  data: Record<string, unknown>
}

function toPing(webhook: WebhookRow, delivery: WebhookDelivery): Told {
  return { id: delivery.uid, createdAt: delivery.createdAt, data: { hook: { id: webhook.uid, name: webhook.name } } }
}

async function readEvent(ctx: Ctx, { organization }: WebhookRow, uid: string): Promise<Told | null> {
  const row = await findEventRow(ctx.db, organization, uid)
  if (row === null) {
    return null
  }
  const event = { ...(JSON.parse(row.data) as object), type: row.type, organization } as DomainEvent
  if (!isPublicEvent(event)) {
    return null
  }
  return { id: uid, createdAt: row.createdAt, data: presentEvent(event, await readSource(ctx, event)) }
}

async function readSource(ctx: Ctx, event: PublicEvent): Promise<EventSource> {
  const id = sourceOf(event)
  const source = id === null ? null : await findSource(ctx.db, id)
  const isOwn = source !== null && source.organization === event.organization
  return isOwn ? { uid: source.uid, url: source.url } : { uid: null, url: null }
}
