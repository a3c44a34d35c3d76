/** The queue under contention: several handles of one database, as several processes or threads would have them. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { NewJob } from '../../src/core/kernel/jobs.ts'
import type { JobId } from '../../src/core/kernel/values.ts'
import type { Database } from '../../src/platform/db/database.ts'
import { claimNextJob, type ClaimedJob } from '../../src/platform/queue/claim.ts'
import { countJobs, createQueueFixture, enqueue, START, syncJob, systemClock, until, type QueueFixture } from './queue-kit.ts'
import { settleJob } from '../../src/platform/queue/settle.ts'

const RUNNERS = 8
const JOBS = 200
const KEYS = 12

let queue: QueueFixture
let databases: Database[]
beforeEach(async () => {
  queue = await createQueueFixture()
  databases = Array.from({ length: RUNNERS }, () => queue.test.openAnother())
})
afterEach(() => queue.end())

function job(n: number): NewJob {
  return syncJob(n, { key: n % 4 === 0 ? undefined : `key:${n % KEYS}`, lane: n % 3 === 0 ? 'interactive' : 'background' })
}

/** Looks at the rows themselves, through a connection of its own. */
async function findKeysRunningTwice(): Promise<string[]> {
  const rows = await queue.database.read
    .selectFrom('jobs')
    .select('dedupe_key')
    .where('state', '=', 'running')
    .where('dedupe_key', 'is not', null)
    .groupBy('dedupe_key')
    .having((eb) => eb.fn.countAll(), '>', 1)
    .execute()
  return rows.map((row) => row.dedupe_key ?? '')
}

describe('eight runners and two hundred jobs with colliding keys', () => {
  test('each job runs exactly once, and never two of one key at the same time', async () => {
    const runs = new Map<JobId, number>()
    const runningKeys = new Set<string>()
    const violations: string[] = []
    for (const database of databases) {
      const runner = queue.runner(
        {
          'source.sync': async ({ id, payload }) => {
            runs.set(id, (runs.get(id) ?? 0) + 1)
            const key = job(payload.source).dedupeKey ?? `job ${id}`
            if (runningKeys.has(key)) {
              violations.push(`${key} ran twice at once`)
            }
            runningKeys.add(key)
            await Bun.sleep(id % 7)
            violations.push(...(await findKeysRunningTwice()))
            runningKeys.delete(key)
          },
        },
        { database, clock: systemClock, lanes: { interactive: 1, background: 2 } },
      )
      await runner.start()
    }

    const ids = await Promise.all(Array.from({ length: JOBS }, (_, n) => enqueue(databases[n % RUNNERS]!, job(n), Date.now())))
    await until(
      async () => (await countJobs(queue.database, 'queued')) + (await countJobs(queue.database, 'running')) === 0,
      'all ended',
    )

    expect(violations).toEqual([])
    expect(new Set(runs.keys())).toEqual(new Set(ids))
    expect([...runs.values()].every((count) => count === 1)).toBe(true)
    expect(await countJobs(queue.database, 'succeeded')).toBe(runs.size)
    expect(queue.log.filter(({ level }) => level !== 'debug')).toEqual([])
  }, 60_000)
})

describe('claims without pauses', () => {
  test('claims, retries and new jobs of few keys never make two running jobs of one key', async () => {
    const violations: string[] = []
    const claimed = new Set<string>()
    let open = 0

    async function settle(database: Database, held: ClaimedJob, round: number): Promise<void> {
      const outcome =
        round % 3 === 0 ? ({ kind: 'retry', code: 'x', message: 'x', runAt: START } as const) : ({ kind: 'succeeded' } as const)
      const attempt = () => database.write.transaction().execute((db) => settleJob(db, held, { outcome, now: START }))
      // A twin that is committed meanwhile makes the first attempt fail; the runner tries again, too.
      const settled = (await attempt().catch(() => null)) ?? (await attempt())
      if (!settled) {
        violations.push(`job ${held.id} was lost`)
      }
    }

    async function work(database: Database, worker: number): Promise<void> {
      for (let round = 0; round < 40; round += 1) {
        await enqueue(database, syncJob(round, { key: `key:${(round + worker) % 3}`, maxAttempts: 100 }))
        const held = await claimNextJob(database, {
          lane: 'background',
          kinds: ['source.sync'],
          owner: `worker ${worker}`,
          now: START,
          leaseUntil: START + 60_000,
        })
        if (held === null) {
          continue
        }
        open += 1
        if (claimed.has(`${held.id}/${held.attempt}`)) {
          violations.push(`job ${held.id} was claimed twice`)
        }
        claimed.add(`${held.id}/${held.attempt}`)
        violations.push(...(await findKeysRunningTwice()))
        await settle(database, held, round)
      }
    }

    await Promise.all(databases.map(work))

    expect(violations).toEqual([])
    expect(open).toBeGreaterThan(40)
    expect(await countJobs(queue.database, 'running')).toBe(0)
  }, 60_000)
})
