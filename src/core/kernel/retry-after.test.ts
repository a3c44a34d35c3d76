import { expect, test } from 'bun:test'
import { limitedFailure, readRetryAfter } from './retry-after.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const RESET = String(NOW / 1000 + 90)

test.each<[string, number, Record<string, string>, number | null]>([
  ['429 with seconds', 429, { 'retry-after': '120' }, 120],
  ['429 with a date', 429, { 'retry-after': 'Sun, 01 Mar 2026 12:02:00 GMT' }, 120],
  ['429 with a date that is over', 429, { 'retry-after': 'Sun, 01 Mar 2026 11:02:00 GMT' }, 0],
  ['429 with a word', 429, { 'retry-after': 'soon' }, 0],
  ['429 with a number that is none', 429, { 'retry-after': '-5' }, 0],
  ['429 without a word', 429, {}, 0],
  ['429 with the moment of a new limit', 429, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': RESET }, 90],
  ['403 with seconds', 403, { 'retry-after': '60' }, 60],
  ['403 with nothing left', 403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': RESET }, 90],
  ['403 with nothing left of a limit of the other name', 403, { 'ratelimit-remaining': '0', 'ratelimit-reset': RESET }, 90],
  ['403 with nothing left, for who knows how long', 403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': 'x' }, 0],
  ['403 with something left', 403, { 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': RESET }, null],
  ['403 alone', 403, {}, null],
  ['503 with seconds', 503, { 'retry-after': '5' }, 5],
  ['503 alone', 503, {}, null],
  ['200 with nothing left', 200, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': RESET, 'retry-after': '9' }, null],
  ['404', 404, { 'retry-after': '9' }, null],
])('abuse 15: what an answer asks for: %s', (_, status, headers, seconds) => {
  expect(readRetryAfter({ status, headers: new Headers(headers) }, NOW)).toBe(seconds)
})

test('the failure names the moment in whole seconds', () => {
  expect(limitedFailure(61, NOW + 1)).toMatchObject({
    code: 'source_limited',
    kind: 'unavailable',
    message: 'The host limits requests and is not asked before 2026-03-01T12:01:02Z.',
    details: { seconds: 61 },
  })
})
