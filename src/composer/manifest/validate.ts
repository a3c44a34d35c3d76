import { normalizeBranch, parseNumericAliasPrefix, tryNormalizeVersion } from '../versions.ts'
import { packageNameProblem } from '../names.ts'
import { checkAutoload } from './check-autoload.ts'
import { checkLinks } from './check-links.ts'
import { checkAuthors, checkFunding, checkSupport } from './check-people.ts'
import { checkPhpExtension } from './check-php-ext.ts'
import {
  checkBin,
  checkHomepage,
  checkKeywords,
  checkLicense,
  checkMinimumStability,
  checkObject,
  checkSuggest,
  checkTime,
  checkType,
} from './check-texts.ts'
import { checkArray, checkFlatArray, checkString, startCheck, without, type ManifestCheck } from './check.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { arrayEntries, asObject, field, scalarText, typeName } from './php-values.ts'

/** What `validateManifest` found, in Composer's order, and what is left of the manifest without the values it found fault with. */
export interface ValidatedManifest {
  /** Faults for which a version must be rejected when it is published. */
  errors: string[]
  /** Faults that are tolerated, and advice. */
  warnings: string[]
  manifest: JsonObject
}

/**
 * Judges a decoded composer.json as Composer's validating loader does (CO-111, contract §6.2), for any JSON value and without
 * throwing. Texts are Composer's except where they quote PHP's own messages.
 */
export function validateManifest(value: JsonValue): ValidatedManifest {
  const check = startCheck(value)
  checkName(check)
  checkVersion(check)
  checkPlatform(check)
  checkType(check)
  checkString(check, 'target-dir')
  checkObject(check, 'extra')
  checkBin(check)
  checkObject(check, 'scripts')
  checkString(check, 'description')
  checkHomepage(check)
  checkKeywords(check)
  checkTime(check)
  checkLicense(check)
  checkAuthors(check)
  checkSupport(check)
  checkFunding(check)
  checkPhpExtension(check)
  checkLinks(check)
  checkSuggest(check)
  checkMinimumStability(check)
  checkAutoload(check)
  checkOrigin(check, 'source')
  checkOrigin(check, 'dist')
  checkFlatArray(check, 'include-path')
  checkArray(check, 'transport-options')
  checkBranchAliases(check)
  return { errors: check.errors, warnings: check.warnings, manifest: Object.fromEntries(check.fields) }
}

function checkName(check: ManifestCheck): void {
  const name = checkString(check, 'name')
  if (name === null) {
    check.errors.push('name : must be present')
    return
  }
  const problem = packageNameProblem(name)
  if (problem !== null) check.errors.push(`name : ${problem}`)
}

function checkVersion(check: ManifestCheck): void {
  const value = check.fields.get('version')
  if (value === undefined) return
  const text = scalarText(value)
  if (text === null) {
    checkString(check, 'version')
    return
  }
  if (tryNormalizeVersion(text) !== null) {
    check.fields.set('version', text)
    return
  }
  check.errors.push(`version : invalid value (${text}): Invalid version string "${text}"`)
  check.fields.delete('version')
}

function checkPlatform(check: ManifestCheck): void {
  const config = asObject(check.fields.get('config'))
  const platform = config === null ? undefined : field(config, 'platform')
  for (const [name, version] of arrayEntries(platform) ?? []) {
    if (version === false) continue
    const path = `config.platform.${name} : invalid value`
    if (typeof version !== 'string') check.errors.push(`${path} (${typeName(version)}): expected string or false`)
    else if (tryNormalizeVersion(version) === null) check.errors.push(`${path} (${version}): Invalid version string "${version}"`)
  }
}

/** Checks `source` or `dist`: complete, of texts, and nothing that a command line would take for an option (CO-122). */
function checkOrigin(check: ManifestCheck, name: 'source' | 'dist'): void {
  if (checkArray(check, name) === null) return
  const origin = asObject(check.fields.get(name)) ?? {}
  const required = name === 'source' ? ['type', 'url', 'reference'] : ['type', 'url']
  for (const key of required) if (field(origin, key) === undefined) check.errors.push(`${name}.${key} : must be present`)
  for (const key of ['type', 'url']) {
    const value = field(origin, key)
    if (value !== undefined && typeof value !== 'string')
      check.errors.push(`${name}.${key} : should be a string, ${typeName(value)} given`)
  }
  const reference = field(origin, 'reference')
  if (reference !== undefined && typeof reference !== 'string' && !Number.isInteger(reference)) {
    check.errors.push(`${name}.reference : should be a string or int, ${typeName(reference)} given`)
  }
  for (const key of ['reference', 'url']) {
    const text = scalarText(field(origin, key))
    if (text !== null && /^\s*-/.test(text)) check.errors.push(`${name}.${key} : must not start with a "-", "${text}" given`)
  }
}

function checkBranchAliases(check: ManifestCheck): void {
  const extra = asObject(check.fields.get('extra'))
  const aliases = extra === null ? undefined : field(extra, 'branch-alias')
  if (extra === null || aliases === undefined) return
  const entries = arrayEntries(aliases)
  if (entries === null) {
    check.errors.push('extra.branch-alias : must be an array of versions => aliases')
    check.fields.set('extra', without(extra, new Set(['branch-alias'])))
    return
  }
  const unusable = new Set<string>()
  for (const [source, target] of entries) {
    const problem = aliasProblem(source, target)
    if (problem === null) continue
    check.warnings.push(`extra.branch-alias.${source} : the target branch ${problem}`)
    unusable.add(source)
  }
  const kept = without(Object.fromEntries(entries), unusable)
  check.fields.set(
    'extra',
    Object.fromEntries(Object.entries(extra).map(([key, item]) => [key, key === 'branch-alias' ? kept : item])),
  )
}

function aliasProblem(source: string, target: JsonValue): string | null {
  if (typeof target !== 'string') return `(${JSON.stringify(target)}) must be a string, "${typeName(target)}" received.`
  if (!target.endsWith('-dev')) return `(${target}) must end in -dev`
  if (normalizeBranch(target.slice(0, -4)).startsWith('dev-')) return `(${target}) must be a parseable number like 2.0-dev`
  const sourcePrefix = parseNumericAliasPrefix(source)
  const targetPrefix = parseNumericAliasPrefix(target)
  if (sourcePrefix === null || targetPrefix === null || targetPrefix.startsWith(sourcePrefix)) return null
  return `(${target}) is not a valid numeric alias for this version`
}
