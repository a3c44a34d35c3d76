import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DomainError } from '../../core/kernel/errors.ts'
import { RetryAt, UNEXPECTED_MESSAGE } from './failure.ts'
import { claimNextJob } from './claim.ts'
import { createQueueFixture, enqueue, readJob, START, syncJob, until, type QueueFixture } from '../../../test/races/queue-kit.ts'

let queue: QueueFixture
beforeEach(async () => {
  queue = await createQueueFixture()
})
afterEach(() => queue.end())

async function ended(id: Parameters<typeof readJob>[1]) {
  await until(async () => ['succeeded', 'failed'].includes((await readJob(queue.database, id)).state), 'the job ends')
  return readJob(queue.database, id)
}

/** A handler that stays until it is let go, or until its signal is aborted. */
function gate() {
  const open = Promise.withResolvers<void>()
  const started: number[] = []
  return {
    started,
    open: () => open.resolve(),
    async handler(job: { payload: { source: number }; signal: AbortSignal }) {
      started.push(job.payload.source)
      const aborted = new Promise<never>((_, reject) => job.signal.addEventListener('abort', () => reject(job.signal.reason)))
      await Promise.race([open.promise, aborted])
    },
  }
}

describe('running jobs', () => {
  test('a handler gets the job and its success is recorded', async () => {
    const seen: unknown[] = []
    const runner = queue.runner({
      'source.sync': async ({ id, kind, payload, attempt }) => {
        seen.push({ id, kind, payload, attempt })
      },
    })
    await runner.start()

    const id = await enqueue(queue.database, syncJob(42))

    expect(await ended(id)).toMatchObject({ state: 'succeeded', attempts: 1, lease_owner: null, finished_at: START })
    expect(seen as unknown[]).toEqual([{ id, kind: 'source.sync', payload: { source: 42 }, attempt: 1 }])
  })

  test('a failing job is tried again after a pause, and in the end has failed with its code and words', async () => {
    const attempts: number[] = []
    const runner = queue.runner({
      'source.sync': async ({ attempt }) => {
        attempts.push(attempt)
        throw new DomainError('source_unreachable', { problem: `try ${attempt}` })
      },
    })
    const id = await enqueue(queue.database, syncJob(1, { maxAttempts: 2 }))
    await runner.start()

    await until(async () => (await readJob(queue.database, id)).error !== null, 'the first try fails')
    expect(await readJob(queue.database, id)).toMatchObject({ state: 'queued', error_code: 'source_unreachable' })
    expect(attempts).toEqual([1])
    queue.clock.advance(3_600_000)
    runner.wake()

    expect(await ended(id)).toMatchObject({
      state: 'failed',
      attempts: 2,
      error_code: 'source_unreachable',
      error: 'The repository could not be reached: try 2',
    })
    expect(attempts).toEqual([1, 2])
  })

  test('an unforeseen error is shown in the log only', async () => {
    const failure = new Error('connection string with a password')
    const runner = queue.runner({
      'source.sync': async () => {
        throw failure
      },
    })
    const id = await enqueue(queue.database, syncJob(1, { maxAttempts: 1 }))
    await runner.start()

    expect(await ended(id)).toMatchObject({ error_code: 'unexpected', error: UNEXPECTED_MESSAGE })
    expect(queue.log).toContainEqual({
      level: 'error',
      message: 'A job failed unexpectedly.',
      fields: { job: id, kind: 'source.sync', attempt: 1, error: failure, next: 'failed' },
    })
  })

  test('a permanent failure is not tried again', async () => {
    const runner = queue.runner({
      'source.sync': async () => {
        throw new DomainError('source_not_found')
      },
    })
    const id = await enqueue(queue.database, syncJob(1, { maxAttempts: 5 }))
    await runner.start()

    expect(await ended(id)).toMatchObject({ state: 'failed', attempts: 1, error_code: 'source_not_found' })
  })

  test('a payload that cannot be read fails its job and no other', async () => {
    const broken = await enqueue(queue.database, syncJob(1, { maxAttempts: 1 }))
    await queue.database.write.updateTable('jobs').set({ payload: '{' }).execute()
    const fine = await enqueue(queue.database, syncJob(2))
    await queue.runner({}).start()

    expect(await ended(broken)).toMatchObject({ state: 'failed', error_code: 'unexpected' })
    expect((await ended(fine)).state).toBe('succeeded')
  })

  test('a job that asks for a later time runs then, with the same try', async () => {
    const attempts: number[] = []
    const runner = queue.runner({
      'source.sync': async ({ attempt }) => {
        attempts.push(attempt)
        if (attempts.length === 1) {
          throw new RetryAt(START + 90_000)
        }
      },
    })
    const id = await enqueue(queue.database, syncJob(1, { maxAttempts: 1 }))
    await runner.start()

    await until(async () => (await readJob(queue.database, id)).run_at === START + 90_000, 'the job waits')
    expect(await readJob(queue.database, id)).toMatchObject({ state: 'queued', attempts: 0 })
    queue.clock.advance(90_000)

    expect((await ended(id)).state).toBe('succeeded')
    expect(attempts).toEqual([1, 1])
  })

  test('background jobs leave the interactive slots free, interactive ones take any', async () => {
    const { started, open, handler } = gate()
    const runner = queue.runner({ 'source.sync': handler }, { lanes: { interactive: 1, background: 2 } })
    for (const source of [1, 2, 3]) {
      await enqueue(queue.database, syncJob(source))
    }
    await runner.start()
    await until(() => started.length === 2, 'two background jobs run')

    for (const source of [11, 12]) {
      await enqueue(queue.database, syncJob(source, { lane: 'interactive' }))
    }
    await until(() => started.length === 3, 'an interactive job runs')
    await Bun.sleep(100)

    expect(started).toEqual([1, 2, 11])
    open()
    await until(() => started.length === 5, 'all run')
  })

  test('interactive jobs use background slots that are free', async () => {
    const { started, open, handler } = gate()
    const runner = queue.runner({ 'source.sync': handler }, { lanes: { interactive: 1, background: 2 } })
    for (const source of [1, 2, 3, 4]) {
      await enqueue(queue.database, syncJob(source, { lane: 'interactive' }))
    }
    await runner.start()
    await until(() => started.length === 3, 'three interactive jobs run')
    await Bun.sleep(60)

    expect(started).toEqual([1, 2, 3])
    open()
  })

  test('an idle runner never turns to the writing side', async () => {
    await enqueue(queue.database, syncJob(1), START + 3_600_000)
    let writes = 0
    let reads = 0
    const watched = Object.defineProperties(Object.create(queue.database) as typeof queue.database, {
      write: { get: () => ((writes += 1), queue.database.write) },
      read: { get: () => ((reads += 1), queue.database.read) },
    })
    const runner = queue.runner({}, { database: watched, schedules: [] })

    await runner.start()
    await until(() => reads > 20, 'the runner has polled')

    expect(writes).toBe(0)
  })

  test('a database that fails for a while stops nothing for good', async () => {
    const runner = queue.runner({})
    await runner.start()
    await queue.database.write.schema.alterTable('jobs').renameTo('jobs_away').execute()
    await until(
      () => queue.log.some((entry) => entry.message === 'The job queue could not be worked on.'),
      'the failure is noticed',
    )
    await queue.database.write.schema.alterTable('jobs_away').renameTo('jobs').execute()

    expect((await ended(await enqueue(queue.database, syncJob(1)))).state).toBe('succeeded')
  })
})

describe('leases', () => {
  test('heartbeats keep a long job, so that nobody recovers it', async () => {
    const { started, open, handler } = gate()
    const id = await enqueue(queue.database, syncJob(1))
    await queue.runner({ 'source.sync': handler }, { leaseDuration: 900 }).start()
    await until(() => started.length === 1, 'the job runs')

    queue.clock.advance(100)
    await until(async () => (await readJob(queue.database, id)).lease_until === START + 1_000, 'the lease is extended')
    open()

    expect(await ended(id)).toMatchObject({ state: 'succeeded', attempts: 1 })
  })

  test('a lost lease aborts the handler, whose result is not written', async () => {
    const aborted = Promise.withResolvers<unknown>()
    const id = await enqueue(queue.database, syncJob(1))
    const runner = queue.runner(
      {
        'source.sync': async ({ signal }) => {
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
          aborted.resolve(signal.reason)
        },
      },
      { leaseDuration: 150 },
    )
    await runner.start()
    await until(async () => (await readJob(queue.database, id)).state === 'running', 'the job runs')

    await queue.database.write
      .updateTable('jobs')
      .set({ lease_owner: 'somebody else', attempts: 2 })
      .where('id', '=', id)
      .execute()
    await aborted.promise
    await runner.drain(5_000)

    expect(await readJob(queue.database, id)).toMatchObject({ state: 'running', lease_owner: 'somebody else', attempts: 2 })
  })

  test('a job whose row was removed is aborted', async () => {
    const id = await enqueue(queue.database, syncJob(1))
    const { started, handler } = gate()
    await queue.runner({ 'source.sync': handler }, { leaseDuration: 150 }).start()
    await until(() => started.length === 1, 'the job runs')

    await queue.database.write.deleteFrom('jobs').where('id', '=', id).execute()

    await until(
      () => queue.log.some((entry) => entry.message === 'A running job is no longer held by this process.'),
      'it is noticed',
    )
  })

  test('a job whose lease could not be extended in time is aborted', async () => {
    await enqueue(queue.database, syncJob(1))
    const aborted = Promise.withResolvers<void>()
    const runner = queue.runner(
      {
        'source.sync': async ({ signal }) => {
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
          aborted.resolve()
        },
      },
      { leaseDuration: 900 },
    )
    await runner.start()
    await until(
      async () => (await queue.database.read.selectFrom('jobs').select('state').executeTakeFirst())?.state === 'running',
      'it runs',
    )

    await queue.database.write.schema.alterTable('jobs').renameTo('jobs_away').execute()
    await aborted.promise
    await queue.database.write.schema.alterTable('jobs_away').renameTo('jobs').execute()

    expect(queue.log.some((entry) => entry.message === 'The leases of running jobs could not be extended.')).toBe(true)
  })

  test('an end that could not be recorded at once is recorded later', async () => {
    const id = await enqueue(queue.database, syncJob(1))
    const { started, open, handler } = gate()
    await queue.runner({ 'source.sync': handler }).start()
    await until(() => started.length === 1, 'the job runs')

    await queue.database.write.schema.alterTable('jobs').renameTo('jobs_away').execute()
    open()
    await Bun.sleep(150)
    await queue.database.write.schema.alterTable('jobs_away').renameTo('jobs').execute()

    expect(await ended(id)).toMatchObject({ state: 'succeeded', attempts: 1 })
  })

  test('at its start a runner takes over from dead owners and from expired leases', async () => {
    const dead = await enqueue(queue.database, syncJob(1))
    const claim = { lane: 'background', kinds: ['source.sync'], now: START } as const
    await claimNextJob(queue.database, { ...claim, owner: 'node-a/1', leaseUntil: START + 60_000 })
    const expired = await enqueue(queue.database, syncJob(2))
    await claimNextJob(queue.database, { ...claim, owner: 'node-b/1', leaseUntil: START })
    const alive = await enqueue(queue.database, syncJob(3))
    await claimNextJob(queue.database, { ...claim, owner: 'node-c/1', leaseUntil: START + 60_000 })

    await queue.runner({}, { deadOwners: 'node-a/' }).start()

    expect(await ended(dead)).toMatchObject({ state: 'succeeded', attempts: 2 })
    expect(await ended(expired)).toMatchObject({ state: 'succeeded', attempts: 2 })
    expect((await readJob(queue.database, alive)).state).toBe('running')
  })
})

describe('draining', () => {
  test('running jobs may end, queued ones are not begun', async () => {
    const { started, open, handler } = gate()
    const runner = queue.runner({ 'source.sync': handler }, { lanes: { interactive: 0, background: 1 } })
    const first = await enqueue(queue.database, syncJob(1))
    const second = await enqueue(queue.database, syncJob(2))
    await runner.start()
    await until(() => started.length === 1, 'the first job runs')

    const drained = runner.drain(30_000)
    open()
    await drained

    expect((await readJob(queue.database, first)).state).toBe('succeeded')
    expect((await readJob(queue.database, second)).state).toBe('queued')
  })

  test('after the timeout jobs are aborted and go back with their try', async () => {
    const { started, handler } = gate()
    const runner = queue.runner({ 'source.sync': handler })
    const id = await enqueue(queue.database, syncJob(1))
    await runner.start()
    await until(() => started.length === 1, 'the job runs')

    await runner.drain(20)

    expect(await readJob(queue.database, id)).toMatchObject({ state: 'queued', attempts: 0, run_at: START, lease_owner: null })
  })

  test('a job that succeeds in spite of the abort has succeeded', async () => {
    const id = await enqueue(queue.database, syncJob(1))
    const runner = queue.runner({
      'source.sync': async ({ signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      },
    })
    await runner.start()
    await until(async () => (await readJob(queue.database, id)).state === 'running', 'the job runs')

    await runner.drain(0)

    expect((await readJob(queue.database, id)).state).toBe('succeeded')
  })

  test('a handler that ignores its signal does not hold up the end, and its late result is not written', async () => {
    const late = Promise.withResolvers<void>()
    const runner = queue.runner({ 'source.sync': () => late.promise })
    const id = await enqueue(queue.database, syncJob(1))
    await runner.start()
    await until(async () => (await readJob(queue.database, id)).state === 'running', 'the job runs')

    const drained = runner.drain(60_000)
    await runner.stop()
    await drained
    expect(await readJob(queue.database, id)).toMatchObject({ state: 'queued', attempts: 0 })
    late.resolve()
    await Bun.sleep(50)

    expect(await readJob(queue.database, id)).toMatchObject({ state: 'queued', attempts: 0 })
  })

  test('a runner that was never started drains at once, and then does not start', async () => {
    const runner = queue.runner({})
    const id = await enqueue(queue.database, syncJob(1))

    await runner.drain(1_000)
    await runner.start()
    await Bun.sleep(60)

    expect((await readJob(queue.database, id)).state).toBe('queued')
  })
})
