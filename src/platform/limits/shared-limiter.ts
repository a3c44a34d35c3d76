/**
 * Fixed windows per key, counted in memory and shared over the database. Windows begin at multiples of their length, so processes agree on
 * them without talking; a clock that jumps only begins another window.
 *
 * `exchange`, called about once a second, adds what this process counted to the stored totals and learns them in the same statement. Only keys
 * that used a sixteenth of their limit here take part: whoever stays far below costs no write, and sixteen processes that have not spoken yet
 * let through one limit together. Beyond that a limit is overshot by at most what the others allow between two exchanges.
 *
 * Memory is bounded: when `MAX_KEYS` are known, those of past windows go first, then the ones that used least, so that a flood of addresses
 * cannot free the one that is being held back.
 */
import type { Clock, RateLimit, RateLimiter, RateTaken } from '../../core/kernel/ports.ts'
import type { Instant } from '../../core/kernel/values.ts'
import type { Database } from '../db/database.ts'

/** Keys that are remembered at once. */
export const MAX_KEYS = 50_000
const SHARED_FROM = 16
const KEYS_PER_STATEMENT = 200
const KEYS_PER_EXCHANGE = 2_000
/** How long after its window a stored count is deleted; clocks of processes may differ by less. */
const KEPT_AFTER = 120_000
const PURGE_EVERY = 60_000

interface Window {
  start: Instant
  length: number
  limit: number
  /** What all processes counted, as far as known, including what this one has told. */
  told: number
  /** What this process counted since. */
  untold: number
}

/** A limiter and its exchange with the other processes. */
export interface SharedLimiter extends RateLimiter {
  /** Tells and learns. Fails when the database does; then counts stay and are told the next time. */
  exchange(): Promise<void>
}

/** Builds a limiter. Nothing is read or written before the first exchange that has something to tell. */
export function createSharedLimiter(setup: { clock: Clock; database: Database; rules: RateLimiter['rules'] }): SharedLimiter {
  return new WindowLimiter(setup.clock, setup.database, setup.rules)
}

class WindowLimiter implements SharedLimiter {
  readonly rules: RateLimiter['rules']
  readonly #clock: Clock
  readonly #database: Database
  readonly #windows = new Map<string, Window>()
  #purgedAt = 0
  #exchanging: Promise<void> | null = null

  constructor(clock: Clock, database: Database, rules: RateLimiter['rules']) {
    this.#clock = clock
    this.#database = database
    this.rules = rules
  }

  take(key: string, rule: RateLimit): RateTaken {
    const window = this.#windowOf(key, rule)
    const used = window.told + window.untold
    const allowed = used < rule.limit
    if (allowed) {
      window.untold += 1
    }
    return toTaken(window, { allowed, used: allowed ? used + 1 : used })
  }

  exchange(): Promise<void> {
    this.#exchanging ??= this.#exchange().finally(() => {
      this.#exchanging = null
    })
    return this.#exchanging
  }

  #windowOf(key: string, { limit, window: length }: RateLimit): Window {
    const start = startOf(this.#clock.now(), length)
    const known = this.#windows.get(key)
    if (known !== undefined && known.start === start && known.length === length) {
      known.limit = limit
      return known
    }
    if (known === undefined && this.#windows.size >= MAX_KEYS) {
      this.#makeRoom()
    }
    const window: Window = { start, length, limit, told: 0, untold: 0 }
    this.#windows.set(key, window)
    return window
  }

  /** Frees at least a quarter, so that the work is shared by many new keys. */
  #makeRoom(): void {
    const now = this.#clock.now()
    for (const [key, window] of this.#windows) {
      if (window.start !== startOf(now, window.length)) {
        this.#windows.delete(key)
      }
    }
    const surplus = this.#windows.size - MAX_KEYS * 0.75
    if (surplus > 0) {
      const share = (window: Window) => (window.told + window.untold) / window.limit
      const least = [...this.#windows].sort(([, left], [, right]) => share(left) - share(right)).slice(0, surplus)
      for (const [key] of least) {
        this.#windows.delete(key)
      }
    }
  }

  async #exchange(): Promise<void> {
    const now = this.#clock.now()
    const telling = [...this.#windows]
      .filter(([, window]) => window.untold > 0 && isShared(window) && window.start === startOf(now, window.length))
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .slice(0, KEYS_PER_EXCHANGE)
    const isPurging = telling.length > 0 && Math.abs(now - this.#purgedAt) >= PURGE_EVERY
    for (let at = 0; at < telling.length; at += KEYS_PER_STATEMENT) {
      await this.#tell(telling.slice(at, at + KEYS_PER_STATEMENT))
    }
    if (isPurging) {
      this.#purgedAt = now
      await this.#database.write.deleteFrom('rate_counts').where('expires_at', '<', now).execute()
    }
  }

  /** In the order of keys, which everybody keeps, so that two processes cannot wait for each other in a circle. */
  async #tell(telling: readonly (readonly [key: string, window: Window])[]): Promise<void> {
    const told = telling.map(([key, window]) => ({ key, window, start: window.start, count: window.untold }))
    const rows = await this.#database.write
      .insertInto('rate_counts')
      .values(
        told.map(({ key, window, start, count }) => ({
          key,
          window_start: start,
          count,
          expires_at: start + window.length + KEPT_AFTER,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['key', 'window_start']).doUpdateSet((update) => ({
          count: update('rate_counts.count', '+', update.ref('excluded.count')),
        })),
      )
      .returning(['key', 'count'])
      .execute()
    const totals = new Map(rows.map((row) => [row.key, row.count]))
    for (const { key, window, count } of told) {
      window.untold -= count
      window.told = totals.get(key) ?? window.told + count
    }
  }
}

function isShared(window: Window): boolean {
  return (window.told + window.untold) * SHARED_FROM >= window.limit
}

function startOf(now: Instant, length: number): Instant {
  return Math.floor(now / length) * length
}

function toTaken(window: Window, { allowed, used }: { allowed: boolean; used: number }): RateTaken {
  return {
    allowed,
    limit: window.limit,
    remaining: Math.max(0, window.limit - used),
    resetAt: window.start + window.length,
  }
}
