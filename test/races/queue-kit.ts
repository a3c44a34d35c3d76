import type { NewJob } from '../../src/core/kernel/jobs.ts'
import type { Clock, Logger, Random } from '../../src/core/kernel/ports.ts'
import type { JobsTable } from '../../src/core/kernel/schema.ts'
import type { JobId, SourceId } from '../../src/core/kernel/values.ts'
import { createTestDatabase, type DatabaseKind, type TestDatabase } from '../kit/database.ts'
import type { Database } from '../../src/platform/db/database.ts'
import { enqueueJob } from '../../src/platform/queue/enqueue.ts'
import type { JobHandlers } from '../../src/platform/queue/execution.ts'
import { createQueueRunner, type QueueRunner, type QueueRunnerSetup } from '../../src/platform/queue/runner.ts'

/** A clock that moves only when told to. */
export interface ManualClock extends Clock {
  set(instant: number): void
  advance(duration: number): void
}

export const START = Date.parse('2026-03-01T12:00:00Z')

export function manualClock(): ManualClock {
  let now = START
  return {
    now: () => now,
    set(instant) {
      now = instant
    },
    advance(duration) {
      now += duration
    },
  }
}

export const systemClock: Clock = { now: () => Date.now() }
export const systemRandom: Random = { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) }

export interface LogEntry {
  level: 'debug' | 'info' | 'warn' | 'error'
  message: string
  fields: Record<string, unknown>
}

export function recordingLog(entries: LogEntry[], context: Record<string, unknown> = {}): Logger {
  const add = (level: LogEntry['level']) => (message: string, fields?: Record<string, unknown>) => {
    entries.push({ level, message, fields: { ...context, ...fields } })
  }
  return {
    debug: add('debug'),
    info: add('info'),
    warn: add('warn'),
    error: add('error'),
    with: (fields) => recordingLog(entries, { ...context, ...fields }),
  }
}

export function newId(): string {
  return Bun.randomUUIDv7()
}

/** A background job about the source with that number; `key` is its dedupe key. */
export function syncJob(
  source: number,
  change: { key?: string | undefined; lane?: NewJob['lane']; maxAttempts?: number } = {},
): NewJob {
  return {
    kind: 'source.sync',
    payload: { source: source as SourceId },
    organization: null,
    dedupeKey: change.key ?? null,
    lane: change.lane ?? 'background',
    maxAttempts: change.maxAttempts ?? 3,
  }
}

/** Handlers for the kinds that these tests use, which succeed at once, except the given ones. */
export function handlersWith(given: Partial<JobHandlers>): JobHandlers {
  const done = async () => {}
  return { 'source.sync': done, 'blobs.scrub': done, ...given } as JobHandlers
}

/** Waits for a condition with a deadline far beyond what any machine needs. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await condition())) {
    if (performance.now() > deadline) {
      throw new Error(`This did not happen in 30 seconds: ${what}`)
    }
    await Bun.sleep(5)
  }
}

/** Enqueues in a transaction of its own, as a command would. */
export async function enqueue(database: Database, job: NewJob, now: number = START): Promise<JobId> {
  const id = await database.write.transaction().execute((db) => enqueueJob(db, job, { now, newId }))
  database.announceJobs()
  return id
}

export async function readJob(database: Database, id: JobId) {
  return database.write.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

export async function countJobs(database: Database, state: JobsTable['state']): Promise<number> {
  const row = await database.write
    .selectFrom('jobs')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('state', '=', state)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** A database with a clock, a log and runners that are stopped at the end. */
export interface QueueFixture {
  test: TestDatabase
  database: Database
  clock: ManualClock
  log: LogEntry[]
  runner(handlers: Partial<JobHandlers>, change?: Partial<QueueRunnerSetup>): QueueRunner
  end(): Promise<void>
}

export async function createQueueFixture(kind?: DatabaseKind): Promise<QueueFixture> {
  const test = await createTestDatabase(kind)
  const clock = manualClock()
  const log: LogEntry[] = []
  const runners: QueueRunner[] = []
  return {
    test,
    database: test.database,
    clock,
    log,
    runner(handlers, change = {}) {
      const runner = createQueueRunner({
        database: test.database,
        clock,
        random: systemRandom,
        log: recordingLog(log),
        newId,
        owner: `test/${newId()}`,
        handlers: handlersWith(handlers),
        lanes: { interactive: 1, background: 2 },
        leaseDuration: 60_000,
        pollInterval: 20,
        ...change,
      })
      runners.push(runner)
      return runner
    },
    async end() {
      await Promise.all(runners.map((runner) => runner.stop()))
      await test.drop()
    },
  }
}
