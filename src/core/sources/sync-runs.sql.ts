import { sql } from 'kysely'
import type { Db } from '../kernel/schema.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Instant, SourceId, SyncRunId } from '../kernel/values.ts'

/** Runs that are kept of each source. */
const KEPT_RUNS = 100

/** What a sync of a repository saw and did, in numbers. */
export interface SyncDetails {
  tags: number
  branches: number
  refs: number
  /** Refs that were known with the same commit and were not read again. */
  unchanged: number
  /** Refs that were new or had moved. */
  read: number
  /** Versions that no ref gives any more. */
  staleVersions: number
  /** READMEs that were read. */
  readmes: number
}

/** Numbers of a sync: versions that were added, updated and removed, refs that gave none, and versions that were refused. */
export interface SyncCounts {
  added: number
  updated: number
  skipped: number
  failed: number
  removed: number
}

/** A sync that ended. `details` is null when it failed before it had looked at refs, and for sources without refs. */
export interface SyncRun extends SyncCounts {
  id: SyncRunId
  uid: string
  state: 'success' | 'failed'
  startedAt: Instant
  completedAt: Instant
  errorCode: string | null
  error: string | null
  details: SyncDetails | null
}

/** A run to be written. */
export type NewSyncRun = Omit<SyncRun, 'id'> & { source: SourceId }

/** Nothing was counted. */
export const NO_COUNTS: SyncCounts = { added: 0, updated: 0, skipped: 0, failed: 0, removed: 0 }

/** Writes a run and forgets the oldest ones of its source beyond the newest 100 (PR-609). The caller holds the source's row lock. */
export async function insertSyncRun(db: Db, run: NewSyncRun): Promise<void> {
  const { source, startedAt, completedAt, errorCode, details, ...rest } = run
  await db
    .insertInto('sync_runs')
    .values({
      ...rest,
      source_id: source,
      started_at: startedAt,
      completed_at: completedAt,
      error_code: errorCode,
      details: details === null ? null : JSON.stringify(details),
    })
    .execute()
  const oldest = db
    .selectFrom('sync_runs')
    .select('id')
    .where('source_id', '=', source)
    .orderBy('id', 'desc')
    .offset(KEPT_RUNS)
    .limit(sql.lit(1))
  await db
    .deleteFrom('sync_runs')
    .where('source_id', '=', source)
    .where('id', '<=', (eb) => eb.selectFrom(oldest.as('oldest')).select('oldest.id'))
    .execute()
}

/** The runs of a source, newest first; the cursor is the id of the oldest one read. */
export async function selectSyncRuns(db: Db, source: SourceId, page: Page): Promise<Paged<SyncRun>> {
  const query = db
    .selectFrom('sync_runs')
    .select([
      'id',
      'uid',
      'state',
      'started_at as startedAt',
      'completed_at as completedAt',
      'error_code as errorCode',
      'error',
      'added',
      'updated',
      'skipped',
      'failed',
      'removed',
      'details',
    ])
    .where('source_id', '=', source)
  const rows = await (page.after === null ? query : query.where('id', '<', page.after as SyncRunId))
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute()
  const runs = rows.map(({ details, ...row }): SyncRun => ({
    ...row,
    details: details === null ? null : (JSON.parse(details) as SyncDetails),
  }))
  return toPaged(runs, page.limit)
}
