/**
 * Every way out of the state `running`. All of them are compare-and-set on owner and attempt: whoever lost the job to
 * recovery, or to a deletion, writes nothing.
 */
import type { Db } from '../../core/kernel/schema.ts'
import type { Instant, JobId } from '../../core/kernel/values.ts'
import { joinQueuedJob } from './enqueue.ts'
import { toInertLine } from './inert-line.ts'

/** A running job as its holder knows it. */
export interface HeldJob {
  id: JobId
  owner: string
  /** The number of this try, from 1. */
  attempt: number
  lane: 'interactive' | 'background'
  dedupeKey: string | null
}

/** How a try ended. `runAt` null leaves the time as it was. `returned` gives the try back: it does not count. */
export type Outcome =
  | { kind: 'succeeded' }
  | { kind: 'failed'; code: string; message: string }
  | { kind: 'retry'; code: string; message: string; runAt: Instant | null }
  | { kind: 'returned'; runAt: Instant | null }

/**
 * Writes the outcome; false when the job is no longer held, and then nothing is written. A job that should run again while
 * another with its key is queued ends as failed, because the other one does the same work; the other one takes over its lane.
 */
export async function settleJob(db: Db, job: HeldJob, ending: { outcome: Outcome; now: Instant }): Promise<boolean> {
  const { outcome, now } = ending
  switch (outcome.kind) {
    case 'succeeded':
      return endJob(db, job, { state: 'succeeded', error_code: null, error: null, finished_at: now })
    case 'failed':
      return endJob(db, job, { state: 'failed', ...toErrorColumns(outcome), finished_at: now })
    case 'retry':
    case 'returned':
      return (await requeue(db, job, outcome)) || supersede(db, job, ending)
  }
}

/** Fails with a unique violation when a twin is committed meanwhile; trying again then finds the twin. */
async function requeue(db: Db, job: HeldJob, outcome: Outcome & { kind: 'retry' | 'returned' }): Promise<boolean> {
  const isRetry = outcome.kind === 'retry'
  const result = await held(db, job)
    .set({
      state: 'queued',
      attempts: isRetry ? job.attempt : job.attempt - 1,
      lease_owner: null,
      lease_until: null,
      ...(outcome.runAt === null ? {} : { run_at: outcome.runAt }),
      ...(isRetry ? toErrorColumns(outcome) : {}),
    })
    .where((eb) => {
      const twin = eb
        .selectFrom('jobs as twin')
        .select('twin.id')
        .whereRef('twin.dedupe_key', '=', 'jobs.dedupe_key')
        .where('twin.state', '=', 'queued')
      return eb.not(eb.exists(twin))
    })
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

async function supersede(db: Db, job: HeldJob, ending: { outcome: Outcome; now: Instant }): Promise<boolean> {
  const reason =
    ending.outcome.kind === 'retry'
      ? ending.outcome
      : { code: 'superseded', message: 'The run was interrupted; a later job does the same work.' }
  const ended = await endJob(db, job, { state: 'failed', ...toErrorColumns(reason), finished_at: ending.now })
  if (ended && job.dedupeKey !== null) {
    await joinQueuedJob(db, { dedupeKey: job.dedupeKey, lane: job.lane }, ending.now)
  }
  return ended
}

interface EndColumns {
  state: 'succeeded' | 'failed'
  error_code: string | null
  error: string | null
  finished_at: Instant
}

async function endJob(db: Db, job: HeldJob, columns: EndColumns): Promise<boolean> {
  const result = await held(db, job)
    .set({ ...columns, lease_owner: null, lease_until: null })
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** An update of the job's row while it is held, of no row otherwise. */
export function held(db: Db, job: Pick<HeldJob, 'id' | 'owner' | 'attempt'>) {
  return db
    .updateTable('jobs')
    .where('jobs.id', '=', job.id)
    .where('jobs.state', '=', 'running')
    .where('jobs.lease_owner', '=', job.owner)
    .where('jobs.attempts', '=', job.attempt)
}

function toErrorColumns(reason: { code: string; message: string }): { error_code: string; error: string } {
  return { error_code: reason.code, error: toInertLine(reason.message) }
}
