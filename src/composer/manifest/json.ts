import { shortened } from './php-values.ts'

/** A value as JSON text can express it. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject

/** A JSON object. Keys come from strangers: read known names only, and build objects with `Object.fromEntries`, never by assignment. */
export interface JsonObject {
  [key: string]: JsonValue
}

/**
 * Why a text is no manifest. `no-manifest`: there is nothing usable in it, which Composer treats like a missing file;
 * `invalid-json`: it is broken; `too-large`: over the size limit and not looked at; `unencodable`: it holds a number that JSON
 * cannot express again.
 */
export interface ManifestProblem {
  code: 'no-manifest' | 'invalid-json' | 'too-large' | 'unencodable'
  reason: string
}

/** The outcome of `readManifestJson`. */
export type ReadManifest = { ok: true; value: JsonValue } | { ok: false; problem: ManifestProblem }

/** The largest manifest that is read, in bytes, unless the caller says otherwise. The largest known real one has a third of it. */
export const MANIFEST_SIZE_LIMIT = 1_048_576

/**
 * How many arrays and objects may be nested. Composer takes 511, but PHP reads at most 512 levels and a metadata document or lock file
 * puts a manifest some levels down: one manifest at the limit would make the document of its package unreadable for every client.
 */
export const MANIFEST_DEPTH_LIMIT = 256

/**
 * Reads the bytes of a composer.json the way Composer does, never throws and never follows more than `MANIFEST_DEPTH_LIMIT` levels.
 *
 * - Strict JSON in UTF-8: a byte order mark, comments and raw control characters are `invalid-json`.
 * - An empty text, a scalar, `[]`, `{}`, too deep nesting and an unpaired surrogate count as `no-manifest`.
 * - Of duplicate keys the last one wins, on every level. Keys such as `__proto__` are plain own properties.
 * - Objects keep the order of their keys, except that keys which are whole numbers come first in ascending order. Nothing that
 *   Composer reads from a manifest depends on the order of such keys.
 * - Whole numbers beyond 2^53 lose digits.
 */
export function readManifestJson(bytes: Uint8Array, sizeLimit: number = MANIFEST_SIZE_LIMIT): ReadManifest {
  if (bytes.byteLength > sizeLimit)
    return failed('too-large', `composer.json has ${bytes.byteLength} bytes, more than ${sizeLimit}`)
  const text = decodeUtf8(bytes)
  if (text === null) return failed('invalid-json', 'composer.json is not UTF-8')
  if (text.startsWith('\ufeff')) return failed('invalid-json', 'composer.json begins with a byte order mark')
  if (/^[ \t\r\n]*$/.test(text)) return failed('no-manifest', 'composer.json is empty')
  if (isTooDeep(bytes)) return failed('no-manifest', `composer.json is nested deeper than ${MANIFEST_DEPTH_LIMIT} levels`)
  return parse(text)
}

function parse(text: string): ReadManifest {
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch (error) {
    return failed(
      'invalid-json',
      `composer.json is not valid JSON: ${error instanceof Error ? shortened(error.message) : 'unreadable'}`,
    )
  }
  if (typeof value !== 'object' || value === null) return failed('no-manifest', 'composer.json holds no object')
  if (Object.keys(value).length === 0) return failed('no-manifest', 'composer.json is empty')
  const flaw = findFlaw(value)
  if (flaw === 'surrogate') return failed('no-manifest', 'composer.json contains an unpaired surrogate')
  if (flaw === 'number') return failed('unencodable', 'composer.json contains a number that is too large')
  return { ok: true, value }
}

function failed(code: ManifestProblem['code'], reason: string): ReadManifest {
  return { ok: false, problem: { code, reason } }
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Looks at brackets outside strings only, so that the parser never sees a text that could exhaust the stack. */
function isTooDeep(bytes: Uint8Array): boolean {
  let depth = 0
  let inString = false
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index]
    if (inString) {
      if (byte === BACKSLASH) index++
      else if (byte === QUOTE) inString = false
      continue
    }
    if (byte === QUOTE) inString = true
    else if (byte === 0x5b || byte === 0x7b) depth++
    else if (byte === 0x5d || byte === 0x7d) depth--
    if (depth > MANIFEST_DEPTH_LIMIT) return true
  }
  return false
}

function findFlaw(value: JsonValue): 'surrogate' | 'number' | null {
  if (typeof value === 'string') return value.isWellFormed() ? null : 'surrogate'
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'number'
  if (typeof value !== 'object' || value === null) return null
  let found: 'surrogate' | 'number' | null = null
  for (const [key, item] of Object.entries(value)) {
    const flaw = key.isWellFormed() ? findFlaw(item) : 'surrogate'
    // PHP refuses the whole text for a surrogate, and only then would look at numbers.
    if (flaw === 'surrogate') return flaw
    found ??= flaw
  }
  return found
}
