import { beforeEach, expect, test } from 'bun:test'
import { SYSTEM } from '../../app.ts'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import type { EventId, Instant, OrganizationId } from '../kernel/values.ts'
import { EventFollower } from './event-follower.ts'

let app: TestApp
let follower: EventFollower
let organization: OrganizationId

beforeEach(async () => {
  app = await createTestApp()
  organization = (await app.organization('acme')).id
  follower = new EventFollower(app.ports.database.read)
  await follower.start()
})

function switchNotices(on: boolean): Promise<void> {
  return app.ctx(SYSTEM).transaction((tx) => tx.record({ type: 'notices.switched', organization, on }))
}

async function read(): Promise<unknown[]> {
  const events = await follower.read(app.ports.clock.now())
  return events.map((event) => (event.type === 'notices.switched' ? event.on : event.type))
}

/** An event under an id that its transaction was given long before it committed. */
async function commitLate(id: EventId): Promise<void> {
  const row = await app.ports.database.read.selectFrom('events').selectAll().orderBy('id', 'desc').limit(1).executeTakeFirst()
  const late = { ...row, id, uid: `late-${id}`, type: 'notices.switched', data: '{"on":"late"}' } as never
  await app.ports.database.write.insertInto('events').values(late).execute()
}

async function newest(): Promise<EventId> {
  const row = await app.ports.database.read
    .selectFrom('events')
    .select((select) => select.fn.max('id').as('id'))
    .executeTakeFirst()
  return Number(row?.id) as EventId
}

async function skipIds(count: number): Promise<EventId> {
  const id = (await newest()) + count + 1
  await commitLate(id as EventId)
  return id as EventId
}

test('events are read once, in their order, from the start on', async () => {
  await switchNotices(true)
  await switchNotices(false)

  expect(await read()).toEqual([true, false])
  expect(await read()).toEqual([])
})

test('an event that appears after one with a higher id is read when it appears', async () => {
  const higher = await skipIds(3)

  expect(await read()).toEqual(['late'])
  await commitLate((higher - 2) as EventId)
  expect(await read()).toEqual(['late'])
  expect(await read()).toEqual([])
})

test('an id that stays empty is given up', async () => {
  const higher = await skipIds(2)
  await read()
  app.clock.advance('11 seconds')
  await read()

  await commitLate((higher - 1) as EventId)

  expect(await read()).toEqual([])
})

test('a follower that was never started refuses to read', async () => {
  const fresh = new EventFollower(app.ports.database.read)

  await expect(fresh.read(0 as Instant)).rejects.toThrow('not started')
})
