import type { JsonObject, JsonValue } from './json.ts'

/**
 * The entries of what PHP calls an array, which is a JSON list or object alike; a list has its positions as keys. Null for anything
 * else.
 */
export function arrayEntries(value: JsonValue | undefined): [string, JsonValue][] | null {
  if (typeof value !== 'object' || value === null) return null
  return Object.entries(value)
}

/** A JSON object, not a list. An empty list counts as an empty object, because PHP writes both the same way. */
export function asObject(value: JsonValue | undefined): JsonObject | null {
  if (typeof value !== 'object' || value === null) return null
  if (!Array.isArray(value)) return value
  return value.length === 0 ? {} : null
}

/** The value of an own property, or undefined where it is missing or null (PHP's `isset`). Never reaches a prototype. */
export function field(object: JsonObject, key: string): Exclude<JsonValue, null> | undefined {
  if (!Object.hasOwn(object, key)) return undefined
  return object[key] ?? undefined
}

/** PHP's `empty`: null, false, zero, `""`, `"0"` and arrays without elements. */
export function isEmptyValue(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '' || value === '0') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** The name PHP's `gettype` has for a decoded JSON value. */
export function typeName(value: JsonValue): string {
  if (value === null) return 'NULL'
  if (typeof value === 'object') return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'double'
  return typeof value
}

/** A scalar as PHP's string conversion writes it, or null for arrays and null. */
export function scalarText(value: JsonValue | undefined): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? '1' : ''
  return null
}

/** Lower case for ASCII letters only, which is what Composer compares package names and types by. */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

const SHOWN_LENGTH = 200

/** A text from a stranger as it may stand in a message: of limited length, and without half a character at the end. */
export function shortened(text: string): string {
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH).toWellFormed()}…`
}
