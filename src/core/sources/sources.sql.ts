import { sql } from 'kysely'
import type { RefRules } from '../../composer/index.ts'
import { escapeLike } from '../kernel/like-pattern.ts'
import type { Db, Visibility } from '../kernel/schema.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { VcsSystem } from '../kernel/source-url.ts'
import { deletedOrganizations } from '../organizations/index.ts'
import type { CredentialId, Instant, OrganizationId, SourceId } from '../kernel/values.ts'

/** A source as it stands. `uid` also names its mirror. */
export interface Source {
  id: SourceId
  uid: string
  organization: OrganizationId
  kind: 'vcs' | 'artifact' | 'custom' | 'mirror'
  /** The system of the repository. */
  vcs: VcsSystem
  /** The repository; `artifact://` or `custom://` and the name of a package for uploads and definitions. */
  url: string
  credential: CredentialId | null
  state: 'new' | 'ready' | 'failing'
  defaultBranch: string | null
  syncRevision: number
  problemCode: string | null
  problem: string | null
  syncedAt: Instant | null
  createdAt: Instant
  /** Seconds between two looks of the reconciler; null leaves it to the registry. */
  syncInterval: number | null
  nextSyncAt: Instant
  /** Syncs that the reconciler asked for since the last success. */
  overdueSyncs: number
  /** When a sync last found moved, new or lost refs. */
  changedAt: Instant | null
  /** Since when there is a hook, when it last asked for a sync, and when a change that it missed was found. */
  hookedAt: Instant | null
  hookSeenAt: Instant | null
  hookMissedAt: Instant | null
  /** JSON list of patterns where the repository has several packages; see `parseManifestGlobs`. */
  manifestGlobs: string | null
  /** How refs become versions. */
  refRules: RefRules
  /** Who sees its packages besides members, as far as its organization is seen. */
  visibility: Visibility
  /** Who may download its archives. */
  archiveAccess: 'members' | 'everyone'
  /** What it is called below its organization. */
  path: string | null
}

/** What is read of a source's row. */
export const SOURCE_COLUMNS = [
  'id',
  'uid',
  'organization_id as organization',
  'kind',
  'vcs',
  'url',
  'credential_id as credential',
  'state',
  'default_branch as defaultBranch',
  'sync_revision as syncRevision',
  'problem_code as problemCode',
  'problem',
  'synced_at as syncedAt',
  'created_at as createdAt',
  'sync_interval_seconds as syncInterval',
  'next_sync_at as nextSyncAt',
  'overdue_syncs as overdueSyncs',
  'changed_at as changedAt',
  'hooked_at as hookedAt',
  'hook_seen_at as hookSeenAt',
  'hook_missed_at as hookMissedAt',
  'manifest_globs as manifestGlobs',
  'ref_rules as refRules',
  'visibility',
  'archive_access as archiveAccess',
  'path',
] as const

/** A source to be stored. What is left out is as the table has it for a source without anything of the kind. */
export interface NewSource {
  uid: string
  organization: OrganizationId
  kind: Source['kind']
  url: string
  credential: CredentialId | null
  /** `new` until it was read once. */
  state: 'new' | 'ready'
  createdAt: Instant
  nextSyncAt: Instant
  syncIntervalSeconds?: number | null
  vcs?: VcsSystem
  manifestGlobs?: string | null
  refRules?: RefRules
}

/** Stores a source, locked until the transaction ends, or returns null when the organization has one with this URL. */
export async function insertSource(db: Db, input: NewSource): Promise<Source | null> {
  const { vcs, manifestGlobs = null, refRules, syncIntervalSeconds = null } = input
  const row = await db
    .insertInto('sources')
    .values({
      uid: input.uid,
      organization_id: input.organization,
      kind: input.kind,
      url: input.url,
      credential_id: input.credential,
      state: input.state,
      default_branch: null,
      sync_revision: 0,
      problem_code: null,
      problem: null,
      synced_at: null,
      created_at: input.createdAt,
      next_sync_at: input.nextSyncAt,
      sync_interval_seconds: syncIntervalSeconds,
      manifest_globs: manifestGlobs,
      ...(vcs === undefined ? {} : { vcs }),
      ...(refRules === undefined ? {} : { ref_rules: refRules }),
    })
    .onConflict((conflict) => conflict.columns(['organization_id', 'url']).doNothing())
    .returning(SOURCE_COLUMNS)
    .executeTakeFirst()
  return row ?? null
}

/** Sources of organizations that are not deleted: those of others are neither synced nor told of by hooks. */
function ofLiving(db: Db) {
  return db.selectFrom('sources').select(SOURCE_COLUMNS).where('organization_id', 'not in', deletedOrganizations(db))
}

/** The source with that id, or null. */
export async function findSource(db: Db, id: SourceId): Promise<Source | null> {
  const row = await ofLiving(db).where('id', '=', id).executeTakeFirst()
  return row ?? null
}

/** The source of an organization with that uid, or null; a mirror is none. */
export async function findSourceByUid(db: Db, organization: OrganizationId, uid: string): Promise<Source | null> {
  const row = await db
    .selectFrom('sources')
    .select(SOURCE_COLUMNS)
    .where('organization_id', '=', organization)
    .where('uid', '=', uid)
    .where('kind', '!=', 'mirror')
    .executeTakeFirst()
  return row ?? null
}

/** The source with that uid in whatever organization, or null. */
export async function findSourceAnywhere(db: Db, uid: string): Promise<Source | null> {
  const row = await ofLiving(db).where('uid', '=', uid).executeTakeFirst()
  return row ?? null
}

/** The sources of an organization that are no mirrors, in the order of their creation. */
export async function selectSources(db: Db, organization: OrganizationId, page: Page): Promise<Paged<Source>> {
  const rows = await ofOrganization(db, organization, page).where('kind', '!=', 'mirror').execute()
  return toPaged(rows, page.limit)
}

/** As `selectSources` with mirrors. */
export async function selectAllSources(db: Db, organization: OrganizationId, page: Page): Promise<Paged<Source>> {
  return toPaged(await ofOrganization(db, organization, page).execute(), page.limit)
}

function ofOrganization(db: Db, organization: OrganizationId, page: Page) {
  return db
    .selectFrom('sources')
    .select(SOURCE_COLUMNS)
    .where('organization_id', '=', organization)
    .where('id', '>', (page.after ?? 0) as SourceId)
    .orderBy('id')
    .limit(page.limit + 1)
}

/** Who sees a source besides members, and who may download its archives. */
export type SourceVisibility = Pick<Source, 'visibility' | 'archiveAccess'>

/** Changes who sees a source, and takes its row lock; null when it is gone. What is left out stays. */
export async function updateVisibility(db: Db, id: SourceId, change: Partial<SourceVisibility>): Promise<Source | null> {
  const { visibility, archiveAccess } = change
  const row = await db
    .updateTable('sources')
    .set((set) => ({
      sync_revision: set.ref('sync_revision'),
      ...(visibility === undefined ? {} : { visibility }),
      ...(archiveAccess === undefined ? {} : { archive_access: archiveAccess }),
    }))
    .where('id', '=', id)
    .returning(SOURCE_COLUMNS)
    .executeTakeFirst()
  return row ?? null
}

/**
 * Writes a successful sync if no other was recorded since `revision` was read, and takes the row's lock until the
 * transaction ends. False when another one was. `change` is given when refs had changed since
 * the sync before, if there was one.
 */
export async function recordSynced(
  db: Db,
  input: {
    id: SourceId
    revision: number
    defaultBranch: string | null
    at: Instant
    nextSyncAt: Instant
    change: { since: Instant | null } | null
  },
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
      next_sync_at: input.nextSyncAt,
      overdue_syncs: 0,
      ...(input.change === null ? {} : { changed_at: input.at, changed_since: input.change.since }),
    })
    .where('id', '=', input.id)
    .where('sync_revision', '=', input.revision)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Sets how refs become versions. False when there is no such source. */
export async function writeRefRules(db: Db, id: SourceId, rules: RefRules): Promise<boolean> {
  const result = await db.updateTable('sources').set({ ref_rules: rules }).where('id', '=', id).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Writes why a sync failed; the source's packages stay as they are (CO-128). Takes the row's lock; false when there is no such source. */
export async function recordFailing(db: Db, id: SourceId, code: string, problem: string): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set({ state: 'failing', problem_code: code, problem })
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
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

/** The repositories of an organization whose address has a part, in whatever case; at most `limit`. */
export async function selectSourcesContaining(
  db: Db,
  organization: OrganizationId,
  { part, limit }: { part: string; limit: number },
): Promise<Source[]> {
  const pattern = `%${escapeLike(part.toLowerCase())}%`
  return ofLiving(db)
    .where('organization_id', '=', organization)
    .where('kind', '=', 'vcs')
    .where((where) => sql<boolean>`lower(${where.ref('url')}) like ${pattern} escape '!'`)
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** Gives a source another address; false when another one of its organization has it, or when the source is gone. */
export async function updateSourceUrl(
  db: Db,
  { id, organization }: Pick<Source, 'id' | 'organization'>,
  url: string,
): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set({ url })
    .where('id', '=', id)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('sources as other')
            .select('other.id')
            .where('other.organization_id', '=', organization)
            .where('other.url', '=', url)
            .where('other.id', '!=', id),
        ),
      ),
    )
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}
