import { InvalidArgumentError } from 'commander'

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 60 * 60, d: 24 * 60 * 60 }
const NAMES = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
] as const

/** Seconds of a duration such as `90s`, `10m`, `2h` or `1d`, or `auto`. Throws what commander reports as wrong use. */
export function parseSyncInterval(text: string): number | 'auto' {
  if (text === 'auto') {
    return text
  }
  const [, count = '', unit = ''] = /^([1-9]\d{0,6})([smhd])$/.exec(text) ?? []
  const factor = UNITS[unit]
  if (factor === undefined) {
    throw new InvalidArgumentError('Give a duration such as 10m, 2h or 1d, or "auto".')
  }
  return Number(count) * factor
}

/** A duration in its largest whole unit, such as `10m`. */
export function formatSyncInterval(seconds: number): string {
  const [name, factor] = NAMES.find(([, size]) => seconds % size === 0) ?? (['s', 1] as const)
  return `${seconds / factor}${name}`
}
