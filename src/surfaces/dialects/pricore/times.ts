import { z } from 'zod'

/** `YYYY-MM-DDTHH:MM:SSZ`. */
export const Time = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/)

/** A moment as this dialect writes it: UTC, whole seconds. */
export function presentTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}

/** As `presentTime` for what may not have happened. */
export function presentMaybeTime(at: number | null): string | null {
  return at === null ? null : presentTime(at)
}

const FORM = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/

/** A date (its first moment, UTC) or a date and time, UTC unless it says otherwise; null for what is neither. */
export function parseTime(text: string): number | null {
  const [, day = '', time = '00:00:00', zone = 'Z'] = FORM.exec(text) ?? []
  const at = Date.parse(`${day}T${time}${zone.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`)
  // Date.parse takes 2027-02-30 for the second of March.
  const isDay = day !== '' && !Number.isNaN(Date.parse(day)) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
  return isDay && !Number.isNaN(at) ? at : null
}
