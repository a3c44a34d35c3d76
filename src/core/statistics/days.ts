import { invalidInput } from '../kernel/errors.ts'
import type { Instant } from '../kernel/values.ts'

const DAY = 24 * 60 * 60 * 1000
/** Days that one question may span, about twenty years. */
const MAX_DAYS = 7_400

/** A UTC day as `YYYY-MM-DD`. Days have no clock changes. */
export type Day = string

/** Days from `since` to `until`, both included. */
export interface DayRange {
  since: Day
  until: Day
}

/** What a series has one figure for. Weeks begin on Monday. */
export type Step = 'day' | 'week' | 'month'

/** The UTC day of a moment. */
export function toDay(instant: Instant): Day {
  return new Date(instant).toISOString().slice(0, 10)
}

/** The day so many days later, or earlier. */
export function addDays(day: Day, days: number): Day {
  return toDay(Date.parse(`${day}T00:00:00Z`) + days * DAY)
}

/** Reads a day as people write it. Throws `invalid_input` for what is no day of the calendar. */
export function parseDay(field: string, text: string): Day {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(time) || toDay(time) !== text) {
    throw invalidInput(field, 'give a day such as 2026-03-01')
  }
  return text
}

/** The last so many days up to the day of a moment. */
export function lastDays(now: Instant, days: number): DayRange {
  const until = toDay(now)
  return { since: addDays(until, 1 - days), until }
}

/** Throws `invalid_input` for a range that is the wrong way round or too long. */
export function requireRange({ since, until }: DayRange): void {
  parseDay('since', since)
  parseDay('until', until)
  if (since > until) {
    throw invalidInput('since', 'the first day is after the last')
  }
  if (addDays(since, MAX_DAYS) < until) {
    throw invalidInput('since', `give at most ${MAX_DAYS} days`)
  }
}

/** The first day of the step in which a day lies. */
export function startOfStep(day: Day, step: Step): Day {
  switch (step) {
    case 'day':
      return day
    case 'week':
      return addDays(day, -((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7))
    case 'month':
      return `${day.slice(0, 7)}-01`
  }
}

/** The first days of all steps that a range touches, in order. */
export function listSteps({ since, until }: DayRange, step: Step): Day[] {
  const starts: Day[] = []
  for (let day = startOfStep(since, step); day <= until; day = nextStep(day, step)) {
    starts.push(day)
  }
  return starts
}

function nextStep(start: Day, step: Step): Day {
  switch (step) {
    case 'day':
      return addDays(start, 1)
    case 'week':
      return addDays(start, 7)
    case 'month':
      return startOfStep(addDays(start, 31), 'month')
  }
}
