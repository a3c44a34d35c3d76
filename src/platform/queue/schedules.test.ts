import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { NewJob } from '../../core/kernel/jobs.ts'
import type { Database } from '../db/database.ts'
import {
  countJobs,
  createQueueFixture,
  manualClock,
  newId,
  START,
  until,
  type QueueFixture,
} from '../../../test/races/queue-kit.ts'
import { Scheduler } from './schedules.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const AT_THREE = Date.parse('2026-03-02T03:00:00Z')

const scrub: NewJob = {
  kind: 'blobs.scrub',
  payload: {},
  organization: null,
  dedupeKey: null,
  lane: 'background',
  maxAttempts: 3,
}

let queue: QueueFixture
beforeEach(async () => {
  queue = await createQueueFixture()
})
afterEach(() => queue.end())

function scheduler(cron: string, change: { database?: Database; clock?: { now(): number } } = {}): Scheduler {
  return new Scheduler({
    database: queue.database,
    clock: queue.clock,
    newId,
    schedules: [{ name: 'scrub', cron, job: scrub }],
    ...change,
  })
}

async function nextAt(): Promise<number> {
  return (await queue.database.write.selectFrom('schedules').select('next_at').executeTakeFirstOrThrow()).next_at
}

describe('schedules', () => {
  test('a new schedule fires at its first time, in UTC, and not before', async () => {
    const nightly = scheduler('0 3 * * *')
    await nightly.prepare()

    queue.clock.set(AT_THREE - 1)
    expect(await nightly.fireDue()).toBe(0)
    queue.clock.set(AT_THREE)
    expect(await nightly.fireDue()).toBe(1)
    expect(await nightly.fireDue()).toBe(0)
    expect(await countJobs(queue.database, 'queued')).toBe(1)
    expect(await nextAt()).toBe(AT_THREE + DAY)
  })

  test('times that were missed are made up for once', async () => {
    await scheduler('*/5 * * * *').prepare()
    queue.clock.advance(30 * DAY)
    const later = scheduler('*/5 * * * *')

    await later.prepare()
    expect(await later.fireDue()).toBe(1)
    expect(await later.fireDue()).toBe(0)
  })

  test('several processes fire one time once', async () => {
    const first = scheduler('0 3 * * *')
    await first.prepare()
    const all = [
      first,
      scheduler('0 3 * * *', { database: queue.test.openAnother() }),
      scheduler('0 3 * * *', { database: queue.test.openAnother() }),
    ]
    queue.clock.set(AT_THREE)

    const fired = await Promise.all(all.map((each) => each.fireDue()))

    expect(fired.toSorted()).toEqual([0, 0, 1])
    expect(await countJobs(queue.database, 'queued')).toBe(1)
  })

  test('a process whose clock is slightly behind does not fire again', async () => {
    const behind = manualClock()
    const ahead = scheduler('0 3 * * *')
    await ahead.prepare()
    const second = scheduler('0 3 * * *', { clock: behind })
    queue.clock.set(AT_THREE)
    behind.set(AT_THREE - 20_000)

    await ahead.fireDue()
    expect(await second.fireDue()).toBe(0)
    behind.set(AT_THREE + 1)
    expect(await second.fireDue()).toBe(0)
    expect(await nextAt()).toBe(AT_THREE + DAY)
  })

  test('a changed expression takes effect at the start, an unchanged one keeps its time', async () => {
    await scheduler('0 3 * * *').prepare()
    expect(await nextAt()).toBe(AT_THREE)

    await scheduler('0 3 * * *').prepare()
    expect(await nextAt()).toBe(AT_THREE)
    await scheduler('30 12 * * *').prepare()
    expect(await nextAt()).toBe(START + HOUR / 2)
    await scheduler('0 4 1 * *').prepare()
    expect(await nextAt()).toBe(Date.parse('2026-04-01T04:00:00Z'))
  })

  test('an expression that became more frequent does not wait for the time of the old one', async () => {
    await scheduler('0 0 1 1 *').prepare()
    const hourly = scheduler('0 * * * *')
    await hourly.prepare()
    await hourly.fireDue()

    expect(await nextAt()).toBe(START + HOUR)
  })

  test('a clock that is set back by days neither stalls nor floods a schedule', async () => {
    const nightly = scheduler('0 3 * * *')
    await nightly.prepare()
    queue.clock.set(AT_THREE)
    await nightly.fireDue()

    queue.clock.set(AT_THREE - 10 * DAY - HOUR)
    expect(await nightly.fireDue()).toBe(0)
    expect(await nextAt()).toBe(AT_THREE - 10 * DAY)
    queue.clock.advance(HOUR)
    expect(await nightly.fireDue()).toBe(1)
    expect(await nightly.fireDue()).toBe(0)
  })

  test('a clock that jumps ahead and back again fires once more and goes on', async () => {
    const hourly = scheduler('0 * * * *')
    await hourly.prepare()
    queue.clock.advance(400 * DAY)
    expect(await hourly.fireDue()).toBe(1)
    queue.clock.set(START)
    expect(await hourly.fireDue()).toBe(0)
    expect(await nextAt()).toBe(START + HOUR)
  })

  test.each(['nonsense', '0 3 * *', '61 * * * *', '0 0 30 2 *', '* * * * * *'])(
    '"%s" is refused when it is configured',
    (cron) => {
      expect(() => scheduler(cron)).toThrow('The schedule "scrub" has no usable cron expression')
    },
  )

  test('two schedules of one name are refused', () => {
    const schedules = [
      { name: 'a', cron: '0 3 * * *', job: scrub },
      { name: 'a', cron: '0 4 * * *', job: scrub },
    ]
    expect(() => new Scheduler({ database: queue.database, clock: queue.clock, newId, schedules })).toThrow('same name')
  })

  test('a runner fires its schedules and runs their jobs', async () => {
    let runs = 0
    const runner = queue.runner(
      {
        'blobs.scrub': async () => {
          runs += 1
        },
      },
      { schedules: [{ name: 'scrub', cron: '0 3 * * *', job: scrub }] },
    )
    await runner.start()
    queue.clock.set(AT_THREE)

    await until(async () => (await countJobs(queue.database, 'succeeded')) === 1, 'the job ran')
    expect(runs).toBe(1)
  })
})
