/** A moment for documents: RFC 3339 in UTC, or null. */
export function toTimestamp(instant: number | null): string | null {
  return instant === null ? null : new Date(instant).toISOString()
}

/** A moment for people: `2026-03-01 12:00 UTC`, or `never`. */
export function toMoment(instant: number | null, never = 'never'): string {
  return instant === null ? never : `${new Date(instant).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** `1 version`, `2 versions`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
