import type { JsonObject, JsonValue } from './json.ts'
import { arrayEntries, asObject, isEmptyValue, typeName } from './php-values.ts'

/** A manifest under validation: its remaining top-level fields, and what was found so far. Checks remove what must not be used. */
export interface ManifestCheck {
  fields: Map<string, Exclude<JsonValue, null>>
  errors: string[]
  warnings: string[]
}

/** Starts a validation with the top-level fields of a decoded manifest; null fields count as missing, a list has none. */
export function startCheck(value: JsonValue): ManifestCheck {
  const fields: ManifestCheck['fields'] = new Map()
  for (const [key, item] of Object.entries(asObject(value) ?? {})) {
    if (item !== null) fields.set(key, item)
  }
  return { fields, errors: [], warnings: [] }
}

/** The text of a field. A value of another type is an error, and like a blank one it is removed. */
export function checkString(check: ManifestCheck, name: string): string | null {
  const value = check.fields.get(name)
  if (typeof value === 'string' && value.trim() !== '') return value
  if (value !== undefined && typeof value !== 'string')
    check.errors.push(`${name} : should be a string, ${typeName(value)} given`)
  check.fields.delete(name)
  return null
}

/** The entries of a list or object. Any other value is an error, and like an empty one it is removed. */
export function checkArray(check: ManifestCheck, name: string): [string, JsonValue][] | null {
  const value = check.fields.get(name)
  const entries = arrayEntries(value)
  if (entries !== null && entries.length > 0) return entries
  if (value !== undefined && entries === null) check.errors.push(`${name} : should be an array, ${typeName(value)} given`)
  check.fields.delete(name)
  return null
}

/** Keeps the strings and numbers of a list, as strings, and of these only what `pattern` matches as a whole. */
export function checkFlatArray(check: ManifestCheck, name: string, pattern?: { source: string; regex: RegExp }): string[] {
  const kept: string[] = []
  for (const [key, item] of checkArray(check, name) ?? []) {
    if (typeof item !== 'string' && typeof item !== 'number') {
      check.errors.push(`${name}.${key} : must be a string or int, ${typeName(item)} given`)
    } else if (pattern !== undefined && !pattern.regex.test(String(item))) {
      check.warnings.push(`${name}.${key} : invalid value (${item}), must match ${pattern.source}`)
    } else {
      kept.push(String(item))
    }
  }
  setOrDelete(check, name, kept)
  return kept
}

/** Stores a cleaned value, or removes the field when nothing of it is left. */
export function setOrDelete(check: ManifestCheck, name: string, value: Exclude<JsonValue, null>): void {
  if (isEmptyValue(value)) check.fields.delete(name)
  else check.fields.set(name, value)
}

/** Whether a text is a URL with a host and one of the schemes; the empty text passes, as it does in Composer. */
export function isUrl(text: string, schemes: readonly string[] = ['http', 'https']): boolean {
  if (text === '') return true
  const match = /^([a-z][a-z0-9+.-]*):\/\/(?:[^\s/?#@]*@)?(\[[0-9a-f:.]+\]|[^\s/?#@:\\]+)(?::\d{1,5})?(?:[/?#]\S*)?$/i.exec(text)
  return match?.[1] !== undefined && schemes.includes(match[1])
}

const ATOM = String.raw`[a-z0-9!#$%&'*+/=?^_\x60{|}~-]+`
const LABEL = String.raw`[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?`
const EMAIL = new RegExp(String.raw`^${ATOM}(?:\.${ATOM})*@${LABEL}(?:\.${LABEL})+$`, 'i')

/** Whether a text is an e-mail address in its usual form: dot-separated atoms at a domain of at least two labels. */
export function isEmailAddress(text: string): boolean {
  return text.length <= 254 && text.indexOf('@') <= 64 && EMAIL.test(text)
}

/** An object of the fields that are left of `source` after `removed` are taken away, safe for keys such as `__proto__`. */
export function without(source: JsonObject, removed: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(source).filter(([key]) => !removed.has(key)))
}
