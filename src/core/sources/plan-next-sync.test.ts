import { expect, test } from 'bun:test'
import { planNextSync, syncInterval } from './plan-next-sync.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** CRC-32 of an empty text is 0, so nothing is added. */
const source = { uid: '', syncInterval: null, hookSeenAt: null, overdueSyncs: 0 }

test.each([
  ['without a hook', {}, 15 * MINUTE],
  ['with a hook that worked today', { hookSeenAt: NOW - HOUR }, HOUR],
  ['with a hook that was silent for a week', { hookSeenAt: NOW - 7 * DAY }, 15 * MINUTE],
  ['as somebody chose, whatever the hook does', { hookSeenAt: NOW, syncInterval: 600 }, 10 * MINUTE],
])('a source is looked at %s', (_, change, interval) => {
  expect(syncInterval({ ...source, ...change }, NOW)).toBe(interval)
  expect(planNextSync({ ...source, ...change }, NOW)).toBe(NOW + interval)
})

test('the pause doubles while no sync succeeds, up to a day', () => {
  const pauses = [0, 1, 2, 3, 7, 8, 1000].map((overdueSyncs) => planNextSync({ ...source, overdueSyncs }, NOW) - NOW)

  expect(pauses.map((pause) => pause / MINUTE)).toEqual([15, 15, 30, 60, 960, 1440, 1440])
})

test('an interval of more than a day stays what it is', () => {
  const slow = { ...source, syncInterval: 30 * 24 * 3600, overdueSyncs: 5 }

  expect(planNextSync(slow, NOW)).toBe(NOW + 30 * DAY)
})

test('sources that were added together part, within an eighth of their interval', () => {
  const uids = Array.from({ length: 200 }, (_, number) => `0195-${number}`)
  const parts = uids.map((uid) => (planNextSync({ ...source, uid }, NOW) - NOW) / (15 * MINUTE))

  expect(Math.min(...parts)).toBeGreaterThanOrEqual(1)
  expect(Math.max(...parts)).toBeLessThanOrEqual(1.125)
  expect(Math.max(...parts) - Math.min(...parts)).toBeGreaterThan(0.1)
})
