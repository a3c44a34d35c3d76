import { expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import type { Attempt, Attempts } from '../../core/kernel/ports.ts'
import { createAttempts } from './attempts.ts'

const MINUTE = 60_000

function login(account = 'ada@example.com', address = '192.0.2.1'): Attempt {
  return { purpose: 'login', account, address }
}

/** The waits that so many wrong tries meet, waiting each time as long as it was said. */
async function failWith(app: TestApp, count: number, attempt: (index: number) => Attempt = () => login()): Promise<number[]> {
  const waits: number[] = []
  for (let index = 0; index < count; index += 1) {
    const wait = await app.ports.attempts.admit(attempt(index))
    waits.push(wait ?? 0)
    if (wait !== null) {
      app.clock.advance(wait)
      expect(await app.ports.attempts.admit(attempt(index))).toBeNull()
    }
  }
  return waits
}

test('after five wrong tries each further one waits twice as long, up to a quarter of an hour', async () => {
  const app = await createTestApp()

  const waits = await failWith(app, 13)

  expect(waits.map((wait) => wait / 1000)).toEqual([0, 0, 0, 0, 0, 15, 30, 60, 120, 240, 480, 900, 900])
})

test('tries made at once cannot pass together, whichever process hears them', async () => {
  const app = await createTestApp()
  const others: Attempts[] = [app.test.openAnother(), app.test.openAnother()].map((database) =>
    createAttempts({ clock: app.clock, database }),
  )
  const all = [app.ports.attempts, ...others]

  const waits = await Promise.all(Array.from({ length: 30 }, (_, index) => (all[index % 3] ?? app.ports.attempts).admit(login())))

  expect(waits.filter((wait) => wait === null)).toHaveLength(5)
})

test('the right try forgets the wrong ones before it', async () => {
  const app = await createTestApp()
  await failWith(app, 4)

  expect(await app.ports.attempts.admit(login())).toBeNull()
  await app.ports.attempts.succeed(login())

  expect(await failWith(app, 5)).toEqual([0, 0, 0, 0, 0])
})

test('a try that has to wait is not counted, so impatience does not make it longer', async () => {
  const app = await createTestApp()
  await failWith(app, 5)

  for (let index = 0; index < 50; index += 1) {
    expect(await app.ports.attempts.admit(login())).toBe(15_000)
  }
  app.clock.advance(15_000)
  expect(await app.ports.attempts.admit(login())).toBeNull()
})

test('an address that tries many accounts is slowed down, and one /64 network counts as one', async () => {
  const app = await createTestApp()

  const waits = await failWith(app, 52, (index) => login(`user${index}@example.com`, `2001:db8:1:2::${index + 1}`))

  expect(waits.slice(0, 50).every((wait) => wait === 0)).toBe(true)
  expect(waits.slice(50)).toEqual([10_000, 20_000])
  expect(await app.ports.attempts.admit(login('other@example.com', '2001:db8:1:3::1'))).toBeNull()
})

test('a right try of their own does not free an address that guesses others', async () => {
  const app = await createTestApp()
  await failWith(app, 60, (index) => login(`user${index}@example.com`))
  app.clock.advance(15 * MINUTE)

  expect(await app.ports.attempts.admit(login('own@example.com'))).toBeNull()
  await app.ports.attempts.succeed(login('own@example.com'))

  expect(await app.ports.attempts.admit(login('next@example.com'))).toBeNull()
  expect(await app.ports.attempts.admit(login('last@example.com'))).toBe(15 * MINUTE)
})

test('many addresses that try one account wait less than a minute, and do not keep its owner out', async () => {
  const app = await createTestApp()
  await app.ports.attempts.admit(login('ada@example.com', '198.51.100.7'))
  await app.ports.attempts.succeed(login('ada@example.com', '198.51.100.7'))

  const waits = await failWith(app, 30, (index) => login('ada@example.com', `203.0.113.${index}`))

  expect(Math.max(...waits)).toBe(45_000)
  expect(await app.ports.attempts.admit(login('ADA@example.com ', '198.51.100.7'))).toBeNull()
  expect(await app.ports.attempts.admit(login('ada@example.com', '198.51.100.8'))).not.toBeNull()
})

test('purposes count by themselves, and what was typed is not stored', async () => {
  const app = await createTestApp()
  await failWith(app, 5)

  expect(await app.ports.attempts.admit({ ...login(), purpose: 'second-factor' })).toBeNull()
  const rows = await app.ports.database.read.selectFrom('attempts').selectAll().execute()
  expect(JSON.stringify(rows)).not.toContain('ada')
})

test('a clock that is set back never makes a wait longer than its rule', async () => {
  const app = await createTestApp()
  await failWith(app, 12)

  app.clock.advance(-365 * 24 * 60 * MINUTE)

  expect(await app.ports.attempts.admit(login())).toBe(15 * MINUTE)
})

test('old failures are forgotten and their rows go', async () => {
  const app = await createTestApp()
  await failWith(app, 5)
  app.clock.advance(25 * 60 * MINUTE)

  expect(await failWith(app, 5)).toEqual([0, 0, 0, 0, 0])
  app.clock.advance(25 * 60 * MINUTE)
  await app.ports.attempts.admit(login('other@example.com', '192.0.2.9'))
  const rows = await app.ports.database.read.selectFrom('attempts').select('key').execute()

  expect(rows).toHaveLength(3)
})
