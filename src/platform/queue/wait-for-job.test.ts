import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DomainError } from '../../core/kernel/errors.ts'
import type { JobId } from '../../core/kernel/values.ts'
import { createQueueFixture, enqueue, syncJob, type QueueFixture } from '../../../test/races/queue-kit.ts'
import { waitForJob } from './wait-for-job.ts'

let queue: QueueFixture
beforeEach(async () => {
  queue = await createQueueFixture()
})
afterEach(() => queue.end())

const forever = new AbortController().signal

describe('waiting for a job', () => {
  test('success, failure and their reasons reach those who wait, in this and in other processes', async () => {
    await queue
      .runner({
        'source.sync': async ({ payload }) => {
          await Bun.sleep(60)
          if (payload.source === 2) {
            throw new DomainError('source_not_found')
          }
        },
      })
      .start()
    const good = await enqueue(queue.database, syncJob(1))
    const bad = await enqueue(queue.database, syncJob(2))
    const other = queue.test.openAnother()

    const results = await Promise.all(
      [queue.database, other].flatMap((database) => [
        waitForJob(database, good, { timeout: 30_000, signal: forever }),
        waitForJob(database, bad, { timeout: 30_000, signal: forever }),
      ]),
    )

    const failed = { kind: 'failed', code: 'source_not_found', message: 'There is no such source.' } as const
    expect(results).toEqual([{ kind: 'succeeded' }, failed, { kind: 'succeeded' }, failed])
  })

  test('a job that ended before answers at once', async () => {
    const id = await enqueue(queue.database, syncJob(1))
    await queue.database.write.updateTable('jobs').set({ state: 'succeeded' }).execute()

    expect(await waitForJob(queue.database, id, { timeout: 0, signal: forever })).toEqual({ kind: 'succeeded' })
  })

  test('patience ends at the timeout', async () => {
    const id = await enqueue(queue.database, syncJob(1))

    expect(await waitForJob(queue.database, id, { timeout: 60, signal: forever })).toEqual({ kind: 'timeout' })
  })

  test('a job that does not exist is not waited for', async () => {
    expect(await waitForJob(queue.database, 999 as JobId, { timeout: 30_000, signal: forever })).toMatchObject({
      code: 'job_not_found',
    })
  })

  test('an aborted signal ends the wait with its reason', async () => {
    const id = await enqueue(queue.database, syncJob(1))
    const abort = new AbortController()
    const waiting = waitForJob(queue.database, id, { timeout: 30_000, signal: abort.signal })

    abort.abort(new Error('the client went away'))

    await expect(waiting).rejects.toThrow('the client went away')
    await expect(waitForJob(queue.database, id, { timeout: 30_000, signal: abort.signal })).rejects.toThrow(
      'the client went away',
    )
  })
})
