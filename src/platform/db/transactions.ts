import type { Actor, Origin } from '../../core/kernel/actor.ts'
import type { ReactingTx, Tx } from '../../core/kernel/ctx.ts'
import type { DomainEvent, RecordedEvent } from '../../core/kernel/events.ts'
import type { NewJob } from '../../core/kernel/jobs.ts'
import type { Db } from '../../core/kernel/schema.ts'
import type { Instant, JobId } from '../../core/kernel/values.ts'
import type { Database } from './database.ts'

/** Rows of one multi-row insert; keeps statements below the parameter limits of both databases. */
const EVENTS_PER_INSERT = 500

/** What a transaction needs from its call. */
export interface TransactionScope {
  actor: Actor
  origin: Origin
  now: Instant
  newId(): string
  /** Puts a job into the queue's table; given by the queue. */
  enqueue(db: Db, job: NewJob, scope: { now: Instant; newId(): string }): Promise<JobId>
  /** Called before the commit with the events of the transaction, in slices of their order; what it throws rolls everything back. */
  react?(tx: ReactingTx, events: readonly RecordedEvent[]): Promise<void>
  onAfterCommitError(error: unknown): void
  /** Sees every committed transaction; the test kit checks its rules here. */
  observe?(committed: { events: readonly DomainEvent[]; jobs: number }): void
}

/**
 * Runs `work` in one transaction of the writing side. Events are written last, in one statement, with
 * the change that they report; jobs become visible to runners only with the commit.
 */
export async function runTransaction<Result>(
  database: Database,
  scope: TransactionScope,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  const events: DomainEvent[] = []
  const later: (() => void)[] = []
  let jobs = 0
  const result = await database.write.transaction().execute(async (db) => {
    const tx: Tx = {
      actor: scope.actor,
      db,
      now: scope.now,
      newId: () => scope.newId(),
      async record(event) {
        events.push(event)
      },
      async enqueue(job) {
        jobs += 1
        return scope.enqueue(db, job, scope)
      },
      afterCommit(callback) {
        later.push(callback)
      },
    }
    const value = await work(tx)
    // Reactions may enqueue jobs, and record nothing. A first sync has an event for each of many thousand versions.
    for (let start = 0; start < events.length; start += EVENTS_PER_INSERT) {
      const slice = events.slice(start, start + EVENTS_PER_INSERT).map((event) => ({ uid: scope.newId(), event }))
      await insertEvents(db, slice, scope)
      await scope.react?.(tx, slice)
    }
    return value
  })
  database.touched()
  if (jobs > 0) {
    database.announceJobs()
  }
  scope.observe?.({ events, jobs })
  for (const callback of later) {
    try {
      callback()
    } catch (error) {
      scope.onAfterCommitError(error)
    }
  }
  return result
}

async function insertEvents(db: Db, events: readonly RecordedEvent[], scope: TransactionScope): Promise<void> {
  const origin = JSON.stringify(scope.origin)
  const rows = events.map(({ uid, event }) => {
    const { type, organization, ...data } = event
    return {
      uid,
      type,
      organization_id: organization,
      actor_kind: scope.actor.kind,
      actor_id: actorId(scope.actor),
      origin,
      data: JSON.stringify(data),
      created_at: scope.now,
      package_id: 'package' in event ? event.package : null,
    }
  })
  await db.insertInto('events').values(rows).execute()
}

function actorId(actor: Actor): number | null {
  switch (actor.kind) {
    case 'token':
      return actor.token
    case 'user':
      return actor.user
    default:
      return null
  }
}
