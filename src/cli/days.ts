import { InvalidArgumentError, Option } from 'commander'
import { addDays, parseDay, toDay, type DayRange } from '../core/statistics/index.ts'

/** `--since` and `--until` as UTC days, both included. */
export function rangeOptions(): [Option, Option] {
  return [
    new Option('--since <day>', 'first day (UTC), such as 2026-03-01; 30 days by default').argParser(parseDayOption),
    new Option('--until <day>', 'last day (UTC); today by default').argParser(parseDayOption),
  ]
}

function parseDayOption(text: string): string {
  try {
    return parseDay('day', text)
  } catch {
    throw new InvalidArgumentError('Give a day such as 2026-03-01.')
  }
}

/** The range that the options mean. */
export function toRange(options: { since?: string; until?: string }, now: number): DayRange {
  const until = options.until ?? toDay(now)
  return { since: options.since ?? addDays(until, -29), until }
}

/** A moment: a day, which begins at midnight UTC, or a time such as 2026-03-01T12:00:00Z. Throws what commander reports as wrong use. */
export function parseMoment(text: string): number {
  const isTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/.test(text)
  const time = Date.parse(isTime ? text : `${parseDayOption(text)}T00:00:00Z`)
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError('Give a day such as 2026-03-01 or a time such as 2026-03-01T12:00:00Z.')
  }
  return time
}
