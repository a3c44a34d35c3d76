import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { claimNextJob, type ClaimedJob } from './claim.ts'
import { enqueueJob } from './enqueue.ts'
import { createQueueFixture, enqueue, newId, readJob, START, syncJob, type QueueFixture } from '../../../test/races/queue-kit.ts'
import { recoverExpired, releaseOwned } from './recovery.ts'
import { settleJob, type Outcome } from './settle.ts'

let queue: QueueFixture
beforeEach(async () => {
  queue = await createQueueFixture()
})
afterEach(() => queue.end())

async function claimed(owner = 'node-a/1', lane: 'interactive' | 'background' = 'background'): Promise<ClaimedJob> {
  const job = await claimNextJob(queue.database, { lane, kinds: ['source.sync'], owner, now: START, leaseUntil: START + 1000 })
  return job!
}

function settle(job: ClaimedJob, outcome: Outcome) {
  return queue.database.write.transaction().execute((db) => settleJob(db, job, { outcome, now: START + 7 }))
}

const retry = { kind: 'retry', code: 'source_timeout', message: 'slow\u001b[31m', runAt: START + 50 } as const

describe('ending a try', () => {
  test('success clears the error of earlier tries', async () => {
    await enqueue(queue.database, syncJob(1))
    await settle(await claimed(), { ...retry, runAt: START })
    const job = await claimed()

    expect(await settle(job, { kind: 'succeeded' })).toBe(true)
    expect(await readJob(queue.database, job.id)).toMatchObject({
      state: 'succeeded',
      attempts: 2,
      error_code: null,
      error: null,
      lease_owner: null,
      lease_until: null,
      finished_at: START + 7,
    })
  })

  test('a retry waits in the queue and tells why, in inert words', async () => {
    await enqueue(queue.database, syncJob(1))
    const job = await claimed()

    await settle(job, retry)

    expect(await readJob(queue.database, job.id)).toMatchObject({
      state: 'queued',
      attempts: 1,
      run_at: START + 50,
      error_code: 'source_timeout',
      error: 'slow',
      finished_at: null,
    })
  })

  test('a returned try does not count', async () => {
    await enqueue(queue.database, syncJob(1))
    const job = await claimed()

    await settle(job, { kind: 'returned', runAt: null })

    expect(await readJob(queue.database, job.id)).toMatchObject({ state: 'queued', attempts: 0, run_at: START, error_code: null })
  })

  test('who lost the job writes nothing, whatever the outcome', async () => {
    await enqueue(queue.database, syncJob(1))
    const stale = await claimed()
    await recoverExpired(queue.database, START + 1000, new Set())
    await claimed('node-b/1')

    for (const outcome of [
      { kind: 'succeeded' },
      { kind: 'failed', code: 'x', message: 'x' },
      retry,
      { kind: 'returned', runAt: null },
    ] as const) {
      expect(await settle(stale, outcome)).toBe(false)
    }
    expect(await readJob(queue.database, stale.id)).toMatchObject({ state: 'running', lease_owner: 'node-b/1', attempts: 2 })
  })

  test('the same owner in a later try does not count as the earlier one', async () => {
    await enqueue(queue.database, syncJob(1))
    const stale = await claimed()
    await recoverExpired(queue.database, START + 1000, new Set())
    await claimed()

    expect(await settle(stale, { kind: 'succeeded' })).toBe(false)
  })

  test('a retry yields to the job with its key that is queued already, and hands its lane over', async () => {
    await enqueue(queue.database, syncJob(1, { key: 'k', lane: 'interactive' }))
    const job = await claimed('node-a/1', 'interactive')
    const twin = await enqueue(queue.database, syncJob(1, { key: 'k' }))

    expect(await settle(job, retry)).toBe(true)
    expect(await readJob(queue.database, job.id)).toMatchObject({ state: 'failed', error_code: 'source_timeout' })
    expect(await readJob(queue.database, twin)).toMatchObject({ state: 'queued', lane: 'interactive' })
  })

  test('a returned try yields in the same way', async () => {
    await enqueue(queue.database, syncJob(1, { key: 'k' }))
    const job = await claimed()
    await enqueue(queue.database, syncJob(1, { key: 'k' }))

    await settle(job, { kind: 'returned', runAt: null })

    expect(await readJob(queue.database, job.id)).toMatchObject({ state: 'failed', error_code: 'superseded' })
  })

  test('a retry that meets a twin on its way in succeeds at the second attempt at the latest', async () => {
    await enqueue(queue.database, syncJob(1, { key: 'k' }))
    const job = await claimed()
    const other = queue.test.openAnother()
    const inserted = Promise.withResolvers<void>()
    const mayCommit = Promise.withResolvers<void>()
    const enqueueing = other.write.transaction().execute(async (db) => {
      await enqueueJob(db, syncJob(1, { key: 'k' }), { now: START, newId })
      inserted.resolve()
      await mayCommit.promise
    })
    await inserted.promise

    const first = settle(job, retry).catch(() => null)
    await Bun.sleep(50)
    mayCommit.resolve()
    await enqueueing
    const settled = (await first) ?? (await settle(job, retry))

    expect(settled).toBe(true)
    expect(await readJob(queue.database, job.id)).toMatchObject({ state: 'failed', error_code: 'source_timeout' })
  })
})

describe('recovery', () => {
  test('an expired lease puts the job back in its old place', async () => {
    await enqueue(queue.database, syncJob(1))
    const job = await claimed()

    expect(await recoverExpired(queue.database, START + 999, new Set())).toBe(0)
    expect(await recoverExpired(queue.database, START + 1000, new Set())).toBe(1)
    expect(await readJob(queue.database, job.id)).toMatchObject({
      state: 'queued',
      attempts: 1,
      run_at: START,
      error_code: 'crashed',
    })
  })

  test('a job that crashed at its last try has failed', async () => {
    await enqueue(queue.database, syncJob(1, { maxAttempts: 1 }))
    const job = await claimed()
    await recoverExpired(queue.database, START + 1000, new Set())

    expect(await readJob(queue.database, job.id)).toMatchObject({
      state: 'failed',
      error_code: 'crashed',
      finished_at: START + 1000,
    })
  })

  test('jobs that this process knows to run are left alone, whatever its clock says', async () => {
    await enqueue(queue.database, syncJob(1))
    const job = await claimed()

    expect(await recoverExpired(queue.database, START + 86_400_000, new Set([job.id]))).toBe(0)
  })

  test('of several processes that recover at once, one does', async () => {
    await enqueue(queue.database, syncJob(1))
    await claimed()
    const databases = [queue.database, queue.test.openAnother(), queue.test.openAnother()]

    const counts = await Promise.all(databases.map((database) => recoverExpired(database, START + 1000, new Set())))

    expect(counts.toSorted()).toEqual([0, 0, 1])
  })

  test('the jobs of dead owners continue without waiting for their leases', async () => {
    await enqueue(queue.database, syncJob(1))
    await enqueue(queue.database, syncJob(2))
    const dead = await claimed('node-a/1')
    const alive = await claimed('node-b/1')

    expect(await releaseOwned(queue.database, 'node-a/', START + 1)).toBe(1)
    expect((await readJob(queue.database, dead.id)).state).toBe('queued')
    expect((await readJob(queue.database, alive.id)).state).toBe('running')
  })
})
