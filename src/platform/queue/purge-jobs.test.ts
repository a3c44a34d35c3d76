import { afterEach, beforeEach, expect, test } from 'bun:test'
import { createQueueFixture, enqueue, START, syncJob, type QueueFixture } from '../../../test/races/queue-kit.ts'
import { purgeJobs } from './purge-jobs.ts'

let queue: QueueFixture
beforeEach(async () => {
  queue = await createQueueFixture()
})
afterEach(() => queue.end())

test('purging removes old ended jobs with their logs, keeps failed ones longer, and never touches the others', async () => {
  const { write } = queue.database
  for (let n = 0; n < 50; n += 1) {
    const id = await enqueue(queue.database, syncJob(n))
    await write
      .updateTable('jobs')
      .set({ state: 'succeeded', finished_at: START + n })
      .where('id', '=', id)
      .execute()
    await write.insertInto('job_logs').values({ job_id: id, sequence: 1, at: START, level: 'info', line: 'x' }).execute()
  }
  const failed = [await enqueue(queue.database, syncJob(1)), await enqueue(queue.database, syncJob(2))]
  for (const [n, id] of failed.entries()) {
    await write
      .updateTable('jobs')
      .set({ state: 'failed', finished_at: START + n })
      .where('id', '=', id)
      .execute()
  }
  const queued = await enqueue(queue.database, syncJob(3), 0)

  expect(await purgeJobs(write, { succeeded: START + 45, failed: START + 1 })).toBe(46)

  const left = await write.selectFrom('jobs').select(['id', 'state', 'finished_at']).orderBy('id').execute()
  expect(left.filter(({ state }) => state === 'succeeded').map((job) => job.finished_at)).toEqual(
    [45, 46, 47, 48, 49].map((n) => START + n),
  )
  expect(left.filter(({ state }) => state !== 'succeeded').map(({ id }) => id)).toEqual([failed[1]!, queued])
  expect(await write.selectFrom('job_logs').select('job_id').execute()).toHaveLength(5)
})
