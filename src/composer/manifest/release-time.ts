/** A moment with the offset it was written in. */
interface WrittenTime {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  offsetMinutes: number
}

const CLOCK = String.raw`(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,]\d+)?)?`
const ZONE = String.raw`(?<zone>z|utc|gmt|[+-]\d{1,2}(?::?\d{2})?)`
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const MONTH = String.raw`(?<word>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?`
const DAY_NAME = String.raw`(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?`
const AFTER_DATE = String.raw`(?:(?:\s*t\s*|\s+)${CLOCK}\s*${ZONE}?)?`

const FORMS = [
  String.raw`(?<year>\d{4})-(?<month>\d{1,2})-(?<day>\d{1,2})`,
  String.raw`(?<year>\d{4})/(?<month>\d{1,2})/(?<day>\d{1,2})`,
  String.raw`(?<month>\d{1,2})/(?<day>\d{1,2})/(?<year>\d{4})`,
  String.raw`(?<day>\d{1,2})[-.](?<month>\d{1,2})[-.](?<year>\d{4})`,
  String.raw`${DAY_NAME}(?<day>\d{1,2})[ -]${MONTH}[ -](?<year>\d{4})`,
  String.raw`${DAY_NAME}${MONTH}\s+(?<day>\d{1,2}),?\s+(?<year>\d{4})`,
].map((date) => new RegExp(`^${date}${AFTER_DATE}$`, 'i'))

/**
 * Reads the `time` of a manifest and gives it in RFC 3339 with whole seconds and the offset it was written in (UTC if it names
 * none); null if it cannot be read. Known are Unix times in digits and the usual spellings of a date with or without a time of day.
 * Words that mean another moment at each reading (`yesterday`) and named time zones are not read: a release must not move.
 */
export function parseReleaseTime(text: string): string | null {
  const trimmed = text.trim()
  const unix = /^@?(-?\d+)$/.exec(trimmed)
  if (unix?.[1] !== undefined && (trimmed.startsWith('@') || trimmed === text)) return formatUnixTime(Number(unix[1]))
  for (const form of FORMS) {
    const groups = form.exec(trimmed)?.groups
    if (groups !== undefined) return formatWritten(toWritten(groups))
  }
  return null
}

/** A Unix time in seconds as RFC 3339 in UTC; null outside the years 0 to 9999. */
export function formatUnixTime(seconds: number): string | null {
  if (!Number.isFinite(seconds)) return null
  const date = new Date(Math.trunc(seconds) * 1000)
  const year = date.getUTCFullYear()
  if (Number.isNaN(year) || year < 0 || year > 9999) return null
  return `${date.toISOString().slice(0, 19)}+00:00`
}

function toWritten(groups: Record<string, string>): WrittenTime {
  const { word } = groups
  return {
    year: Number(groups['year']),
    month: word === undefined ? Number(groups['month']) : MONTHS.indexOf(word.slice(0, 3).toLowerCase()) + 1,
    day: Number(groups['day']),
    hour: Number(groups['hour'] ?? 0),
    minute: Number(groups['minute'] ?? 0),
    second: Number(groups['second'] ?? 0),
    offsetMinutes: parseOffset(groups['zone']),
  }
}

function parseOffset(zone: string | undefined): number {
  const match = /^([+-])(\d{1,2}):?(\d{2})?$/.exec(zone ?? '')
  if (match === null) return 0
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0)
  return match[1] === '-' ? -minutes : minutes
}

/** Days past the end of a month run into the next one, as they do in PHP; a month 13 or an hour 25 is an error in both. */
function formatWritten(time: WrittenTime): string | null {
  if (time.month < 1 || time.month > 12 || time.day > 31 || time.hour > 24 || time.minute > 59 || time.second > 60) return null
  if (Math.abs(time.offsetMinutes) > 24 * 60) return null
  const date = new Date(0)
  date.setUTCFullYear(time.year, time.month - 1, time.day)
  date.setUTCHours(time.hour, time.minute, time.second)
  const local = formatUnixTime(date.getTime() / 1000)
  return local === null ? null : local.replace('+00:00', formatOffset(time.offsetMinutes))
}

function formatOffset(minutes: number): string {
  const absolute = Math.abs(minutes)
  const digits = [Math.trunc(absolute / 60), absolute % 60].map((part) => String(part).padStart(2, '0')).join(':')
  return `${minutes < 0 ? '-' : '+'}${digits}`
}
