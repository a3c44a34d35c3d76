/**
 * Object stores have bad minutes. Every operation is tried several times, after pauses that double and are never the same for two clients. When
 * several operations in a row came to nothing, the breaker opens: for a while everybody is told so at once instead of waiting in line for the same
 * answer. Then a single operation is let through, and its outcome decides. The state is that of this process.
 */
import type { Clock, Logger, Random } from '../../core/kernel/ports.ts'
import { createS3Breaker, type S3Breaker } from './s3-breaker.ts'
import { S3Failure } from './s3-failure.ts'

/** How long an operation may be tried; all times in milliseconds. */
export interface Patience {
  tries: number
  /** Handed to each try. */
  timeout: number
  /** After this long no further try begins. */
  total: number
}

/** Runs operations on an object store. */
export interface S3Tries {
  /**
   * The outcome of an operation; null, which says that something is not there, is believed when the last try says so too. Throws
   * `storage_unavailable` when all tries failed; what is no failure of the store passes unchanged.
   */
  run<Result>(patience: Patience, operation: (timeout: number) => Promise<Result>): Promise<Result>
  /** What the last operation failed with, or null, and when it ended. */
  state: S3Breaker['state']
}

/** What tries are made of. Tests have a shorter first pause, in milliseconds. */
export interface S3TriesParts {
  clock: Clock
  random: Random
  log: Logger
  firstPause?: number
}

const LONGEST_PAUSE = 3_000

/** Tries with a closed breaker. */
export function createS3Tries({ clock, random, log, firstPause = 150 }: S3TriesParts): S3Tries {
  const breaker = createS3Breaker({ clock, log })

  async function tryOften<Result>(
    { tries, timeout, total }: Patience,
    operation: (timeout: number) => Promise<Result>,
  ): Promise<Result> {
    const begun = clock.now()
    for (let count = 1, pause = firstPause; ; count += 1, pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      const isLast = () => count >= tries || clock.now() - begun + pause > total
      try {
        const result = await operation(timeout)
        if (result !== null || isLast()) {
          return result
        }
      } catch (error) {
        if (!(error instanceof S3Failure) || !error.isTransient || isLast()) {
          throw error
        }
      }
      await Bun.sleep(vary(pause, random))
    }
  }

  return {
    state: () => breaker.state(),
    async run(patience, operation) {
      const mode = breaker.enter()
      try {
        const result = await tryOften(mode === 'probe' ? { ...patience, tries: 1 } : patience, operation)
        breaker.succeed()
        return result
      } catch (error) {
        throw error instanceof S3Failure ? breaker.fail(error) : error
      } finally {
        if (mode === 'probe') {
          breaker.leaveProbe()
        }
      }
    },
  }
}

/** Between half and all of it, so that clients that failed together do not come back together. */
function vary(pause: number, random: Random): number {
  return (pause / 2) * (1 + (random.bytes(1)[0] ?? 0) / 255)
}
