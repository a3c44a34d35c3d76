import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { JobId } from '../../core/kernel/values.ts'
import {
  createQueueFixture,
  enqueue,
  manualClock,
  readJob,
  START,
  syncJob,
  until,
  type QueueFixture,
} from '../../../test/races/queue-kit.ts'
import { LOG_LINES, ReportBuffer } from './report-buffer.ts'
import { RetryAt } from './failure.ts'

let queue: QueueFixture
beforeEach(async () => {
  queue = await createQueueFixture()
})
afterEach(() => queue.end())

function readLog(id: JobId) {
  return queue.database.write
    .selectFrom('job_logs')
    .select(['sequence', 'level', 'line', 'at'])
    .where('job_id', '=', id)
    .orderBy('sequence')
    .execute()
}

async function succeeded(id: JobId): Promise<void> {
  await until(async () => (await readJob(queue.database, id)).state === 'succeeded', 'the job succeeds')
}

describe('reports', () => {
  test('a step is stored when it begins, progress soon after, and the rest with the end', async () => {
    const mayEnd = Promise.withResolvers<void>()
    const stored: (string | null)[] = []
    const runner = queue.runner({
      'source.sync': async ({ id, report }) => {
        report.log('info', 'before')
        await report.step('fetch\u001b[0m', 10)
        stored.push((await readJob(queue.database, id)).progress)
        report.progress(4)
        await mayEnd.promise
        report.progress(10)
        report.log('warning', 'after\nall')
      },
    })
    const id = await enqueue(queue.database, syncJob(1))
    await runner.start()
    await until(async () => (await readJob(queue.database, id)).progress?.includes('"done":4') === true, 'the progress is stored')
    mayEnd.resolve()
    await succeeded(id)

    expect(stored.map((text) => JSON.parse(text ?? 'null'))).toEqual([{ step: 'fetch', done: 0, total: 10 }])
    expect(JSON.parse((await readJob(queue.database, id)).progress ?? 'null')).toEqual({ step: 'fetch', done: 10, total: 10 })
    expect(await readLog(id)).toEqual([
      { sequence: 1, level: 'info', line: 'before', at: START },
      { sequence: 2, level: 'warning', line: 'after all', at: START },
    ])
  })

  test('later tries continue the log', async () => {
    let calls = 0
    const runner = queue.runner({
      'source.sync': async ({ report }) => {
        calls += 1
        report.log('info', `call ${calls}`)
        if (calls === 1) {
          throw new RetryAt(START)
        }
      },
    })
    const id = await enqueue(queue.database, syncJob(1))
    await runner.start()
    await until(async () => calls === 1 && (await readJob(queue.database, id)).state === 'queued', 'the job waits')
    queue.clock.advance(5_000)
    await succeeded(id)

    expect((await readLog(id)).map(({ sequence, line }) => [sequence, line])).toEqual([
      [1, 'call 1'],
      [2, 'call 2'],
    ])
  })

  test('a job that writes without end fills its log up to the bound', async () => {
    const runner = queue.runner({
      'source.sync': async ({ report }) => {
        for (let line = 0; line < LOG_LINES + 5_000; line += 1) {
          report.log('info', String(line))
        }
        await report.step('next')
        report.log('error', 'too late')
      },
    })
    const id = await enqueue(queue.database, syncJob(1))
    await runner.start()
    await succeeded(id)

    const log = await readLog(id)
    expect(log).toHaveLength(LOG_LINES + 1)
    expect(log.at(-2)?.line).toBe(String(LOG_LINES - 1))
    expect(log.at(-1)).toMatchObject({ level: 'warning', line: 'Further lines are left out.' })
  })

  test('numbers that are no counts become counts', () => {
    const report = new ReportBuffer({ clock: manualClock(), logLines: 0, flush: async () => {} })

    report.progress(Number.NaN)
    expect(report.pending().progress).toEqual({ step: '', done: 0, total: null })
    void report.step('s', -5)
    report.progress(2.9)
    expect(report.pending().progress).toEqual({ step: 's', done: 2, total: 0 })
  })

  test('what is reported while a write is under way stays pending', () => {
    const report = new ReportBuffer({ clock: manualClock(), logLines: 0, flush: async () => {} })
    report.log('info', 'one')
    const writing = report.pending()
    report.log('info', 'two')

    report.confirm(writing)

    expect(report.isPending).toBe(true)
    expect(report.pending().lines.map(({ sequence, line }) => [sequence, line])).toEqual([[2, 'two']])
    report.confirm(report.pending())
    expect(report.isPending).toBe(false)
  })
})
