import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { claimNextJob, findNextRunAt } from './claim.ts'
import { createQueueFixture, enqueue, readJob, START, syncJob, type QueueFixture } from '../../../test/races/queue-kit.ts'
import { settleJob } from './settle.ts'

let queue: QueueFixture
beforeEach(async () => {
  queue = await createQueueFixture()
})
afterEach(() => queue.end())

const background = { lane: 'background', kinds: ['source.sync'] } as const

function claim(now: number = START, owner = 'a') {
  return claimNextJob(queue.database, { ...background, owner, now, leaseUntil: now + 1000 })
}

describe('claiming', () => {
  test('the job that is due longest comes first and is held with a lease', async () => {
    await enqueue(queue.database, syncJob(1), START + 2)
    const oldest = await enqueue(queue.database, syncJob(2), START + 1)

    const job = await claim(START + 5)

    expect(job).toMatchObject({
      id: oldest,
      kind: 'source.sync',
      payload: '{"source":2}',
      attempt: 1,
      maxAttempts: 3,
      logLines: 0,
    })
    expect(await readJob(queue.database, oldest)).toMatchObject({
      state: 'running',
      attempts: 1,
      lease_owner: 'a',
      lease_until: START + 1005,
      started_at: START + 5,
    })
  })

  test('a job whose time has not come is left, and its time is told', async () => {
    await enqueue(queue.database, syncJob(1), START + 500)

    expect(await claim()).toBeNull()
    expect(await findNextRunAt(queue.database, background)).toBe(START + 500)
    expect(await findNextRunAt(queue.database, { ...background, lane: 'interactive' })).toBeNull()
  })

  test('other lanes and kinds that this release does not know are left', async () => {
    const id = await enqueue(queue.database, syncJob(1))
    await enqueue(queue.database, syncJob(1, { lane: 'interactive' }))
    await queue.database.write.updateTable('jobs').set({ kind: 'of.tomorrow' }).where('id', '=', id).execute()

    expect(await claim()).toBeNull()
    expect(await findNextRunAt(queue.database, background)).toBeNull()
  })

  test('a job waits while one with its key runs, and the jobs behind it do not', async () => {
    await enqueue(queue.database, syncJob(1, { key: 'k' }))
    const running = await claim()
    const second = await enqueue(queue.database, syncJob(2, { key: 'k' }))
    const third = await enqueue(queue.database, syncJob(3, { key: 'other' }), START + 1)

    expect((await claim(START + 9))?.id).toBe(third)
    expect(await claim(START + 9)).toBeNull()
    expect(await findNextRunAt(queue.database, background)).toBeNull()

    await queue.database.write
      .transaction()
      .execute((db) => settleJob(db, running!, { outcome: { kind: 'succeeded' }, now: START }))
    expect((await claim(START + 9))?.id).toBe(second)
  })

  test('the lines of earlier tries are counted', async () => {
    const id = await enqueue(queue.database, syncJob(1))
    const line = { job_id: id, at: START, level: 'info', line: 'before' } as const
    await queue.database.write
      .insertInto('job_logs')
      .values([
        { ...line, sequence: 1 },
        { ...line, sequence: 2 },
      ])
      .execute()

    expect((await claim())?.logLines).toBe(2)
  })
})
