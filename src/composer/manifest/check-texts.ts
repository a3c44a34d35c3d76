import { checkArray, checkFlatArray, checkString, isUrl, setOrDelete, type ManifestCheck } from './check.ts'
import type { JsonValue } from './json.ts'
import { isLicenseExpression } from './license.ts'
import { asObject } from './php-values.ts'
import { parseReleaseTime } from './release-time.ts'

const TYPE = /^[A-Za-z0-9-]+$/
const KEYWORD = { source: String.raw`[\p{N}\p{L} ._-]+`, regex: /^[\p{N}\p{L} ._-]+$/u }
const STABILITIES = ['stable', 'RC', 'beta', 'alpha', 'dev']

/** Checks `type`, a text without spaces or signs (CO-111, CO-127). */
export function checkType(check: ManifestCheck): void {
  const type = checkString(check, 'type')
  if (type === null || TYPE.test(type)) return
  check.warnings.push(`type : invalid value (${type}), must match [A-Za-z0-9-]+`)
  check.fields.delete('type')
}

/** Checks `homepage`, which must be an http or https URL (CO-111). */
export function checkHomepage(check: ManifestCheck): void {
  const homepage = checkString(check, 'homepage')
  if (homepage === null || isUrl(homepage)) return
  check.warnings.push(`homepage : invalid value (${homepage}), must be an http/https URL`)
  check.fields.delete('homepage')
}

/** Keeps the keywords that are words (CO-111). */
export function checkKeywords(check: ManifestCheck): void {
  checkFlatArray(check, 'keywords', KEYWORD)
}

/** Keeps the entries of `bin`, a text or a list, of which none may leave the package (CO-122). Becomes a list. */
export function checkBin(check: ManifestCheck): void {
  const bin = check.fields.get('bin')
  const entries = typeof bin === 'string' ? singleEntry(checkString(check, 'bin')) : checkFlatArray(check, 'bin').entries()
  const kept: string[] = []
  for (const [index, path] of entries) {
    if (!leavesPackage(path)) kept.push(path)
    else
      check.errors.push(
        `bin${typeof bin === 'string' ? '' : `.${index}`} : invalid value (${path}), must not contain a ".." path component`,
      )
  }
  setOrDelete(check, 'bin', kept)
}

/** Whether a path has a `..` segment, which could lead out of the directory of the package. */
export function leavesPackage(path: string): boolean {
  return path.split(/[/\\]/).includes('..')
}

/** Checks that `time` can be read (CO-111). */
export function checkTime(check: ManifestCheck): void {
  const time = checkString(check, 'time')
  if (time === null || parseReleaseTime(time) !== null) return
  check.errors.push(`time : invalid value (${time}): the time can not be read`)
  check.fields.delete('time')
}

/**
 * Checks that `license` names licences of the SPDX list (CO-127). Unknown ones are kept, values that are no texts are not.
 * Composer leaves out this check for releases older than eight days; here it does not depend on the clock.
 */
export function checkLicense(check: ManifestCheck): void {
  const license = check.fields.get('license')
  if (license === undefined) return
  if (typeof license !== 'string' && !Array.isArray(license)) {
    check.warnings.push(`License must be a string or array of strings, got ${JSON.stringify(license)}.`)
    check.fields.delete('license')
    return
  }
  const kept: string[] = []
  for (const item of typeof license === 'string' ? [license] : license) {
    const warning = licenseProblem(item)
    if (warning !== null) check.warnings.push(warning)
    if (typeof item === 'string' && item.trim() !== '') kept.push(item)
  }
  setOrDelete(check, 'license', kept)
}

function licenseProblem(license: JsonValue): string | null {
  const shown = JSON.stringify(license)
  if (typeof license !== 'string') return `License ${shown} should be a string.`
  if (isLicenseExpression(license)) return null
  if (isLicenseExpression(license.trim())) return `License ${shown} must not contain extra spaces, make sure to trim it.`
  return (
    `License ${shown} is not a valid SPDX license identifier, see https://spdx.org/licenses/ if you use an open license.\n` +
    'If the software is closed-source, you may use "proprietary" as license.'
  )
}

/** Keeps the suggestions that have a text as reason (CO-111). */
export function checkSuggest(check: ManifestCheck): void {
  const kept: [string, JsonValue][] = []
  for (const [name, reason] of checkArray(check, 'suggest') ?? []) {
    if (typeof reason === 'string') kept.push([name, reason])
    else check.errors.push(`suggest.${name} : invalid value, must be a string describing why the package is suggested`)
  }
  setOrDelete(check, 'suggest', Object.fromEntries(kept))
}

/** Checks that `minimum-stability` is one of Composer's five words, in any letter case. */
export function checkMinimumStability(check: ManifestCheck): void {
  const stability = checkString(check, 'minimum-stability')
  if (stability === null || STABILITIES.some((known) => known.toLowerCase() === stability.toLowerCase())) return
  check.errors.push(`minimum-stability : invalid value (${stability}), must be one of ${STABILITIES.join(', ')}`)
  check.fields.delete('minimum-stability')
}

/** Checks a field that must be an object; where PHP would take a list as well, it is removed without a word. */
export function checkObject(check: ManifestCheck, name: string): void {
  if (checkArray(check, name) !== null && asObject(check.fields.get(name)) === null) check.fields.delete(name)
}

function singleEntry(text: string | null): [number, string][] {
  return text === null ? [] : [[0, text]]
}
