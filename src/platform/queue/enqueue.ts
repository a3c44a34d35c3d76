/**
 * Deduplication and commits. The caller's change and its job become visible together, and a job must start only after the
 * change that caused it is visible. A queued twin could otherwise be claimed, and end, before the caller commits, and the
 * change would have no job. Joining therefore updates the twin's row: its lock makes claims pass over the row until the
 * caller's transaction ended. Transactions that enqueue several keyed jobs do so in one order, or they may deadlock on a
 * database with concurrent writers.
 */
import { sql } from 'kysely'
import type { NewJob } from '../../core/kernel/jobs.ts'
import type { Db } from '../../core/kernel/schema.ts'
import type { Instant, JobId } from '../../core/kernel/values.ts'

/**
 * Puts a job into the queue inside the caller's open transaction and returns its id. When a job with the same dedupe key is
 * queued already, that job's id is returned instead; it starts after this transaction at the earliest, and in the
 * interactive lane at once if the new job is interactive and it was not. Must be called inside a transaction.
 */
export async function enqueueJob(db: Db, job: NewJob, scope: { now: Instant; newId(): string }): Promise<JobId> {
  // The queued twin can be claimed between the two statements; then the key is free and the insert is tried again.
  for (;;) {
    const inserted = await insertJob(db, job, scope)
    if (inserted !== null) {
      return inserted
    }
    const joined =
      job.dedupeKey === null ? null : await joinQueuedJob(db, { dedupeKey: job.dedupeKey, lane: job.lane }, scope.now)
    if (joined !== null) {
      return joined
    }
  }
}

/** Waits for an uncommitted job with the same key; null when a queued job has the key. */
async function insertJob(db: Db, job: NewJob, scope: { now: Instant; newId(): string }): Promise<JobId | null> {
  const row = await db
    .insertInto('jobs')
    .values({
      uid: scope.newId(),
      kind: job.kind,
      organization_id: job.organization,
      dedupe_key: job.dedupeKey,
      payload: JSON.stringify(job.payload),
      lane: job.lane,
      state: 'queued',
      attempts: 0,
      max_attempts: job.maxAttempts,
      run_at: job.runAt ?? scope.now,
      created_at: scope.now,
    })
    // A literal: the databases match the condition with that of the partial index, which a parameter would prevent.
    .onConflict((conflict) => conflict.column('dedupe_key').where('state', '=', sql.lit('queued')).doNothing())
    .returning('id')
    .executeTakeFirst()
  return row?.id ?? null
}

/**
 * Locks the queued job with that key until the transaction ends and returns its id, or null when there is none. A
 * background job that is joined by an interactive one becomes interactive and due now; so does one that was never tried but lies
 * in the future because the clock was set back.
 */
export async function joinQueuedJob(
  db: Db,
  twin: { dedupeKey: string; lane: 'interactive' | 'background' },
  now: Instant,
): Promise<JobId | null> {
  const raised = twin.lane === 'interactive'
  const row = await db
    .updateTable('jobs')
    .set((eb) => ({
      lane: raised ? 'interactive' : eb.ref('lane'),
      run_at: raised
        ? eb
            .case()
            .when(eb.and([eb.or([eb('lane', '=', 'background'), eb('started_at', 'is', null)]), eb('run_at', '>', now)]))
            .then(now)
            .else(eb.ref('run_at'))
            .end()
        : eb.ref('run_at'),
    }))
    .where('dedupe_key', '=', twin.dedupeKey)
    .where('state', '=', 'queued')
    .returning('id')
    .executeTakeFirst()
  return row?.id ?? null
}
