import type { JobId } from '../../core/kernel/values.ts'
import type { Database } from '../db/database.ts'
import { Pause } from './pause.ts'

const FIRST_PAUSE = 25
const LONGEST_PAUSE = 200
const PAUSE_GROWTH = 1.5

/** What became of the job. `code` is that of a `DomainError`, or one of the queue's own: `unexpected`, `crashed`, `superseded`. */
export type WaitResult = { kind: 'succeeded' } | { kind: 'failed'; code: string; message: string } | { kind: 'timeout' }

/**
 * Waits until the job ended, at most `timeout` milliseconds; a job that waits for its next try has not ended. A job that
 * does not exist (any more) counts as failed with `job_not_found`. Rejects with the signal's reason when that is
 * aborted. Reads only; notices the end within 0.2 seconds, and at once when a runner of this process announces it.
 */
export async function waitForJob(
  database: Database,
  id: JobId,
  limits: { timeout: number; signal: AbortSignal },
): Promise<WaitResult> {
  limits.signal.throwIfAborted()
  const deadline = performance.now() + limits.timeout
  const sleep = new Pause()
  const wake = () => sleep.end()
  limits.signal.addEventListener('abort', wake)
  const unsubscribe = subscribe(database, wake)
  try {
    for (let pause = FIRST_PAUSE; ; pause = Math.min(LONGEST_PAUSE, pause * PAUSE_GROWTH)) {
      const result = await findResult(database, id)
      limits.signal.throwIfAborted()
      const remaining = deadline - performance.now()
      if (result !== null) {
        return result
      }
      if (remaining <= 0) {
        return { kind: 'timeout' }
      }
      await sleep.begin(Math.min(pause, remaining))
      limits.signal.throwIfAborted()
    }
  } finally {
    unsubscribe()
    limits.signal.removeEventListener('abort', wake)
  }
}

async function findResult(database: Database, id: JobId): Promise<WaitResult | null> {
  const row = await database.read
    .selectFrom('jobs')
    .select(['state', 'error_code', 'error'])
    .where('id', '=', id)
    .executeTakeFirst()
  if (row === undefined) {
    return { kind: 'failed', code: 'job_not_found', message: 'There is no such job.' }
  }
  if (row.state === 'succeeded') {
    return { kind: 'succeeded' }
  }
  return row.state === 'failed' ? { kind: 'failed', code: row.error_code ?? 'unexpected', message: row.error ?? '' } : null
}

/** All waiters of one database share one subscription: on a database server it takes a connection. */
const subscriptions = new WeakMap<Database, { wakes: Set<() => void>; end: () => void }>()

function subscribe(database: Database, wake: () => void): () => void {
  let shared = subscriptions.get(database)
  if (shared === undefined) {
    const wakes = new Set<() => void>()
    shared = { wakes, end: database.onJobs(() => wakes.forEach((each) => each())) }
    subscriptions.set(database, shared)
  }
  const { wakes, end } = shared
  wakes.add(wake)
  return () => {
    wakes.delete(wake)
    if (wakes.size === 0) {
      subscriptions.delete(database)
      end()
    }
  }
}
