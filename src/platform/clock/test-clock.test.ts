import { expect, test } from 'bun:test'
import { systemClock } from './system-clock.ts'
import { createTestClock } from './test-clock.ts'

test('a test clock stands still until it is moved', () => {
  const clock = createTestClock('2026-01-02T03:04:05Z')

  expect(clock.now()).toBe(Date.UTC(2026, 0, 2, 3, 4, 5))
  expect(clock.now()).toBe(Date.UTC(2026, 0, 2, 3, 4, 5))
})

test('a test clock advances by milliseconds and by words, and can jump back', () => {
  const clock = createTestClock(0)

  clock.advance(5)
  clock.advance('1 second')
  clock.advance('15 minutes')
  clock.advance('2 days')
  expect(clock.now()).toBe(5 + 1000 + 900_000 + 172_800_000)
  clock.advance('-2 days')
  expect(clock.now()).toBe(901_005)
  clock.set(7)
  expect(clock.now()).toBe(7)
})

test('words that are not a duration and texts that are not a time are refused', () => {
  expect(() => createTestClock(0).advance('15 fortnights')).toThrow('is not a duration')
  expect(() => createTestClock(0).advance('soon')).toThrow('is not a duration')
  expect(() => createTestClock('yesterday')).toThrow('is not a point in time')
})

test('the system clock counts milliseconds', () => {
  const before = Date.now()
  const now = systemClock.now()

  expect(now).toBeGreaterThanOrEqual(before)
  expect(now).toBeLessThanOrEqual(Date.now())
})
