import { InvalidArgumentError } from 'commander'

const DAY = 24 * 60 * 60 * 1000
const UNITS: Readonly<Record<string, number>> = { h: DAY / 24, d: DAY, w: 7 * DAY, y: 365 * DAY }
const FORMS = 'Give a duration such as 12h, 30d, 8w or 1y, a date such as 2027-01-01, or a time such as 2027-01-01T12:00:00Z.'

/** When something expires: a duration from `now`, a day (its first moment, UTC), or a moment in RFC 3339 form, later than `now`. */
export function parseExpiry(text: string, now: number): number {
  const duration = /^([1-9]\d{0,5})([hdwy])$/.exec(text)
  if (duration !== null) {
    return now + Number(duration[1]) * (UNITS[duration[2] ?? ''] ?? DAY)
  }
  const day = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2}))?$/.exec(text)?.[1]
  const instant = day === undefined ? Number.NaN : Date.parse(text)
  // Date.parse takes 2027-02-30 for the second of March.
  if (day === undefined || Number.isNaN(instant) || new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day) {
    throw new InvalidArgumentError(FORMS)
  }
  if (instant <= now) {
    throw new InvalidArgumentError(`${text} lies in the past.`)
  }
  return instant
}
