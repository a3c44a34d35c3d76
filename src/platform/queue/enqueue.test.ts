import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { claimNextJob } from './claim.ts'
import { enqueueJob } from './enqueue.ts'
import { createQueueFixture, enqueue, newId, readJob, START, syncJob, type QueueFixture } from '../../../test/races/queue-kit.ts'

let queue: QueueFixture
beforeEach(async () => {
  queue = await createQueueFixture()
})
afterEach(() => queue.end())

const claim = { lane: 'background', kinds: ['source.sync'], owner: 'a', now: START, leaseUntil: START + 1000 } as const

describe('enqueueing', () => {
  test('a job is stored as it was given', async () => {
    const id = await enqueue(queue.database, syncJob(7, { key: 'source:7', maxAttempts: 5 }))

    expect(await readJob(queue.database, id)).toMatchObject({
      kind: 'source.sync',
      payload: '{"source":7}',
      dedupe_key: 'source:7',
      lane: 'background',
      state: 'queued',
      attempts: 0,
      max_attempts: 5,
      run_at: START,
      created_at: START,
    })
  })

  test('jobs without a key are never merged', async () => {
    const ids = [await enqueue(queue.database, syncJob(1)), await enqueue(queue.database, syncJob(1))]

    expect(new Set(ids).size).toBe(2)
  })

  test('a key that is queued already answers with the first job', async () => {
    const first = await enqueue(queue.database, syncJob(1, { key: 'k' }))

    expect(await enqueue(queue.database, syncJob(2, { key: 'k' }), START + 5)).toBe(first)
    expect(await readJob(queue.database, first)).toMatchObject({ payload: '{"source":1}', run_at: START })
  })

  test('a key that is only running gets a new job', async () => {
    const first = await enqueue(queue.database, syncJob(1, { key: 'k' }))
    await claimNextJob(queue.database, claim)

    expect(await enqueue(queue.database, syncJob(1, { key: 'k' }))).not.toBe(first)
  })

  test('a job that is not committed does not exist', async () => {
    const failing = queue.database.write.transaction().execute(async (db) => {
      await enqueueJob(db, syncJob(1, { key: 'k' }), { now: START, newId })
      throw new Error('changed our mind')
    })

    expect(failing).rejects.toThrow('changed our mind')
    await failing.catch(() => {})
    expect(await claimNextJob(queue.database, claim)).toBeNull()
  })

  test('an interactive job raises its waiting background twin', async () => {
    const id = await enqueue(queue.database, syncJob(1, { key: 'k' }))
    await queue.database.write
      .updateTable('jobs')
      .set({ run_at: START + 60_000 })
      .execute()

    expect(await enqueue(queue.database, syncJob(1, { key: 'k', lane: 'interactive' }), START + 9)).toBe(id)
    expect(await readJob(queue.database, id)).toMatchObject({ lane: 'interactive', run_at: START + 9 })
  })

  test('raising a twin that is due already does not move it back', async () => {
    const id = await enqueue(queue.database, syncJob(1, { key: 'k' }))
    await enqueue(queue.database, syncJob(1, { key: 'k', lane: 'interactive' }), START + 9)

    expect(await readJob(queue.database, id)).toMatchObject({ lane: 'interactive', run_at: START })
  })

  test('an interactive twin keeps its pause, and a background job never lowers it', async () => {
    const id = await enqueue(queue.database, syncJob(1, { key: 'k', lane: 'interactive' }))
    await queue.database.write
      .updateTable('jobs')
      .set({ run_at: START + 60_000, started_at: START - 1000 })
      .execute()

    await enqueue(queue.database, syncJob(1, { key: 'k', lane: 'interactive' }))
    await enqueue(queue.database, syncJob(1, { key: 'k' }))

    expect(await readJob(queue.database, id)).toMatchObject({ lane: 'interactive', run_at: START + 60_000 })
  })

  test('abuse 57: a job that was never tried but lies ahead, because the clock was set back, is due when it is asked for again', async () => {
    const id = await enqueue(queue.database, syncJob(1, { key: 'k', lane: 'interactive' }))
    await queue.database.write
      .updateTable('jobs')
      .set({ run_at: START + 3_600_000 })
      .execute()

    await enqueue(queue.database, syncJob(1, { key: 'k', lane: 'interactive' }))

    expect(await readJob(queue.database, id)).toMatchObject({ run_at: START })
  })

  test('a twin does not start before the change that joined it is committed', async () => {
    const id = await enqueue(queue.database, syncJob(1, { key: 'k' }))
    const other = queue.test.openAnother()
    const order: string[] = []
    const mayCommit = Promise.withResolvers<void>()
    const joined = Promise.withResolvers<void>()

    const change = queue.database.write.transaction().execute(async (db) => {
      await enqueueJob(db, syncJob(1, { key: 'k' }), { now: START, newId })
      joined.resolve()
      await mayCommit.promise
      order.push('change ends')
    })
    await joined.promise
    const early = claimNextJob(other, claim).then((job) => {
      order.push(job === null ? 'claim passes over' : 'claim')
      return job
    })
    // With one writer the claim waits for the change; otherwise it passes over the locked row.
    await (queue.test.kind === 'postgres' ? early : Bun.sleep(50))
    mayCommit.resolve()
    await change
    const claimed = (await early) ?? (await claimNextJob(other, claim))

    expect(claimed?.id).toBe(id)
    expect(order).toEqual(queue.test.kind === 'postgres' ? ['claim passes over', 'change ends'] : ['change ends', 'claim'])
  })

  test('of many transactions with one key at once, all get the id of the only job', async () => {
    const databases = [queue.database, queue.test.openAnother(), queue.test.openAnother()]

    const ids = await Promise.all(Array.from({ length: 30 }, (_, n) => enqueue(databases[n % 3]!, syncJob(1, { key: 'k' }))))

    expect(new Set(ids).size).toBe(1)
  })
})
