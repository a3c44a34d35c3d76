import { expect, test } from 'bun:test'
import { createHookSource } from '../../../test/kit/hook-source.ts'
import { createTestApp } from '../../../test/kit/app.ts'
import { addSource, removeSource } from '../sources/index.ts'
import { getHook, listReceipts, rotateHook } from './manage-hooks.ts'
import { purgeReceipts } from './purge-receipts.ts'

const SECRET = /^[0-9A-Za-z]{40}$/

async function newSource() {
  const app = await createTestApp()
  app.leaveJobs()
  const { id: organization } = await app.organization()
  const { source } = await addSource(app.ctx(), { organization, url: 'https://git.example.org/a.git', credential: null })
  return { app, organization, source }
}

test('a hook is made when it is asked for first, and shows the same secret again', async () => {
  const { app, source } = await newSource()

  const first = await getHook(app.ctx(), source)
  const again = await getHook(app.ctx(), source)

  expect(first.secret).toMatch(SECRET)
  expect(again).toEqual(first)
  expect(app.events.filter(({ type }) => type === 'hook.created')).toHaveLength(1)
})

test('of several who ask for a hook together, all get the same one', async () => {
  const { app, source } = await newSource()

  const hooks = await Promise.all(Array.from({ length: 5 }, () => getHook(app.ctx(), source)))

  expect(new Set(hooks.map(({ secret }) => secret)).size).toBe(1)
})

test('after a rotation the old secret is accepted for 24 hours, and not one second longer', async () => {
  const hooked = await createHookSource()
  hooked.app.leaveJobs()
  const rotated = await rotateHook(hooked.app.ctx(), await hooked.source())

  expect(rotated.secret).not.toBe(hooked.hook.secret)
  expect(rotated.previousUntil).toBe(hooked.app.clock.now() + 24 * 60 * 60 * 1000)
  hooked.app.clock.advance('23 hours')
  expect((await hooked.deliver({ secret: hooked.hook.secret })).kind).toBe('requested')
  expect((await hooked.deliver({ secret: rotated.secret })).kind).toBe('requested')
  hooked.app.clock.advance('1 hour')
  await expect(hooked.deliver({ secret: hooked.hook.secret })).rejects.toMatchObject({ code: 'hook_refused' })
  expect((await hooked.deliver({ secret: rotated.secret })).kind).toBe('requested')
  expect((await getHook(hooked.app.ctx(), await hooked.source())).previousUntil).toBeNull()
})

test('rotating twice ends a secret at once', async () => {
  const hooked = await createHookSource()
  await rotateHook(hooked.app.ctx(), await hooked.source())
  await rotateHook(hooked.app.ctx(), await hooked.source())

  await expect(hooked.deliver({ secret: hooked.hook.secret })).rejects.toMatchObject({ code: 'hook_refused' })
})

test('rotating a hook that was never shown makes it', async () => {
  const { app, source } = await newSource()

  expect((await rotateHook(app.ctx(), source)).secret).toMatch(SECRET)
})

test('a source that was removed has no hook', async () => {
  const { app, source } = await newSource()
  await removeSource(app.ctx(), source)

  await expect(getHook(app.ctx(), source)).rejects.toMatchObject({ code: 'source_not_found' })
  await expect(rotateHook(app.ctx(), source)).rejects.toMatchObject({ code: 'source_not_found' })
})

test('whoever may change sources may see hooks; others may not', async () => {
  const { app, organization, source } = await newSource()
  const other = await app.organization('other')
  const page = { limit: 10, after: null }
  const update = await app.token(organization, 'update')

  await getHook(app.ctx(update.actor), source)
  for (const { actor } of [await app.token(organization), await app.token(other.id, 'update')]) {
    await expect(getHook(app.ctx(actor), source)).rejects.toMatchObject({ kind: 'forbidden' })
    await expect(rotateHook(app.ctx(actor), source)).rejects.toMatchObject({ kind: 'forbidden' })
    await expect(listReceipts(app.ctx(actor), source, page)).rejects.toMatchObject({ kind: 'forbidden' })
  }
})

test('receipts are read page by page, newest first', async () => {
  const hooked = await createHookSource()
  for (const event of ['one', 'two', 'three']) {
    await hooked.deliver({ event, about: 'other' })
  }

  const first = await listReceipts(hooked.app.ctx(), await hooked.source(), { limit: 2, after: null })
  const second = await listReceipts(hooked.app.ctx(), await hooked.source(), { limit: 2, after: first.next })

  expect(first.items.map(({ event }) => event)).toEqual(['three', 'two'])
  expect(second).toMatchObject({ items: [{ event: 'one' }], next: null })
})

test('receipts are kept for 30 days, and 10,000 of a source', async () => {
  const hooked = await createHookSource()
  const source = await hooked.source()
  await hooked.deliver({ event: 'old', about: 'other' })
  hooked.app.clock.advance('31 days')
  const row = { source_id: source.id, provider: 'git', outcome: 'ignored', reason: 'other_event' } as const
  for (let portion = 0; portion < 21; portion += 1) {
    const rows = Array.from({ length: 500 }, () => ({ ...row, received_at: hooked.app.clock.now() }))
    await hooked.app.test.database.write.insertInto('hook_receipts').values(rows).execute()
  }
  await hooked.deliver({ event: 'new', about: 'other' })

  expect(await purgeReceipts(hooked.app.ctx())).toBe(502)
  expect(await purgeReceipts(hooked.app.ctx())).toBe(0)

  const { items } = await listReceipts(hooked.app.ctx(), source, { limit: 1, after: null })
  const left = await hooked.app.test.database.read.selectFrom('hook_receipts').select('id').execute()
  expect(items).toMatchObject([{ event: 'new' }])
  expect(left).toHaveLength(10_000)
})
