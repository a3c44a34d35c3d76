import type { Db } from '../../core/kernel/schema.ts'
import type { Instant, JobId } from '../../core/kernel/values.ts'
import type { Database } from '../db/database.ts'
import { settleJob, type HeldJob, type Outcome } from './settle.ts'

/** The error code of a job whose process ended under it. */
export const CRASHED = 'crashed'

const CRASHED_MESSAGE = 'The process that ran the job ended before the job did.'

interface RunningRow extends HeldJob {
  maxAttempts: number
  leaseUntil: Instant | null
}

/**
 * Puts jobs with expired leases back into the queue, or ends them as `crashed` when their tries are used up. Jobs in
 * `except` are left alone: this process knows that it runs them, whatever a clock that jumped says. Returns how many
 * jobs changed. Costs one read while there are none.
 */
export async function recoverExpired(database: Database, now: Instant, except: ReadonlySet<JobId>): Promise<number> {
  let recovered = 0
  for (const job of await listRunning(database)) {
    if (job.leaseUntil === null || job.leaseUntil > now || except.has(job.id)) {
      continue
    }
    const settled = await database.write
      .transaction()
      .execute(async (db) => (await lockExpired(db, { job, now, database })) && settleCrashed(db, job, now))
    recovered += settled ? 1 : 0
  }
  return recovered
}

/**
 * Does the same at once for every job whose owner's name starts with `prefix`. Only for owners that are known to be dead:
 * called before the first runner of an instance that excludes others starts. Returns how many jobs changed.
 */
export async function releaseOwned(database: Database, prefix: string, now: Instant): Promise<number> {
  let released = 0
  for (const job of await listRunning(database)) {
    if (job.owner.startsWith(prefix)) {
      const settled = await database.write.transaction().execute((db) => settleCrashed(db, job, now))
      released += settled ? 1 : 0
    }
  }
  return released
}

async function listRunning(database: Database): Promise<RunningRow[]> {
  const rows = await database.read
    .selectFrom('jobs')
    .select(['id', 'lane', 'dedupe_key', 'attempts', 'max_attempts', 'lease_owner', 'lease_until'])
    .where('state', '=', 'running')
    .orderBy('id')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    owner: row.lease_owner ?? '',
    attempt: row.attempts,
    lane: row.lane,
    dedupeKey: row.dedupe_key,
    maxAttempts: row.max_attempts,
    leaseUntil: row.lease_until,
  }))
}

/** Makes sure that no heartbeat extended the lease since it was read, and that none can until the transaction ends. */
async function lockExpired(db: Db, input: { job: RunningRow; now: Instant; database: Database }): Promise<boolean> {
  const expired = db
    .selectFrom('jobs')
    .select('id')
    .where('id', '=', input.job.id)
    .where('state', '=', 'running')
    .where('lease_until', '<=', input.now)
  const row = await (input.database.flags.concurrentWriters ? expired.forUpdate().skipLocked() : expired).executeTakeFirst()
  return row !== undefined
}

/** The place in the queue is kept, so that work continues where it stopped. */
async function settleCrashed(db: Db, job: RunningRow, now: Instant): Promise<boolean> {
  const reason = { code: CRASHED, message: CRASHED_MESSAGE }
  const outcome: Outcome =
    job.attempt >= job.maxAttempts ? { kind: 'failed', ...reason } : { kind: 'retry', ...reason, runAt: null }
  return settleJob(db, job, { outcome, now })
}
