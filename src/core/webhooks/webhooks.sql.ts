import type { Db } from '../kernel/schema.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Instant, OrganizationId, WebhookId } from '../kernel/values.ts'
import { deletedOrganizations } from '../organizations/index.ts'

/** An outgoing hook as it is stored; `url` and secrets are sealed. */
export interface WebhookRow {
  id: WebhookId
  uid: string
  organization: OrganizationId
  name: string
  url: string
  secret: string
  previousSecret: string | null
  previousUntil: Instant | null
  /** Null for all public events. */
  events: readonly string[] | null
  /** Null for every package and for what concerns none. */
  packages: readonly string[] | null
  isActive: boolean
  failingSince: Instant | null
  disabledReason: string | null
  createdAt: Instant
}

const COLUMNS = [
  'id',
  'uid',
  'organization_id as organization',
  'name',
  'url',
  'secret',
  'previous_secret as previousSecret',
  'previous_until as previousUntil',
  'events',
  'package_globs as packages',
  'is_active as isActive',
  'failing_since as failingSince',
  'disabled_reason as disabledReason',
  'created_at as createdAt',
] as const

type Stored = Omit<WebhookRow, 'events' | 'packages' | 'isActive'> & {
  events: string | null
  packages: string | null
  isActive: 0 | 1
}

function toRow(stored: Stored): WebhookRow {
  return {
    ...stored,
    events: parseList(stored.events),
    packages: parseList(stored.packages),
    isActive: stored.isActive === 1,
  }
}

function parseList(text: string | null): string[] | null {
  return text === null ? null : (JSON.parse(text) as string[])
}

function toText(list: readonly string[] | null): string | null {
  return list === null ? null : JSON.stringify(list)
}

/** Stores an outgoing hook. */
export async function insertWebhook(
  db: Db,
  input: Pick<WebhookRow, 'uid' | 'organization' | 'name' | 'url' | 'secret' | 'events' | 'packages' | 'createdAt'>,
): Promise<WebhookRow> {
  const row = await db
    .insertInto('webhooks')
    .values({
      uid: input.uid,
      organization_id: input.organization,
      name: input.name,
      url: input.url,
      secret: input.secret,
      previous_secret: null,
      previous_until: null,
      events: toText(input.events),
      package_globs: toText(input.packages),
      is_active: 1,
      failing_since: null,
      disabled_reason: null,
      created_at: input.createdAt,
    })
    .returning(COLUMNS)
    .executeTakeFirstOrThrow()
  return toRow(row)
}

/** How many outgoing hooks an organization has. */
export async function countWebhooks(db: Db, organization: OrganizationId): Promise<number> {
  const row = await db
    .selectFrom('webhooks')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('organization_id', '=', organization)
    .executeTakeFirstOrThrow()
  return row.count
}

/** The outgoing hook with that id, or null. */
export async function findWebhook(db: Db, id: WebhookId): Promise<WebhookRow | null> {
  const row = await db.selectFrom('webhooks').select(COLUMNS).where('id', '=', id).executeTakeFirst()
  return row === undefined ? null : toRow(row)
}

/** The outgoing hook of an organization with that uid, or null. */
export async function findWebhookByUid(db: Db, organization: OrganizationId, uid: string): Promise<WebhookRow | null> {
  const row = await db
    .selectFrom('webhooks')
    .select(COLUMNS)
    .where('organization_id', '=', organization)
    .where('uid', '=', uid)
    .executeTakeFirst()
  return row === undefined ? null : toRow(row)
}

/** The outgoing hooks of an organization in the order of their creation. */
export async function selectWebhooks(db: Db, organization: OrganizationId, page: Page): Promise<Paged<WebhookRow>> {
  const rows = await db
    .selectFrom('webhooks')
    .select(COLUMNS)
    .where('organization_id', '=', organization)
    .where('id', '>', (page.after ?? 0) as WebhookId)
    .orderBy('id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows.map(toRow), page.limit)
}

/** What decides which events a hook gets. */
export type WebhookFilter = Pick<WebhookRow, 'id' | 'organization' | 'events' | 'packages'>

/** The hooks of these organizations that are switched on, by id; a deleted organization tells nobody of its end. */
export async function selectActiveWebhooks(db: Db, organizations: readonly OrganizationId[]): Promise<WebhookFilter[]> {
  const rows = await db
    .selectFrom('webhooks')
    .select(['id', 'organization_id as organization', 'events', 'package_globs as packages'])
    .where('organization_id', 'in', organizations)
    .where('organization_id', 'not in', deletedOrganizations(db))
    .where('is_active', '=', 1)
    .orderBy('id')
    .execute()
  return rows.map((row) => ({ ...row, events: parseList(row.events), packages: parseList(row.packages) }))
}

/** Name and reason of a hook that is switched off, or null when it is on or gone. */
export async function findSwitchedOff(
  db: Db,
  organization: OrganizationId,
  id: WebhookId,
): Promise<{ name: string; reason: string | null } | null> {
  const row = await db
    .selectFrom('webhooks')
    .select(['name', 'disabled_reason as reason'])
    .where('id', '=', id)
    .where('organization_id', '=', organization)
    .where('is_active', '=', 0)
    .executeTakeFirst()
  return row ?? null
}

/** Replaces what people may change. False when the hook is gone. */
export async function updateWebhook(
  db: Db,
  id: WebhookId,
  input: Pick<WebhookRow, 'name' | 'url' | 'events' | 'packages'>,
): Promise<boolean> {
  const result = await db
    .updateTable('webhooks')
    .set({ name: input.name, url: input.url, events: toText(input.events), package_globs: toText(input.packages) })
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Replaces the secret; signatures are made with the one it had too until `previousUntil`. False when the hook is gone. */
export async function replaceWebhookSecret(
  db: Db,
  id: WebhookId,
  input: { secret: string; previousUntil: Instant },
): Promise<boolean> {
  const result = await db
    .updateTable('webhooks')
    .set((eb) => ({ secret: input.secret, previous_secret: eb.ref('secret'), previous_until: input.previousUntil }))
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Switches a hook on, healthy as a new one, or off with the reason. False when it was so already, or is gone. */
export async function switchWebhook(db: Db, id: WebhookId, disabledReason: string | null): Promise<boolean> {
  const isOn = disabledReason === null
  const result = await db
    .updateTable('webhooks')
    .set({ is_active: isOn ? 1 : 0, disabled_reason: disabledReason, ...(isOn ? { failing_since: null } : {}) })
    .where('id', '=', id)
    .where('is_active', '=', isOn ? 0 : 1)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Notes since when a hook fails; null when it works again. */
export async function setFailingSince(db: Db, id: WebhookId, since: Instant | null): Promise<void> {
  await db.updateTable('webhooks').set({ failing_since: since }).where('id', '=', id).execute()
}

/** Deletes a hook; what was to be delivered to it is swept away later. False when it is gone already. */
export async function deleteWebhook(db: Db, id: WebhookId): Promise<boolean> {
  const result = await db.deleteFrom('webhooks').where('id', '=', id).executeTakeFirst()
  return result.numDeletedRows > 0n
}
