import { expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import type { RateLimit } from '../../core/kernel/ports.ts'
import type { Database } from '../db/database.ts'
import { createSharedLimiter, MAX_KEYS, type SharedLimiter } from './shared-limiter.ts'

const RULES = { api: null, downloads: null, composer: null, failures: null }
const TEN: RateLimit = { limit: 10, window: 60_000 }

function limiterOf(app: TestApp, database: Database = app.ports.database): SharedLimiter {
  return createSharedLimiter({ clock: app.clock, database, rules: RULES })
}

function takeMany(limiter: SharedLimiter, count: number, key = 'token:1'): number {
  let allowed = 0
  for (let index = 0; index < count; index += 1) {
    allowed += limiter.take(key, TEN).allowed ? 1 : 0
  }
  return allowed
}

test('PR-017 a window lets its limit through, tells what remains and when it ends, and the next one begins anew', async () => {
  const app = await createTestApp()
  const limiter = limiterOf(app)
  app.clock.advance(15_000)

  const first = limiter.take('token:1', TEN)
  const allowed = takeMany(limiter, 20)
  const refused = limiter.take('token:1', TEN)

  expect(first).toEqual({ allowed: true, limit: 10, remaining: 9, resetAt: Date.parse('2026-03-01T12:01:00Z') })
  expect(allowed).toBe(9)
  expect(refused).toMatchObject({ allowed: false, remaining: 0 })
  expect(limiter.take('token:2', TEN).allowed).toBe(true)
  app.clock.advance(45_000)
  expect(limiter.take('token:1', TEN)).toMatchObject({ allowed: true, remaining: 9 })
})

test('a clock that is set back begins another window and holds nobody back', async () => {
  const app = await createTestApp()
  const limiter = limiterOf(app)
  takeMany(limiter, 10)

  app.clock.advance(-3_600_000)

  const taken = limiter.take('token:1', TEN)
  expect(taken).toMatchObject({ allowed: true, remaining: 9, resetAt: Date.parse('2026-03-01T11:01:00Z') })
})

test('processes that exchange share one limit, and each count is told once', async () => {
  const app = await createTestApp()
  const left = limiterOf(app)
  const right = limiterOf(app, app.test.openAnother())
  takeMany(left, 4)
  takeMany(right, 3)

  await Promise.all([left.exchange(), right.exchange()])
  await Promise.all([left.exchange(), right.exchange()])
  const rows = await app.ports.database.read.selectFrom('rate_counts').select(['key', 'count']).execute()
  const more = takeMany(right, 20)
  await right.exchange()
  takeMany(left, 1)
  await left.exchange()

  expect(rows).toEqual([{ key: 'token:1', count: 7 }])
  expect(more).toBeLessThanOrEqual(7)
  expect(takeMany(left, 20)).toBe(0)
  expect(takeMany(right, 20)).toBe(0)
})

test('many processes that count the same keys at once lose nothing', async () => {
  const app = await createTestApp()
  const limiters = Array.from({ length: 4 }, () => limiterOf(app, app.test.openAnother()))
  const keys = Array.from({ length: 30 }, (_, index) => `token:${index}`)

  await Promise.all(
    limiters.map(async (limiter, index) => {
      for (const key of index % 2 === 0 ? keys : keys.toReversed()) {
        takeMany(limiter, 2, key)
      }
      await limiter.exchange()
    }),
  )

  const rows = await app.ports.database.read.selectFrom('rate_counts').select('count').execute()
  expect(rows.map((row) => row.count)).toEqual(keys.map(() => 8))
})

test('whoever stays far below a limit causes no write, and stored counts go after their window', async () => {
  const app = await createTestApp()
  const limiter = limiterOf(app)
  const count = async () => (await app.ports.database.read.selectFrom('rate_counts').select('key').execute()).length

  limiter.take('token:1', { limit: 1000, window: 60_000 })
  await limiter.exchange()
  expect(await count()).toBe(0)
  takeMany(limiter, 1)
  await limiter.exchange()
  expect(await count()).toBe(1)
  app.clock.advance(300_000)
  takeMany(limiter, 1, 'token:2')
  await limiter.exchange()

  expect(await count()).toBe(1)
})

test('counts that could not be told stay and are told later', async () => {
  const app = await createTestApp()
  const failing = {
    write: {
      insertInto: () => {
        throw new Error('The database is away.')
      },
    },
  } as unknown as Database
  const limiter = limiterOf(app, failing)
  takeMany(limiter, 6)

  await expect(limiter.exchange()).rejects.toThrow('The database is away.')

  expect(takeMany(limiter, 20)).toBe(4)
})

test('a flood of keys neither grows the memory nor frees the one that is held back', async () => {
  const app = await createTestApp()
  const limiter = limiterOf(app)
  takeMany(limiter, 10, 'address:attacker')
  const before = process.memoryUsage().heapUsed

  for (let index = 0; index < MAX_KEYS * 4; index += 1) {
    limiter.take(`address:${index}`, TEN)
  }

  expect(limiter.take('address:attacker', TEN).allowed).toBe(false)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(120 * 1024 * 1024)
})
