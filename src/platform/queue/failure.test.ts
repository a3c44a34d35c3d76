import { describe, expect, test } from 'bun:test'
import { DomainError } from '../../core/kernel/errors.ts'
import { backoffDelay, RetryAt, toOutcome, UNEXPECTED_MESSAGE } from './failure.ts'

const backoff = { base: 1_000, cap: 60_000 }
const highest = { bytes: (count: number) => new Uint8Array(count).fill(255) }
const lowest = { bytes: (count: number) => new Uint8Array(count) }
const circumstances = { now: 5_000, random: highest, backoff }

describe('failures', () => {
  test('an expected failure is tried again with its own words', () => {
    expect(
      toOutcome(new DomainError('source_timeout', { problem: 'no data' }), { attempt: 1, maxAttempts: 3 }, circumstances),
    ).toEqual({
      kind: 'retry',
      code: 'source_timeout',
      message: 'The repository stalled: no data',
      runAt: 6_000,
    })
  })

  test('an error that nobody foresaw does not show its message', () => {
    const outcome = toOutcome(new Error('password=hunter2'), { attempt: 3, maxAttempts: 3 }, circumstances)

    expect(outcome).toEqual({ kind: 'failed', code: 'unexpected', message: UNEXPECTED_MESSAGE })
  })

  test.each([
    ['invalid', new DomainError('invalid_url', { rule: 'r', problem: 'p' })],
    ['not_found', new DomainError('source_not_found')],
    ['forbidden', new DomainError('egress_blocked', { host: 'h', rule: 'r' })],
    ['gone', new DomainError('setup_not_open')],
  ] as const)('a failure of kind %s is final at the first try', (kind, error) => {
    expect(error.kind).toBe(kind)
    expect(toOutcome(error, { attempt: 1, maxAttempts: 9 }, circumstances)).toMatchObject({ kind: 'failed', code: error.code })
  })

  test('a handler that asks for a later time gets its try back, and never at once', () => {
    expect(toOutcome(new RetryAt(90_000), { attempt: 3, maxAttempts: 3 }, circumstances)).toEqual({
      kind: 'returned',
      runAt: 90_000,
    })
    expect(toOutcome(new RetryAt(0), { attempt: 3, maxAttempts: 3 }, circumstances)).toEqual({ kind: 'returned', runAt: 6_000 })
  })

  test('the bound of the pause doubles up to the cap, and the pause lies anywhere below it', () => {
    expect([1, 2, 3, 7, 50].map((attempt) => backoffDelay(attempt, backoff, highest))).toEqual([
      1_000, 2_000, 4_000, 60_000, 60_000,
    ])
    expect(backoffDelay(7, backoff, lowest)).toBe(0)
  })
})
