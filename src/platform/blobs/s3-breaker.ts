import { DomainError } from '../../core/kernel/errors.ts'
import type { Clock, Logger } from '../../core/kernel/ports.ts'
import type { S3Failure } from './s3-failure.ts'

/** Decides whether an operation may be tried, from how the ones before it ended. */
export interface S3Breaker {
  /** `probe`: this one operation decides for all. Throws `storage_unavailable` while nobody may try. */
  enter(): 'normal' | 'probe'
  succeed(): void
  /** The error to throw. */
  fail(failure: S3Failure): DomainError
  /** Must follow a probe, however it ended. */
  leaveProbe(): void
  /** What the last operation failed with, or null, and when it ended. */
  state(): { problem: string | null; at: number }
}

const FAILURES_UNTIL_OPEN = 5
/** In milliseconds; doubles with each probe that fails. */
const FIRST_OPEN = 5_000
const LONGEST_OPEN = 60_000

/** A closed breaker. It logs when a store turns ill, and when it is well again. */
export function createS3Breaker({ clock, log }: { clock: Clock; log: Logger }): S3Breaker {
  const state = { problem: null as string | null, at: 0, failures: 0, openUntil: 0, opening: FIRST_OPEN, isProbing: false }
  return {
    state: () => ({ problem: state.problem, at: state.at }),
    enter() {
      if (state.failures < FAILURES_UNTIL_OPEN) {
        return 'normal'
      }
      if (state.isProbing || clock.now() < state.openUntil) {
        throw unavailable(state.problem ?? 'the object store fails')
      }
      state.isProbing = true
      return 'probe'
    },
    leaveProbe() {
      state.isProbing = false
    },
    succeed() {
      if (state.problem !== null) {
        log.info('The object store works again.')
      }
      Object.assign(state, { problem: null, at: clock.now(), failures: 0, opening: FIRST_OPEN })
    },
    fail(failure) {
      if (state.problem === null) {
        log.warn('The object store has a problem.', { problem: failure.message, code: failure.code })
      }
      Object.assign(state, { problem: failure.message, at: clock.now(), failures: state.failures + 1 })
      if (state.failures >= FAILURES_UNTIL_OPEN) {
        state.openUntil = clock.now() + state.opening
        state.opening = Math.min(state.opening * 2, LONGEST_OPEN)
      }
      return unavailable(failure.message, failure)
    },
  }
}

function unavailable(problem: string, cause?: S3Failure): DomainError {
  return new DomainError('storage_unavailable', { problem }, cause)
}
