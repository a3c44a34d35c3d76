import type { Clock } from '../../core/kernel/ports.ts'
import type { Instant } from '../../core/kernel/values.ts'

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  /** Moves the clock by milliseconds or by words such as `15 minutes`; backwards when negative. */
  advance(by: number | string): void
  /** Puts the clock to a point in time, as after a correction of the machine's clock. */
  set(now: Instant): void
}

const UNITS: Record<string, number> = {
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
}

/** A clock that starts at `start`, milliseconds since 1970 or an ISO 8601 text. */
export function createTestClock(start: Instant | string): TestClock {
  let now = typeof start === 'number' ? start : Date.parse(start)
  if (!Number.isFinite(now)) throw new RangeError(`"${start}" is not a point in time.`)
  return {
    now: () => now,
    advance(by) {
      now += typeof by === 'number' ? by : parseDuration(by)
    },
    set(instant) {
      now = instant
    },
  }
}

function parseDuration(text: string): number {
  const match = /^(-?\d+) ([a-z]+?)s?$/.exec(text)
  const unit = UNITS[match?.[2] ?? '']
  if (match === null || unit === undefined) throw new RangeError(`"${text}" is not a duration such as "15 minutes".`)
  return Number(match[1]) * unit
}
