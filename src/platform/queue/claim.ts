/**
 * Why no two runners hold one job, and no two jobs of one key run at once.
 *
 * SQLite: a claim is one transaction of the only writer.
 *
 * PostgreSQL, READ COMMITTED: the first statement locks a queued row that nobody else has locked, so the job is ours. Its
 * snapshot may be older than the lock, hence the second statement: it looks for a running job of the same key with a
 * snapshot taken after the lock. While we hold the lock, our row is the only queued row of its key (unique index
 * `jobs_dedupe`), and a job starts to run only from being queued; so no other job of the key can start in between. One that
 * started before must have committed that before our row could become queued, and is therefore seen.
 */
import { sql, type ExpressionBuilder, type SqlBool, type Expression } from 'kysely'
import type { Schema } from '../../core/kernel/schema.ts'
import type { Instant } from '../../core/kernel/values.ts'
import type { Database } from '../db/database.ts'
import type { HeldJob } from './settle.ts'

/** Which jobs a claim is about: those of one lane whose kind this process can handle. */
export interface ClaimFilter {
  lane: 'interactive' | 'background'
  kinds: readonly string[]
}

/** A job that this process holds until its lease ends. `payload` is the JSON text as it was stored. */
export interface ClaimedJob extends HeldJob {
  kind: string
  payload: string
  maxAttempts: number
  /** Lines that earlier attempts left in the log. */
  logLines: number
}

/** When the next job of a lane may be claimed, possibly in the past; null when none is waiting. Reads only. */
export async function findNextRunAt(database: Database, filter: ClaimFilter): Promise<Instant | null> {
  const row = await database.read
    .selectFrom('jobs')
    .select('jobs.run_at')
    .where('jobs.state', '=', 'queued')
    .where('jobs.lane', '=', filter.lane)
    .where('jobs.kind', 'in', filter.kinds)
    .where(isKeyIdle)
    .orderBy('jobs.run_at')
    .limit(1)
    .executeTakeFirst()
  return row?.run_at ?? null
}

/**
 * Starts the next due job of a lane for `owner`: the one due longest whose key no running job has. Null when there is none,
 * or when others are about to claim it.
 */
export async function claimNextJob(
  database: Database,
  claim: ClaimFilter & { owner: string; now: Instant; leaseUntil: Instant },
): Promise<ClaimedJob | null> {
  return database.write.transaction().execute(async (db) => {
    const due = db
      .selectFrom('jobs')
      .select('jobs.id')
      .where('jobs.state', '=', 'queued')
      .where('jobs.lane', '=', claim.lane)
      .where('jobs.kind', 'in', claim.kinds)
      .where('jobs.run_at', '<=', claim.now)
      .where(isKeyIdle)
      .orderBy('jobs.run_at')
      .orderBy('jobs.id')
      .limit(1)
    const candidate = await (database.flags.concurrentWriters ? due.forUpdate().skipLocked() : due).executeTakeFirst()
    if (candidate === undefined) {
      return null
    }
    const row = await db
      .updateTable('jobs')
      .set((eb) => ({
        state: 'running',
        attempts: eb('attempts', '+', 1),
        lease_owner: claim.owner,
        lease_until: claim.leaseUntil,
        started_at: claim.now,
        progress: null,
      }))
      .where('jobs.id', '=', candidate.id)
      .where(isKeyIdle)
      .returning(['id', 'kind', 'payload', 'lane', 'dedupe_key', 'attempts', 'max_attempts'])
      .returning(sql<number>`(select coalesce(max(sequence), 0) from job_logs where job_id = ${candidate.id})`.as('log_lines'))
      .executeTakeFirst()
    if (row === undefined) {
      return null
    }
    return {
      id: row.id,
      kind: row.kind,
      payload: row.payload,
      lane: row.lane,
      dedupeKey: row.dedupe_key,
      owner: claim.owner,
      attempt: row.attempts,
      maxAttempts: row.max_attempts,
      logLines: row.log_lines,
    }
  })
}

/** No running job has the key of this row. Without a key the comparison is never true. */
function isKeyIdle(eb: ExpressionBuilder<Schema, 'jobs'>): Expression<SqlBool> {
  const running = eb
    .selectFrom('jobs as running')
    .select('running.id')
    .whereRef('running.dedupe_key', '=', 'jobs.dedupe_key')
    .where('running.state', '=', 'running')
  return eb.not(eb.exists(running))
}
