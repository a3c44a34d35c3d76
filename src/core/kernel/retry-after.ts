import { DomainError } from './errors.ts'
import type { Instant } from './values.ts'

/** What is looked at of an answer to learn that its host limits requests. */
export interface LimitingAnswer {
  status: number
  headers: Pick<Headers, 'get'>
}

/**
 * The seconds for which an answer asks to be left alone, or null when it does not say that its host limits requests: 429; 403 with
 * `Retry-After` or with nothing left of a limit (`x-ratelimit-remaining`, GitHub's limits; `ratelimit-remaining`, GitLab's); 503 with
 * `Retry-After`. 0 when the host does not say how long.
 */
export function readRetryAfter({ status, headers }: LimitingAnswer, now: Instant): number | null {
  const wait = parseRetryAfter(headers.get('retry-after'), now) ?? readReset(headers, now)
  switch (status) {
    case 429:
      return wait ?? 0
    case 403:
      return wait
    case 503:
      return parseRetryAfter(headers.get('retry-after'), now)
    default:
      return null
  }
}

/** RFC 9110, 10.2.3: seconds or a date. */
function parseRetryAfter(text: string | null, now: Instant): number | null {
  if (text === null) {
    return null
  }
  if (/^\d{1,9}$/.test(text.trim())) {
    return Number(text)
  }
  const date = Date.parse(text)
  return Number.isNaN(date) ? null : secondsUntil(date, now)
}

function readReset(headers: LimitingAnswer['headers'], now: Instant): number | null {
  for (const prefix of ['x-ratelimit', 'ratelimit']) {
    if (headers.get(`${prefix}-remaining`)?.trim() === '0') {
      const reset = headers.get(`${prefix}-reset`)?.trim() ?? ''
      return /^\d{9,11}$/.test(reset) ? secondsUntil(Number(reset) * 1000, now) : 0
    }
  }
  return null
}

function secondsUntil(at: Instant, now: Instant): number {
  return Math.max(0, Math.ceil((at - now) / 1000))
}

/** The failure of a host that is not to be asked for some seconds; `seconds` and `until` are in its details. */
export function limitedFailure(seconds: number, now: Instant): DomainError {
  const until = new Date(Math.ceil((now + seconds * 1000) / 1000) * 1000).toISOString().replace('.000Z', 'Z')
  return new DomainError('source_limited', { seconds, until })
}
