import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createTestDatabase, type TestDatabase } from '../../../test/kit/database.ts'
import type { Upstreams } from '../../core/kernel/ports.ts'
import { createTestClock, type TestClock } from '../clock/test-clock.ts'
import { purgeLeases } from './upstream-leases.ts'
import { createUpstreams } from './upstreams.ts'

let scratch: TestDatabase
let clock: TestClock
let upstreams: Upstreams

beforeEach(async () => {
  scratch = await createTestDatabase()
  clock = createTestClock('2026-03-01T12:00:00Z')
  upstreams = createUpstreams({ clock, database: scratch.database })
})

afterEach(() => scratch.drop())

const always = () => true
const fail = async () => Promise.reject(new Error('It failed.'))

async function failTimes(times: number): Promise<void> {
  for (let index = 0; index < times; index += 1) {
    await expect(upstreams.guard('https://r.example', fail, always)).rejects.toThrow('It failed.')
  }
}

describe('the breaker of a host', () => {
  test('abuse 29: opens after failures in a row, for a time that doubles up to five minutes', async () => {
    await failTimes(5)
    const waits: number[] = []
    for (let round = 0; round < 8; round += 1) {
      const refusal: unknown = await upstreams.guard('https://r.example', fail, always).catch((error: unknown) => error)
      const { seconds } = (refusal as { details: { seconds: number } }).details
      waits.push(seconds)
      clock.advance(seconds * 1000)
      await failTimes(1)
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300])
  })

  test('lets one call find out, while the others are refused', async () => {
    await failTimes(5)
    clock.advance('6 seconds')
    const { promise, resolve } = Promise.withResolvers<string>()
    const probe = upstreams.guard('https://r.example', () => promise, always)
    await expect(upstreams.guard('https://r.example', fail, always)).rejects.toMatchObject({ code: 'upstream_paused' })
    resolve('back')
    expect(await probe).toBe('back')
    await failTimes(4)
    expect(upstreams.open().size).toBe(0)
  })

  test('forgets failures with the first success, and knows no other host', async () => {
    await failTimes(4)
    expect(await upstreams.guard('https://r.example', async () => 'good', always)).toBe('good')
    await failTimes(5)
    expect(await upstreams.guard('https://other.example', async () => 'good', always)).toBe('good')
    await expect(upstreams.guard('https://r.example', fail, always)).rejects.toMatchObject({ code: 'upstream_paused' })
  })
})

describe('a call per key', () => {
  test('abuse 32: is shared by all who ask meanwhile, with its failure', async () => {
    let calls = 0
    const work = async () => {
      calls += 1
      await Bun.sleep(5)
      if (calls === 1) throw new Error('It failed.')
      return calls
    }
    const first = await Promise.allSettled([
      upstreams.once('a', work),
      upstreams.once('a', work),
      upstreams.once('b', async () => 7),
    ])
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
    expect(await Promise.all([upstreams.once('a', work), upstreams.once('a', work)])).toEqual([2, 2])
  })
})

describe('a lease', () => {
  test('is held by one of all processes until it is given back or over', async () => {
    const other = createUpstreams({ clock, database: scratch.openAnother() })
    const mine = await upstreams.lease('a')
    expect(mine).not.toBeNull()
    expect(await other.lease('a')).toBeNull()
    expect(await upstreams.lease('a')).toBeNull()
    expect(await other.lease('b')).not.toBeNull()
    await mine?.release()
    const theirs = await other.lease('a')
    expect(theirs).not.toBeNull()
    await mine?.release()
    expect(await upstreams.lease('a')).toBeNull()
    clock.advance('16 seconds')
    expect(await upstreams.lease('a')).not.toBeNull()
    await theirs?.release()
    expect(await other.lease('a')).toBeNull()
  })

  test('waits for whoever writes, and everything else goes on meanwhile', async () => {
    let turns = 0
    const timer = setInterval(() => (turns += 1), 5)
    const writing = scratch
      .openAnother()
      .write.transaction()
      .execute(async (db) => {
        await db.deleteFrom('upstream_leases').execute()
        await Bun.sleep(150)
      })
    await Bun.sleep(10)
    expect(await upstreams.lease('a')).not.toBeNull()
    await writing
    clearInterval(timer)
    expect(turns).toBeGreaterThan(5)
  })

  test('that is over is removed, one that holds stays', async () => {
    const { database } = scratch
    await upstreams.lease('over')
    clock.advance('16 seconds')
    const held = await upstreams.lease('held')
    await purgeLeases(database, clock.now())
    const rows = await database.read.selectFrom('upstream_leases').select('key').execute()
    expect(rows).toEqual([{ key: 'held' }])
    await held?.release()
  })

  test('is taken by one of many who try at once', async () => {
    const other = createUpstreams({ clock, database: scratch.openAnother() })
    const tries = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? upstreams : other).lease('a'))
    expect((await Promise.all(tries)).filter((lease) => lease !== null)).toHaveLength(1)
  })
})

describe('a note', () => {
  test('holds until its moment, in this process', () => {
    upstreams.note('a', clock.now() + 1000)
    expect([upstreams.notedUntil('a'), upstreams.notedUntil('b')]).toEqual([clock.now() + 1000, null])
    clock.advance(1000)
    expect(upstreams.notedUntil('a')).toBeNull()
  })

  test('is forgotten when there are too many, the oldest first', () => {
    for (let index = 0; index <= 20_000; index += 1) upstreams.note(`${index}`, clock.now() + 1000)
    expect(['0', '1', '20000'].map((key) => upstreams.notedUntil(key) !== null)).toEqual([false, true, true])
  })
})
