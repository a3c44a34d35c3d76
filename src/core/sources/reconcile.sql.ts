import type { Db } from '../kernel/schema.ts'
import type { Instant, OrganizationId, SourceId } from '../kernel/values.ts'
import { deletedOrganizations } from '../organizations/index.ts'
import { SOURCE_COLUMNS, type Source } from './sources.sql.ts'

/** The repositories that the reconciler should have looked at by `now`, those that wait longest first; none of deleted organizations. */
export async function selectOverdue(db: Db, now: Instant, limit: number): Promise<Source[]> {
  return db
    .selectFrom('sources')
    .select(SOURCE_COLUMNS)
    .where('kind', '=', 'vcs')
    .where('next_sync_at', '<=', now)
    .where('organization_id', 'not in', deletedOrganizations(db))
    .orderBy('next_sync_at')
    .orderBy('id')
    .limit(limit)
    .execute()
}

/**
 * Notes that the reconciler asks for a sync and when it will look again. False when the source is gone or was looked at since
 * it was read.
 */
export async function postponeSync(db: Db, source: Source, nextSyncAt: Instant): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set({ next_sync_at: nextSyncAt, overdue_syncs: source.overdueSyncs + 1 })
    .where('id', '=', source.id)
    .where('next_sync_at', '=', source.nextSyncAt)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** A change that a sync found between two moments although there was a hook all the time. */
export interface MissedChange {
  source: SourceId
  organization: OrganizationId
  since: Instant
  found: Instant
}

/**
 * Changes that no delivery announced: found by `foundBefore` at the latest, not reported yet, of sources whose hook was there
 * before the change and asked for nothing since.
 */
export async function selectMissedChanges(db: Db, input: { foundBefore: Instant; limit: number }): Promise<MissedChange[]> {
  const rows = await db
    .selectFrom('sources')
    .select(['id as source', 'organization_id as organization', 'changed_since as since', 'changed_at as found'])
    .whereRef('changed_since', '>=', 'hooked_at')
    .where('changed_at', '<=', input.foundBefore)
    .where((eb) => eb.or([eb('hook_missed_at', 'is', null), eb('hook_missed_at', '<', eb.ref('changed_at'))]))
    .where((eb) => eb.or([eb('hook_seen_at', 'is', null), eb('hook_seen_at', '<=', eb.ref('changed_since'))]))
    .orderBy('id')
    .limit(input.limit)
    .execute()
  return rows.flatMap(({ source, organization, since, found }) =>
    since === null || found === null ? [] : [{ source, organization, since, found }],
  )
}

/** Notes a change that the hook missed; false when it was noted already or the source is gone. */
export async function markMissed(db: Db, missed: MissedChange): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set({ hook_missed_at: missed.found })
    .where('id', '=', missed.source)
    .where((eb) => eb.or([eb('hook_missed_at', 'is', null), eb('hook_missed_at', '<', missed.found)]))
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Notes since when a source has a hook. False when it has one already or is gone. Takes the source's row lock. */
export async function markHooked(db: Db, id: SourceId, at: Instant): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set({ hooked_at: at })
    .where('id', '=', id)
    .where('hooked_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/**
 * Takes the source's row lock until the transaction ends, so that a delivery can be noted for it; with `askedAt` also notes that its
 * hook asked for a sync. False when the source is gone.
 */
export async function lockForDelivery(db: Db, id: SourceId, askedAt: Instant | null): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set((eb) => ({ hook_seen_at: askedAt ?? eb.ref('hook_seen_at') }))
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Changes how often the reconciler looks at a source, and when it does so next. False when the source is gone. */
export async function updateInterval(
  db: Db,
  input: { id: SourceId; seconds: number | null; nextSyncAt: Instant },
): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set({ sync_interval_seconds: input.seconds, next_sync_at: input.nextSyncAt })
    .where('id', '=', input.id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}
