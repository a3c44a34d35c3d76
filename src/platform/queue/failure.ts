import { DomainError, type ErrorCode, type ErrorKind } from '../../core/kernel/errors.ts'
import type { Random } from '../../core/kernel/ports.ts'
import type { Instant } from '../../core/kernel/values.ts'
import type { Outcome } from './settle.ts'

/** Shown instead of the message of an error that was not foreseen. */
export const UNEXPECTED_MESSAGE = "An unexpected error occurred; see the server's log."

/** Milliseconds between tries: the longest first pause, doubled with every try up to `cap`. */
export interface Backoff {
  base: number
  cap: number
}

/** The pauses that a runner makes unless it is told others. */
export const DEFAULT_BACKOFF: Backoff = { base: 10_000, cap: 15 * 60_000 }

/** A handler that asks to be called again at once would otherwise keep a processor busy. */
const SOONEST_RETURN = 1_000

/** Repeating the work cannot change these. */
const PERMANENT: ReadonlySet<ErrorKind> = new Set(['invalid', 'not_found', 'forbidden', 'gone'])

/** Asking a host again would not mend these, and annoy it: it refuses the credential, or asked to wait and is asked then. */
const NOT_ASKED_AGAIN: ReadonlySet<ErrorCode> = new Set(['source_refused', 'source_limited'])

/** Thrown by a handler that must wait, for instance until a rate limit ends. The try does not count. */
export class RetryAt extends Error {
  readonly at: Instant

  constructor(at: Instant) {
    super('The job asks to run again later.')
    this.name = 'RetryAt'
    this.at = at
  }
}

/** What becomes of a job whose handler threw `error`. */
export function toOutcome(
  error: unknown,
  job: { attempt: number; maxAttempts: number },
  circumstances: { now: Instant; random: Random; backoff: Backoff },
): Outcome {
  const { now, random, backoff } = circumstances
  if (error instanceof RetryAt) {
    return { kind: 'returned', runAt: Math.ceil(Math.max(error.at, now + SOONEST_RETURN)) }
  }
  const reason =
    error instanceof DomainError
      ? { code: error.code, message: error.message }
      : { code: 'unexpected', message: UNEXPECTED_MESSAGE }
  const isPermanent = error instanceof DomainError && (PERMANENT.has(error.kind) || NOT_ASKED_AGAIN.has(error.code))
  if (isPermanent || job.attempt >= job.maxAttempts) {
    return { kind: 'failed', ...reason }
  }
  return { kind: 'retry', ...reason, runAt: now + backoffDelay(job.attempt, backoff, random) }
}

/** Milliseconds to wait after the given try: evenly spread from zero to the bound, so that jobs that failed together part. */
export function backoffDelay(attempt: number, backoff: Backoff, random: Random): number {
  const bound = Math.min(backoff.cap, backoff.base * 2 ** (attempt - 1))
  const [a = 0, b = 0, c = 0] = random.bytes(3)
  return Math.round((bound * (a * 65_536 + b * 256 + c)) / 0xff_ff_ff)
}
