import { DomainError } from '../../core/kernel/errors.ts'
import type { Clock, Upstreams } from '../../core/kernel/ports.ts'
import type { Instant } from '../../core/kernel/values.ts'
import type { Database } from '../db/database.ts'
import { createUpstreamLeases } from './upstream-leases.ts'

/** Failures in a row before a host is left alone. */
const PATIENCE = 5
const FIRST_PAUSE = 5_000
const LONGEST_PAUSE = 5 * 60_000
/** Hosts that are remembered; those that answer are not. */
const MAX_HOSTS = 1_000
const MAX_NOTES = 20_000

interface Breaker {
  failures: number
  until: Instant
}

/** What a process knows of upstream hosts, in memory, and what processes agree on, in the database. */
export function createUpstreams({ clock, database }: { clock: Clock; database: Database }): Upstreams {
  const lease = createUpstreamLeases({ clock, database })
  const running = new Map<string, Promise<unknown>>()
  const breakers = new Map<string, Breaker>()

  function noteFailure(origin: string): void {
    const failures = (breakers.get(origin)?.failures ?? 0) + 1
    const pause = failures < PATIENCE ? 0 : Math.min(FIRST_PAUSE * 2 ** (failures - PATIENCE), LONGEST_PAUSE)
    breakers.delete(origin)
    breakers.set(origin, { failures, until: clock.now() + pause })
    const [oldest] = breakers.keys()
    if (breakers.size > MAX_HOSTS && oldest !== undefined) {
      breakers.delete(oldest)
    }
  }

  return {
    once(key, work) {
      const known = running.get(key)
      if (known !== undefined) {
        return known as ReturnType<typeof work>
      }
      const call = work().finally(() => running.delete(key))
      running.set(key, call)
      return call
    },
    async guard(origin, work, isFailure) {
      const breaker = breakers.get(origin)
      const now = clock.now()
      if (breaker !== undefined && breaker.until > now) {
        throw new DomainError('upstream_paused', { origin, seconds: Math.ceil((breaker.until - now) / 1000) })
      }
      if (breaker !== undefined && breaker.failures >= PATIENCE) {
        // One call finds out whether the host is back; the others are refused until it knows.
        breaker.until = now + FIRST_PAUSE
      }
      try {
        const result = await work()
        breakers.delete(origin)
        return result
      } catch (error) {
        if (isFailure(error)) {
          noteFailure(origin)
        } else {
          breakers.delete(origin)
        }
        throw error
      }
    },
    ...createNotes(clock),
    lease,
    sleep: (milliseconds) => Bun.sleep(milliseconds),
    open() {
      const now = clock.now()
      return new Map([...breakers].filter(([, { until }]) => until > now).map(([origin, { until }]) => [origin, until]))
    },
  }
}

function createNotes(clock: Clock): Pick<Upstreams, 'note' | 'notedUntil'> {
  const notes = new Map<string, Instant>()
  return {
    note(key, until) {
      notes.delete(key)
      notes.set(key, until)
      const [oldest] = notes.keys()
      if (notes.size > MAX_NOTES && oldest !== undefined) {
        notes.delete(oldest)
      }
    },
    notedUntil(key) {
      const until = notes.get(key)
      if (until !== undefined && until <= clock.now()) {
        notes.delete(key)
        return null
      }
      return until ?? null
    },
  }
}
