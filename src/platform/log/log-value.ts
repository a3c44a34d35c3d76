import { isSecretField } from './secret-patterns.ts'
import { REDACTED } from './redaction.ts'

/** What a field may be once it is safe to print: JSON. */
export type LogValue = string | number | boolean | null | LogValue[] | { [name: string]: LogValue }

/** How much of a value is printed. */
const DEEPEST = 8
const MOST_ITEMS = 100
const LONGEST_TEXT = 16_384

/** Longer texts are cut before they are searched for secrets, and again by so much that no half secret stays. */
const LONGEST_SEARCHED = 4 * LONGEST_TEXT
const LONGEST_HALF_SECRET = 4096

/** The text without secrets, cut to 16,384 characters. */
export function toLogText(text: string, redact: (text: string) => string): string {
  const searched = text.length > LONGEST_SEARCHED ? text.slice(0, LONGEST_SEARCHED) : text
  const redacted = redact(searched)
  const whole = searched === text ? redacted.length : Math.max(0, redacted.length - LONGEST_HALF_SECRET)
  const length = Math.min(whole, LONGEST_TEXT)
  return length === redacted.length ? redacted : `${redacted.slice(0, length)}… (cut)`
}

/**
 * Makes any value printable: secrets are replaced in every text and name at any depth, errors keep name, message, stack,
 * own properties and causes, cycles and great depths end in a word, bytes become their number. Never throws.
 */
export function toLogValue(value: unknown, redact: (text: string) => string): LogValue {
  return convert(value, { redact, ancestors: [] })
}

interface Conversion {
  redact: (text: string) => string
  ancestors: readonly object[]
}

function convert(value: unknown, conversion: Conversion): LogValue {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return toLogText(value, conversion.redact)
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'boolean') return value
  if (typeof value === 'bigint' || typeof value === 'symbol') return toLogText(value.toString(), conversion.redact)
  return typeof value === 'object' ? descend(value, conversion) : '[function]'
}

function descend(value: object, conversion: Conversion): LogValue {
  if (conversion.ancestors.includes(value)) return '[circular]'
  if (conversion.ancestors.length >= DEEPEST) return '[deep]'
  try {
    return convertObject(value, { ...conversion, ancestors: [...conversion.ancestors, value] })
  } catch {
    // A getter or a proxy of the value threw; a log line must not fail for it.
    return '[unreadable]'
  }
}

function convertObject(value: object, conversion: Conversion): LogValue {
  if (value instanceof Error) return convertError(value, conversion)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof URL) return toLogText(value.href, conversion.redact)
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
  if (value instanceof Map)
    return convertFields(
      [...value].map(([name, item]) => [String(name), item]),
      conversion,
    )
  // Two-part lists of texts are headers and the like, whose names say what is secret.
  if (value instanceof Headers || value instanceof URLSearchParams) return convertFields([...value.entries()], conversion)
  if (Array.isArray(value) || value instanceof Set) return convertItems([...value], conversion)
  return convertFields(Object.entries(value), conversion)
}

function convertError(error: Error, conversion: Conversion): LogValue {
  const own = Object.entries(error).filter(([name]) => !['name', 'message', 'stack', 'cause', 'errors'].includes(name))
  const fields: [string, unknown][] = [['name', error.name], ['message', error.message], ...own, ['stack', error.stack]]
  if (error.cause !== undefined) fields.push(['cause', error.cause])
  if (error instanceof AggregateError) fields.push(['errors', error.errors])
  return convertFields(fields, conversion)
}

function convertItems(items: unknown[], conversion: Conversion): LogValue {
  const converted = items.slice(0, MOST_ITEMS).map((item) => convert(item, conversion))
  if (items.length > MOST_ITEMS) converted.push(`… (${items.length - MOST_ITEMS} more)`)
  return converted
}

function convertFields(fields: readonly (readonly [string, unknown])[], conversion: Conversion): LogValue {
  // Without a prototype, a field named `__proto__` is a field like any other.
  const converted: { [name: string]: LogValue } = Object.create(null)
  for (const [name, value] of fields.slice(0, MOST_ITEMS)) {
    const printedName = toLogText(name, conversion.redact)
    converted[printedName] = typeof value === 'string' && isSecretField(name) ? REDACTED : convert(value, conversion)
  }
  if (fields.length > MOST_ITEMS) converted['…'] = `(${fields.length - MOST_ITEMS} more)`
  return converted
}
