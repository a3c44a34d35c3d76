import type { UpstreamRoot } from '../../composer/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { CredentialId, Instant, OrganizationId, SourceId } from '../kernel/values.ts'
import { deletedOrganizations } from '../organizations/index.ts'
import { insertSource } from '../sources/index.ts'
import type { Mirror, MirrorBehavior } from './mirror.ts'

const COLUMNS = [
  'sources.id',
  'sources.uid',
  'sources.organization_id as organization',
  'mirrors.name',
  'sources.url',
  'sources.credential_id as credential',
  'mirrors.behavior',
  'mirrors.position',
  'mirrors.timeout_ms as timeout',
  'mirrors.only_names as only',
  'mirrors.except_names as except',
  'mirrors.keeps_archives as keepsArchives',
  'mirrors.takes_all as takesAll',
  'mirrors.holds_suspects as holdsSuspects',
  'mirrors.root',
  'mirrors.root_modified as rootModified',
  'mirrors.root_etag as rootEtag',
  'mirrors.root_checked_at as rootCheckedAt',
  'mirrors.feed_since as feedSince',
  'mirrors.failing_since as failingSince',
  'sources.state',
  'sources.problem_code as problemCode',
  'sources.problem',
  'sources.synced_at as refreshedAt',
  'sources.next_sync_at as nextRefreshAt',
  'sources.sync_interval_seconds as refreshSeconds',
  'sources.created_at as createdAt',
] as const

function selectColumns(db: Db) {
  return db.selectFrom('mirrors').innerJoin('sources', 'sources.id', 'mirrors.source_id').select(COLUMNS)
}

type Row = Awaited<ReturnType<ReturnType<typeof selectColumns>['executeTakeFirstOrThrow']>>

function toMirror(row: Row): Mirror {
  return {
    ...row,
    only: row.only === null ? null : (JSON.parse(row.only) as string[]),
    except: row.except === null ? null : (JSON.parse(row.except) as string[]),
    keepsArchives: row.keepsArchives === 1,
    takesAll: row.takesAll === 1,
    holdsSuspects: row.holdsSuspects === 1,
    root: row.root === null ? null : (JSON.parse(row.root) as UpstreamRoot),
  }
}

/** The mirrors of an organization in the order in which they are asked. */
export async function selectMirrors(db: Db, organization: OrganizationId): Promise<Mirror[]> {
  const rows = await selectColumns(db)
    .where('sources.organization_id', '=', organization)
    .orderBy('mirrors.position')
    .orderBy('sources.id')
    .execute()
  return rows.map(toMirror)
}

/** The mirror of an organization with that uid, or null. */
export async function findMirrorByUid(db: Db, organization: OrganizationId, uid: string): Promise<Mirror | null> {
  const row = await selectColumns(db)
    .where('sources.organization_id', '=', organization)
    .where('sources.uid', '=', uid)
    .executeTakeFirst()
  return row === undefined ? null : toMirror(row)
}

/** The mirror with that id, or null; none of deleted organizations. */
export async function findMirror(db: Db, id: SourceId): Promise<Mirror | null> {
  const row = await selectColumns(db)
    .where('sources.id', '=', id)
    .where('sources.organization_id', 'not in', deletedOrganizations(db))
    .executeTakeFirst()
  return row === undefined ? null : toMirror(row)
}

/** What of a mirror people choose; see `Mirror`. */
export interface MirrorChoices {
  name: string
  behavior: MirrorBehavior
  timeout: number
  only: readonly string[] | null
  except: readonly string[] | null
  keepsArchives: boolean
  takesAll: boolean
  holdsSuspects: boolean
  refreshSeconds: number | null
}

function toColumns(choices: MirrorChoices) {
  return {
    name: choices.name,
    behavior: choices.behavior,
    timeout_ms: choices.timeout,
    only_names: choices.only === null ? null : JSON.stringify(choices.only),
    except_names: choices.except === null ? null : JSON.stringify(choices.except),
    keeps_archives: choices.keepsArchives ? (1 as const) : (0 as const),
    takes_all: choices.takesAll ? (1 as const) : (0 as const),
    holds_suspects: choices.holdsSuspects ? (1 as const) : (0 as const),
  }
}

/** Stores a mirror after all others of its organization; null when the organization has a source with this URL. */
export async function insertMirror(
  db: Db,
  input: MirrorChoices & {
    uid: string
    organization: OrganizationId
    url: string
    credential: CredentialId | null
    createdAt: Instant
  },
): Promise<SourceId | null> {
  const { uid, organization, url, credential, createdAt, refreshSeconds } = input
  const stored = await insertSource(db, {
    uid,
    organization,
    kind: 'mirror',
    url,
    credential,
    state: 'new',
    createdAt,
    nextSyncAt: createdAt,
    syncIntervalSeconds: refreshSeconds,
  })
  if (stored === null) {
    return null
  }
  const last = await db
    .selectFrom('mirrors')
    .innerJoin('sources', 'sources.id', 'mirrors.source_id')
    .select((select) => select.fn.max<number | null>('mirrors.position').as('position'))
    .where('sources.organization_id', '=', input.organization)
    .executeTakeFirst()
  await db
    .insertInto('mirrors')
    .values({ source_id: stored.id, position: (last?.position ?? 0) + 1, ...toColumns(input) })
    .execute()
  return stored.id
}

/** Changes a mirror; with another `url` all that is known of the upstream itself is forgotten. The caller holds the source's row lock. */
export async function updateMirror(
  db: Db,
  id: SourceId,
  input: MirrorChoices & { url: string; isElsewhere: boolean; nextRefreshAt: Instant },
): Promise<void> {
  await db
    .updateTable('mirrors')
    .set({ ...toColumns(input), ...(input.isElsewhere ? UNREAD : {}) })
    .where('source_id', '=', id)
    .execute()
  await db
    .updateTable('sources')
    .set({ url: input.url, sync_interval_seconds: input.refreshSeconds, next_sync_at: input.nextRefreshAt })
    .where('id', '=', id)
    .execute()
}

const UNREAD = { root: null, root_modified: null, root_etag: null, root_checked_at: null, feed_since: null } as const

/** Whether an organization has another source with this URL. */
export async function isUrlTaken(
  db: Db,
  organization: OrganizationId,
  taken: { url: string; except: SourceId },
): Promise<boolean> {
  const row = await db
    .selectFrom('sources')
    .select('id')
    .where('organization_id', '=', organization)
    .where('url', '=', taken.url)
    .where('id', '!=', taken.except)
    .executeTakeFirst()
  return row !== undefined
}

/** Puts the mirrors of an organization into that order. */
export async function writePositions(db: Db, ids: readonly SourceId[]): Promise<void> {
  for (const [index, id] of ids.entries()) {
    await db
      .updateTable('mirrors')
      .set({ position: index + 1 })
      .where('source_id', '=', id)
      .execute()
  }
}

/** Writes a root file as it was understood, or with null that it is what it was; either way the upstream answered. */
export async function writeRoot(
  db: Db,
  id: SourceId,
  input: { read: { root: UpstreamRoot; modified: string | null; etag: string | null } | null; at: Instant },
): Promise<void> {
  const { read, at } = input
  const root = read === null ? {} : { root: JSON.stringify(read.root), root_modified: read.modified, root_etag: read.etag }
  await db
    .updateTable('mirrors')
    .set({ ...root, root_checked_at: at })
    .where('source_id', '=', id)
    .execute()
}

/** Writes that a mirror was refreshed, and when it is again. False when it is gone. */
export async function writeRefreshed(
  db: Db,
  id: SourceId,
  input: { at: Instant; next: Instant; feedSince: string | null },
): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set({ state: 'ready', problem_code: null, problem: null, synced_at: input.at, next_sync_at: input.next })
    .where('id', '=', id)
    .executeTakeFirst()
  await db.updateTable('mirrors').set({ failing_since: null, feed_since: input.feedSince }).where('source_id', '=', id).execute()
  return result.numUpdatedRows > 0n
}

/** Writes why a mirror could not be refreshed, and when it is tried again; its packages stay. False when it is gone. */
export async function writeFailing(
  db: Db,
  id: SourceId,
  input: { code: string; problem: string; at: Instant; next: Instant },
): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set({ state: 'failing', problem_code: input.code, problem: input.problem, next_sync_at: input.next })
    .where('id', '=', id)
    .executeTakeFirst()
  await db
    .updateTable('mirrors')
    .set((set) => ({ failing_since: set.fn.coalesce('failing_since', set.val(input.at)) }))
    .where('source_id', '=', id)
    .execute()
  return result.numUpdatedRows > 0n
}

/** The mirrors that are to be refreshed by `now`, those that wait longest first: none that is disabled or of a deleted organization. */
export async function selectDueMirrors(db: Db, now: Instant, limit: number): Promise<Mirror[]> {
  const rows = await selectColumns(db)
    .where('sources.next_sync_at', '<=', now)
    .where('mirrors.behavior', '!=', 'disabled')
    .where('sources.organization_id', 'not in', deletedOrganizations(db))
    .orderBy('sources.next_sync_at')
    .orderBy('sources.id')
    .limit(limit)
    .execute()
  return rows.map(toMirror)
}

/** Sets when a mirror is refreshed next; false when somebody else did so since it was read. */
export async function postponeRefresh(db: Db, mirror: Mirror, next: Instant): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set({ next_sync_at: next })
    .where('id', '=', mirror.id)
    .where('next_sync_at', '=', mirror.nextRefreshAt)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}
