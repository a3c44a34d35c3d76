import type { Db } from '../kernel/schema.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { CredentialId, Instant, OrganizationId, SourceId } from '../kernel/values.ts'

/** A source as it stands. `uid` also names its mirror. */
export interface Source {
  id: SourceId
  uid: string
  organization: OrganizationId
  kind: 'vcs'
  url: string
  credential: CredentialId | null
  state: 'new' | 'ready' | 'failing'
  defaultBranch: string | null
  syncRevision: number
  problemCode: string | null
  problem: string | null
  syncedAt: Instant | null
  createdAt: Instant
}

const COLUMNS = [
  'id',
  'uid',
  'organization_id as organization',
  'kind',
  'url',
  'credential_id as credential',
  'state',
  'default_branch as defaultBranch',
  'sync_revision as syncRevision',
  'problem_code as problemCode',
  'problem',
  'synced_at as syncedAt',
  'created_at as createdAt',
] as const

/** Stores a source that was never synced, or returns null when the organization has one with this URL. */
export async function insertSource(
  db: Db,
  input: { uid: string; organization: OrganizationId; url: string; credential: CredentialId | null; createdAt: Instant },
): Promise<Source | null> {
  const row = await db
    .insertInto('sources')
    .values({
      uid: input.uid,
      organization_id: input.organization,
      kind: 'vcs',
      url: input.url,
      credential_id: input.credential,
      state: 'new',
      default_branch: null,
      sync_revision: 0,
      problem_code: null,
      problem: null,
      synced_at: null,
      created_at: input.createdAt,
    })
    .onConflict((conflict) => conflict.columns(['organization_id', 'url']).doNothing())
    .returning(COLUMNS)
    .executeTakeFirst()
  return row ?? null
}

/** The source with that id, or null. */
export async function findSource(db: Db, id: SourceId): Promise<Source | null> {
  const row = await db.selectFrom('sources').select(COLUMNS).where('id', '=', id).executeTakeFirst()
  return row ?? null
}

/** The source of an organization with that uid, or null. */
export async function findSourceByUid(db: Db, organization: OrganizationId, uid: string): Promise<Source | null> {
  const row = await db
    .selectFrom('sources')
    .select(COLUMNS)
    .where('organization_id', '=', organization)
    .where('uid', '=', uid)
    .executeTakeFirst()
  return row ?? null
}

/** The sources of an organization in the order of their creation. */
export async function selectSources(db: Db, organization: OrganizationId, page: Page): Promise<Paged<Source>> {
  const rows = await db
    .selectFrom('sources')
    .select(COLUMNS)
    .where('organization_id', '=', organization)
    .where('id', '>', (page.after ?? 0) as SourceId)
    .orderBy('id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows, page.limit)
}

/**
 * Writes a successful sync if no other was recorded since `revision` was read, and takes the row's lock until the
 * transaction ends. False when another one was.
 */
export async function recordSynced(
  db: Db,
  input: { id: SourceId; revision: number; defaultBranch: string | null; at: Instant },
): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set({
      state: 'ready',
      default_branch: input.defaultBranch,
      sync_revision: input.revision + 1,
      problem_code: null,
      problem: null,
      synced_at: input.at,
    })
    .where('id', '=', input.id)
    .where('sync_revision', '=', input.revision)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Writes why a sync failed; the source's packages stay as they are (CO-128). */
export async function recordFailing(db: Db, id: SourceId, code: string, problem: string): Promise<void> {
  await db.updateTable('sources').set({ state: 'failing', problem_code: code, problem }).where('id', '=', id).execute()
}

/**
 * Takes the source's row lock until the transaction ends and makes every sync that runs now fail to record. False when there is no
 * such source. Whoever writes a source and its packages locks the source first, as `recordSynced` does; the other order
 * would let two transactions wait for each other.
 */
export async function lockSource(db: Db, id: SourceId): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set((update) => ({ sync_revision: update('sync_revision', '+', 1) }))
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Deletes a source with its refs; packages must be gone before. */
export async function deleteSourceRow(db: Db, id: SourceId): Promise<void> {
  await db.deleteFrom('sources').where('id', '=', id).execute()
}

/** How many sources there are in each state, and when the one that waits longest for a successful sync had its last. */
export async function summarizeSources(db: Db): Promise<{ state: string; count: number; oldestSync: Instant | null }[]> {
  return db
    .selectFrom('sources')
    .select((select) => [
      'state',
      select.fn.countAll<number>().as('count'),
      select.fn.min<number | null>('synced_at').as('oldestSync'),
    ])
    .groupBy('state')
    .execute()
}
