import type { Db } from '../kernel/schema.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Instant, JobId, OrganizationId } from '../kernel/values.ts'

/** A job as people see it. */
export interface Job {
  id: JobId
  uid: string
  kind: string
  organization: OrganizationId | null
  state: 'queued' | 'running' | 'succeeded' | 'failed'
  attempts: number
  maxAttempts: number
  runAt: Instant
  progress: { step: string; done: number; total: number | null } | null
  errorCode: string | null
  error: string | null
  createdAt: Instant
  startedAt: Instant | null
  finishedAt: Instant | null
}

/** A line of a job's log. */
export interface JobLogLine {
  sequence: number
  at: Instant
  level: 'info' | 'warning' | 'error'
  line: string
}

const COLUMNS = [
  'id',
  'uid',
  'kind',
  'organization_id as organization',
  'state',
  'attempts',
  'max_attempts as maxAttempts',
  'run_at as runAt',
  'progress',
  'error_code as errorCode',
  'error',
  'created_at as createdAt',
  'started_at as startedAt',
  'finished_at as finishedAt',
] as const

type Row = Omit<Job, 'progress'> & { progress: string | null }

function toJob(row: Row): Job {
  return { ...row, progress: row.progress === null ? null : (JSON.parse(row.progress) as Job['progress']) }
}

/** Which jobs to list; null means any. */
export interface JobFilter {
  organization: OrganizationId | null
  state: Job['state'] | null
  kind: string | null
}

/** Jobs that match, newest first; the cursor is the id of the last one seen. */
export async function selectJobs(db: Db, filter: JobFilter, page: Page): Promise<Paged<Job>> {
  let query = db.selectFrom('jobs').select(COLUMNS)
  if (filter.organization !== null) {
    query = query.where('organization_id', '=', filter.organization)
  }
  if (filter.state !== null) {
    query = query.where('state', '=', filter.state)
  }
  if (filter.kind !== null) {
    query = query.where('kind', '=', filter.kind)
  }
  if (page.after !== null) {
    query = query.where('id', '<', page.after as JobId)
  }
  const rows = await query
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows.map(toJob), page.limit)
}

/** The payloads (JSON) of an organization's jobs of a kind that wait or run. */
export async function selectOpenPayloads(db: Db, organization: OrganizationId, kind: string): Promise<string[]> {
  const rows = await db
    .selectFrom('jobs')
    .select('payload')
    .where('organization_id', '=', organization)
    .where('kind', '=', kind)
    .where('state', 'in', ['queued', 'running'])
    .execute()
  return rows.map(({ payload }) => payload)
}

/** Makes a job that waits for its next try due now. Part of the transaction of whoever cannot wait for it. */
export async function hastenJob(db: Db, id: JobId, now: Instant): Promise<void> {
  await db
    .updateTable('jobs')
    .set({ run_at: now })
    .where('id', '=', id)
    .where('state', '=', 'queued')
    .where('run_at', '>', now)
    .execute()
}

/** The job with that id, or null. */
export async function findJob(db: Db, id: JobId): Promise<Job | null> {
  const row = await db.selectFrom('jobs').select(COLUMNS).where('id', '=', id).executeTakeFirst()
  return row === undefined ? null : toJob(row)
}

/** The job with that uid, or null. */
export async function findJobByUid(db: Db, uid: string): Promise<Job | null> {
  const row = await db.selectFrom('jobs').select(COLUMNS).where('uid', '=', uid).executeTakeFirst()
  return row === undefined ? null : toJob(row)
}

/** The payload (JSON text) of a job, or null when there is no such job. */
export async function findJobPayload(db: Db, id: JobId): Promise<string | null> {
  const row = await db.selectFrom('jobs').select('payload').where('id', '=', id).executeTakeFirst()
  return row?.payload ?? null
}

/** Log lines of a job after a sequence number, in order. */
export async function selectLogLines(db: Db, job: JobId, after: number, limit: number): Promise<JobLogLine[]> {
  return db
    .selectFrom('job_logs')
    .select(['sequence', 'at', 'level', 'line'])
    .where('job_id', '=', job)
    .where('sequence', '>', after)
    .orderBy('sequence')
    .limit(limit)
    .execute()
}

/**
 * Puts a failed job back into the queue with all its tries. False when it is not failed any more, or when the same
 * work is queued already.
 */
export async function requeueFailed(db: Db, id: JobId, now: Instant): Promise<boolean> {
  const result = await db
    .updateTable('jobs')
    .set({
      state: 'queued',
      attempts: 0,
      run_at: now,
      error: null,
      error_code: null,
      finished_at: null,
      lease_owner: null,
      lease_until: null,
    })
    .where('id', '=', id)
    .where('state', '=', 'failed')
    .where((where) =>
      where.or([
        where('dedupe_key', 'is', null),
        where.not(
          where.exists(
            where
              .selectFrom('jobs as twin')
              .select('twin.id')
              .whereRef('twin.dedupe_key', '=', 'jobs.dedupe_key')
              .where('twin.state', '=', 'queued'),
          ),
        ),
      ]),
    )
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** How many jobs there are in each state. */
export async function countJobs(db: Db): Promise<{ state: string; count: number }[]> {
  return db
    .selectFrom('jobs')
    .select((select) => ['state', select.fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute()
}

/** Since when the job that is due longest waits to be claimed, or null when none is due. */
export async function findOldestDue(db: Db, now: Instant): Promise<Instant | null> {
  const row = await db
    .selectFrom('jobs')
    .select((select) => select.fn.min<number | null>('run_at').as('oldest'))
    .where('state', '=', 'queued')
    .where('run_at', '<=', now)
    .executeTakeFirst()
  return row?.oldest ?? null
}
