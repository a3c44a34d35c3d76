import { parseDisplayName } from '../accounts/index.ts'
import { authorize, parsePackageGlobs } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { Instant, OrganizationId } from '../kernel/values.ts'
import { failWaiting } from './deliveries.sql.ts'
import { PUBLIC_EVENT_TYPES, type PublicEventType } from './public-events.ts'
import { sealWebhookUrl, toWebhook, type Webhook } from './webhook.ts'
import { mintWebhookSecret, sealWebhookSecret } from './webhook-secret.ts'
import { parseWebhookUrl } from './webhook-url.ts'
import {
  countWebhooks,
  deleteWebhook,
  findWebhookByUid,
  insertWebhook,
  replaceWebhookSecret,
  selectWebhooks,
  switchWebhook,
  updateWebhook,
  type WebhookRow,
} from './webhooks.sql.ts'

/** How long signatures are made with a replaced secret too, in milliseconds. */
const OVERLAP = 24 * 60 * 60 * 1000
/** Each public event costs a row for each hook that wants it. */
const MOST_WEBHOOKS = 50

/** What people decide about an outgoing hook. For `events` and `packages` null, and a list with `*`, mean all. */
export interface WebhookChoices {
  name: string
  url: string
  events: readonly string[] | null
  packages: readonly string[] | null
}

/** A hook with the only appearance of its secret. */
export interface IssuedWebhook {
  webhook: Webhook
  secret: string
}

/** Names one outgoing hook. */
export interface WebhookKey {
  organization: OrganizationId
  uid: string
}

/**
 * Adds an outgoing hook. Its secret is made up unless one is given, and appears in the result once. Throws `invalid_input`, `invalid_url`
 * and, for an address in a closed network, `egress_blocked`.
 */
export async function createWebhook(
  ctx: Ctx,
  input: WebhookChoices & { organization: OrganizationId; secret: string | null },
): Promise<IssuedWebhook> {
  await authorize(ctx, 'webhook.create', input.organization)
  const choices = await parseChoices(ctx, input)
  const uid = ctx.newId()
  const { plain, sealed } = input.secret === null ? mintWebhookSecret(ctx, uid) : sealWebhookSecret(ctx, uid, input.secret)
  const url = sealWebhookUrl(ctx, uid, choices.url)
  const row = await ctx.transaction(async (tx) => {
    if ((await countWebhooks(tx.db, input.organization)) >= MOST_WEBHOOKS) {
      throw invalidInput('organization', `it has ${MOST_WEBHOOKS} outgoing hooks already`)
    }
    const { organization } = input
    const inserted = await insertWebhook(tx.db, { ...choices, uid, url, organization, secret: sealed, createdAt: tx.now })
    await tx.record({ type: 'webhook.created', organization, webhook: inserted.id, name: inserted.name })
    return inserted
  })
  return { webhook: toWebhook(ctx, row), secret: plain }
}

/** Replaces what was decided about a hook; what waits goes to the new address. Throws as `createWebhook`, and `webhook_not_found`. */
export async function updateWebhookChoices(ctx: Ctx, key: WebhookKey, input: WebhookChoices): Promise<Webhook> {
  await authorize(ctx, 'webhook.change', key.organization)
  const choices = await parseChoices(ctx, input)
  const { id, uid } = await requireWebhook(ctx, key)
  const url = sealWebhookUrl(ctx, uid, choices.url)
  await ctx.transaction(async (tx) => {
    requireFound(await updateWebhook(tx.db, id, { ...choices, url }))
    await tx.record({ type: 'webhook.changed', organization: key.organization, webhook: id, name: choices.name })
  })
  return toWebhook(ctx, await requireWebhook(ctx, key))
}

/** The outgoing hooks of an organization in the order of their creation. */
export async function listWebhooks(ctx: Ctx, organization: OrganizationId, page: Page): Promise<Paged<Webhook>> {
  await authorize(ctx, 'webhook.list', organization)
  const { items, next } = await selectWebhooks(ctx.db, organization, page)
  return { items: items.map((row) => toWebhook(ctx, row)), next }
}

/** One outgoing hook. Throws `webhook_not_found`. */
export async function getWebhook(ctx: Ctx, key: WebhookKey): Promise<Webhook> {
  await authorize(ctx, 'webhook.list', key.organization)
  return toWebhook(ctx, await requireWebhook(ctx, key))
}

/**
 * Gives a hook a new secret, which appears in the result once. For another 24 hours deliveries bear signatures with both; rotating twice
 * ends a secret at once. Throws `webhook_not_found`, and `invalid_input` for a given secret.
 */
export async function rotateWebhook(
  ctx: Ctx,
  key: WebhookKey,
  given: string | null,
): Promise<IssuedWebhook & { previousUntil: Instant }> {
  await authorize(ctx, 'webhook.rotate', key.organization)
  const { id, uid, name } = await requireWebhook(ctx, key)
  const { plain, sealed } = given === null ? mintWebhookSecret(ctx, uid) : sealWebhookSecret(ctx, uid, given)
  const previousUntil = ctx.now + OVERLAP
  await ctx.transaction(async (tx) => {
    requireFound(await replaceWebhookSecret(tx.db, id, { secret: sealed, previousUntil }))
    await tx.record({ type: 'webhook.rotated', organization: key.organization, webhook: id, name })
  })
  return { webhook: toWebhook(ctx, await requireWebhook(ctx, key)), secret: plain, previousUntil }
}

/** Removes a hook with everything that waits for it. Throws `webhook_not_found`. */
export async function removeWebhook(ctx: Ctx, key: WebhookKey): Promise<void> {
  await authorize(ctx, 'webhook.remove', key.organization)
  const { id, name } = await requireWebhook(ctx, key)
  await ctx.transaction(async (tx) => {
    requireFound(await deleteWebhook(tx.db, id))
    await tx.record({ type: 'webhook.removed', organization: key.organization, webhook: id, name })
  })
}

/** Switches a hook on, for events from now on; nothing happens when it is on. Throws `webhook_not_found`. */
export async function enableWebhook(ctx: Ctx, key: WebhookKey): Promise<Webhook> {
  await authorize(ctx, 'webhook.change', key.organization)
  const { id, name, isActive } = await requireWebhook(ctx, key)
  if (!isActive) {
    await ctx.transaction(async (tx) => {
      await switchWebhook(tx.db, id, null)
      await tx.record({ type: 'webhook.enabled', organization: key.organization, webhook: id, name })
    })
  }
  return toWebhook(ctx, await requireWebhook(ctx, key))
}

/** Switches a hook off and gives up what waits for it; nothing happens when it is off. Throws `webhook_not_found`. */
export async function disableWebhook(ctx: Ctx, key: WebhookKey): Promise<Webhook> {
  await authorize(ctx, 'webhook.change', key.organization)
  const { id, name, isActive } = await requireWebhook(ctx, key)
  if (isActive) {
    const reason = 'somebody switched it off'
    await ctx.transaction(async (tx) => {
      await switchWebhook(tx.db, id, reason)
      await failWaiting(tx.db, id, 'the hook was switched off before')
      await tx.record({ type: 'webhook.disabled', organization: key.organization, webhook: id, name, reason })
    })
  }
  return toWebhook(ctx, await requireWebhook(ctx, key))
}

/** The row of a hook. Throws `webhook_not_found`. Whoever calls has authorized. */
export async function requireWebhook(ctx: Pick<Ctx, 'db'>, key: WebhookKey): Promise<WebhookRow> {
  const row = await findWebhookByUid(ctx.db, key.organization, key.uid)
  if (row === null) {
    throw new DomainError('webhook_not_found')
  }
  return row
}

function requireFound(isFound: boolean): void {
  if (!isFound) {
    throw new DomainError('webhook_not_found')
  }
}

async function parseChoices(ctx: Ctx, input: WebhookChoices): Promise<WebhookChoices> {
  const name = parseDisplayName('name', input.name)
  const events = parseEvents(input.events)
  const packages = input.packages?.includes('*') === true ? null : parsePackageGlobs(input.packages)
  return { name, events, packages, url: await parseWebhookUrl(ctx, input.url) }
}

function parseEvents(events: readonly string[] | null): string[] | null {
  if (events === null || events.includes('*')) {
    return null
  }
  const unknown = events.find((type) => !PUBLIC_EVENT_TYPES.includes(type as PublicEventType))
  if (unknown !== undefined || events.length === 0) {
    throw invalidInput('events', `give "*" or some of: ${PUBLIC_EVENT_TYPES.join(', ')}`)
  }
  return [...new Set(events)]
}
