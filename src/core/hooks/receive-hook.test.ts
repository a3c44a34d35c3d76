import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { createGitSource, packageCommit, publishedVersions, temporaryRepository } from '../../../test/kit/git-source.ts'
import { createHookSource, type HookSource } from '../../../test/kit/hook-source.ts'
import { DomainError } from '../kernel/errors.ts'
import { removeSource } from '../sources/index.ts'
import { listReceipts } from './manage-hooks.ts'

async function receiptsOf({ app, source }: HookSource) {
  const { items } = await listReceipts(app.ctx(), await source(), { limit: 500, after: null })
  return items
}

async function countSyncs({ app }: HookSource): Promise<number> {
  const jobs = await app.test.database.read.selectFrom('jobs').select('id').where('kind', '=', 'source.sync').execute()
  return jobs.length
}

describe('a delivery that proves itself', () => {
  test('asks for a sync, and its receipt says which', async () => {
    const hooked = await createHookSource()
    hooked.app.leaveJobs()

    const received = await hooked.deliver({ text: '{"ref":"refs/tags/v1"}', delivery: 'one' })

    expect(received).toEqual({ kind: 'requested', job: expect.any(Number) })
    expect(await receiptsOf(hooked)).toMatchObject([
      {
        provider: 'github',
        delivery: 'one',
        event: 'push',
        outcome: 'accepted',
        reason: null,
        job: received.kind === 'requested' ? received.job : null,
        bodySha256: createHash('sha256').update('{"ref":"refs/tags/v1"}').digest('hex'),
        receivedAt: hooked.app.clock.now(),
      },
    ])
    expect((await hooked.source()).hookSeenAt).toBe(hooked.app.clock.now())
  })

  test('joins the sync that waits already', async () => {
    const hooked = await createHookSource()
    hooked.app.leaveJobs()

    const first = await hooked.deliver({ delivery: 'one' })
    const second = await hooked.deliver({ delivery: 'two' })

    expect(second).toEqual(first)
    expect(await countSyncs(hooked)).toBe(1)
  })

  test('about something else than branches and tags is kept but asks for nothing', async () => {
    const hooked = await createHookSource()

    expect(await hooked.deliver({ event: 'ping', about: 'ping' })).toEqual({ kind: 'ping' })
    expect(await hooked.deliver({ event: 'star', about: 'other' })).toEqual({ kind: 'ignored' })

    expect(await receiptsOf(hooked)).toMatchObject([
      { event: 'star', outcome: 'ignored', reason: 'other_event', job: null },
      { event: 'ping', outcome: 'ignored', reason: 'ping', job: null },
    ])
    expect((await hooked.source()).hookSeenAt).toBeNull()
  })

  test('abuse 46: that is repeated asks for nothing more, even when its copies arrive together', async () => {
    const hooked = await createHookSource()
    hooked.app.leaveJobs()

    const received = await Promise.all(Array.from({ length: 5 }, () => hooked.deliver({ delivery: 'same' })))

    expect(received.map(({ kind }) => kind).toSorted()).toEqual(['duplicate', 'duplicate', 'duplicate', 'duplicate', 'requested'])
    expect(await countSyncs(hooked)).toBe(1)
  })

  test('is not taken for a copy of a refused or ignored one, nor of another provider’s', async () => {
    const hooked = await createHookSource()
    hooked.app.leaveJobs()
    await hooked.deliver({ delivery: 'same', secret: 'wrong' }).catch(() => null)
    await hooked.deliver({ delivery: 'same', event: 'star', about: 'other' })

    expect((await hooked.deliver({ delivery: 'same' })).kind).toBe('requested')
    expect((await hooked.deliver({ delivery: 'same', provider: 'gitea' })).kind).toBe('requested')
    expect((await hooked.deliver({ delivery: 'same' })).kind).toBe('duplicate')
  })

  test('without an id is never taken for a copy', async () => {
    const hooked = await createHookSource()
    hooked.app.leaveJobs()

    expect((await hooked.deliver()).kind).toBe('requested')
    expect((await hooked.deliver()).kind).toBe('requested')
  })
})

describe('a delivery that does not prove itself', () => {
  test('abuse 46: is refused, and the receipt says why without a word of the body', async () => {
    const hooked = await createHookSource()

    expect(hooked.deliver({ secret: 'wrong', text: 'PAYLOAD' })).rejects.toMatchObject({
      code: 'hook_refused',
      details: { reason: 'invalid_signature' },
    })
    await Bun.sleep(0)

    expect(await receiptsOf(hooked)).toMatchObject([{ outcome: 'refused', reason: 'invalid_signature', job: null }])
    expect(JSON.stringify(await receiptsOf(hooked))).not.toContain('PAYLOAD')
    expect(await countSyncs(hooked)).toBe(0)
  })

  test('abuse 46: is refused without reading the body where that is possible', async () => {
    const hooked = await createHookSource()
    const body = () => Promise.reject(new Error('The body was read.'))

    for (const proof of [
      { kind: 'token', value: 'wrong' },
      { kind: 'token', value: null },
      { kind: 'signature', value: null },
      { kind: 'timestamped', at: 0, value: '0'.repeat(64) },
    ] as const) {
      await expect(hooked.deliver({ proof, body })).rejects.toMatchObject({ code: 'hook_refused' })
    }
  })

  test('abuse 46: to an unknown source, or one without a hook, is refused before anything else', async () => {
    const hooked = await createHookSource()
    const { read, write } = hooked.app.test.database
    const body = () => Promise.reject(new Error('The body was read.'))

    await expect(hooked.deliver({ source: 'unknown', body })).rejects.toMatchObject({ code: 'source_not_found' })
    await write.deleteFrom('hooks').execute()
    await expect(hooked.deliver({ body })).rejects.toMatchObject({ code: 'hook_not_found' })

    expect(await read.selectFrom('hook_receipts').select('id').execute()).toEqual([])
  })

  test('to a source that was removed finds nothing any more, and its receipts are gone', async () => {
    const hooked = await createHookSource()
    hooked.app.leaveJobs()
    await hooked.deliver({ delivery: 'one' })

    await removeSource(hooked.app.ctx(), await hooked.source())

    await expect(hooked.deliver({ delivery: 'two' })).rejects.toMatchObject({ code: 'source_not_found' })
    expect(await hooked.app.test.database.read.selectFrom('hook_receipts').select('id').execute()).toEqual([])
    expect(await hooked.app.test.database.read.selectFrom('hooks').select('id').execute()).toEqual([])
  })

  test('abuse 46: with a body that is too large is refused as such, and the receipt says so', async () => {
    const hooked = await createHookSource()
    const body = () => Promise.reject(new DomainError('body_too_large', { limit: '1 byte' }))

    await expect(hooked.deliver({ body })).rejects.toMatchObject({ code: 'body_too_large' })

    expect(await receiptsOf(hooked)).toMatchObject([{ outcome: 'refused', reason: 'body_too_large', bodySha256: null }])
  })
})

test('abuse 46: a burst of 10,000 leads to one sync, and what is too much is refused before its body is read', async () => {
  const hooked = await createHookSource()
  hooked.app.leaveJobs()
  let read = 0

  const outcomes = new Map<string, number>()
  for (let number = 0; number < 10_000; number += 1) {
    const body = async (take: (part: Uint8Array) => void) => {
      read += 1
      take(Buffer.from('{}'))
    }
    const outcome = await hooked.deliver({ delivery: `burst-${number}`, body }).then(
      ({ kind }) => kind,
      (error: DomainError) => error.code,
    )
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }

  expect(Object.fromEntries(outcomes)).toEqual({ requested: 600, request_limited: 9_400 })
  expect(read).toBe(600)
  expect(await countSyncs(hooked)).toBe(1)
}, 20_000)

test('PR-507: a delivery while a sync runs leads to another sync, so nothing is lost', async () => {
  const repository = await temporaryRepository()
  const [first = '', second = ''] = await repository.commit(packageCommit({}), packageCommit({ description: 'Second.' }))
  await repository.setRefs({ 'refs/tags/1.0.0': first })
  const { app, source } = await createGitSource(repository)
  const hooked = await createHookSource({ app, source })
  await app.test.database.write
    .updateTable('jobs')
    .set({ state: 'running', lease_owner: 'other', lease_until: app.clock.now() + 60_000 })
    .where('kind', '=', 'source.sync')
    .execute()
  await repository.setRefs({ 'refs/tags/1.1.0': second })

  const received = await hooked.deliver({ delivery: 'during' })

  if (received.kind !== 'requested') {
    throw new Error('No sync was asked for.')
  }
  const jobs = await app.test.database.read.selectFrom('jobs').select(['id', 'state']).where('kind', '=', 'source.sync').execute()
  expect(jobs).toEqual([
    { id: expect.any(Number), state: 'running' },
    { id: received.job, state: 'queued' },
  ])
  await app.test.database.write.updateTable('jobs').set({ state: 'succeeded' }).where('state', '=', 'running').execute()
  await app.runJobs()
  expect((await publishedVersions(app)).map(({ version }) => version)).toEqual(['1.0.0', '1.1.0'])
})

test('no secret is in an event, a receipt, a job or the log', async () => {
  const hooked = await createHookSource()
  hooked.app.leaveJobs()
  await hooked.deliver({ proof: { kind: 'token', value: hooked.hook.secret }, event: null, provider: 'git' })
  await hooked.deliver({ proof: { kind: 'token', value: `${hooked.hook.secret}x` } }).catch(() => null)
  hooked.app.ports.log.warn('Told to the log by mistake.', { secret: hooked.hook.secret })

  const { read } = hooked.app.test.database
  const stored = [
    await read.selectFrom('events').selectAll().execute(),
    await read.selectFrom('hook_receipts').selectAll().execute(),
    await read.selectFrom('hooks').selectAll().execute(),
    await read.selectFrom('jobs').selectAll().execute(),
    hooked.app.warnings.splice(0),
  ]
  expect(JSON.stringify(stored)).toContain('Told to the log')
  expect(JSON.stringify(stored)).not.toContain(hooked.hook.secret)
})

test('deliveries to a source that is being removed are taken or find nothing, and leave nothing behind', async () => {
  const hooked = await createHookSource()
  hooked.app.leaveJobs()
  const source = await hooked.source()
  const deliver = (number: number) =>
    hooked.deliver({ delivery: `racing-${number}` }).then(
      ({ kind }) => kind,
      (error: unknown) => (error instanceof DomainError ? error.code : String(error)),
    )

  const [, ...outcomes] = await Promise.all([
    removeSource(hooked.app.ctx(), source),
    ...Array.from({ length: 8 }, (_, n) => deliver(n)),
  ])

  for (const outcome of outcomes) {
    expect(['requested', 'source_not_found', 'hook_not_found']).toContain(outcome)
  }
  expect(await hooked.app.test.database.read.selectFrom('hook_receipts').select('id').execute()).toEqual([])
})
