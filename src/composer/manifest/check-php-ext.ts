import type { ManifestCheck } from './check.ts'
import { checkArray, setOrDelete, without } from './check.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { arrayEntries, asObject, typeName } from './php-values.ts'

const TEXTS = ['extension-name', 'build-path']
const SWITCHES = ['support-zts', 'support-nts']
const FAMILIES = ['windows', 'bsd', 'darwin', 'solaris', 'linux', 'unknown']
const DOWNLOAD_METHODS = ['composer-default', 'pre-packaged-source', 'pre-packaged-binary']

/** Checks `php-ext`, the description of a PHP extension written in C, and removes what is malformed in it (CO-111). */
export function checkPhpExtension(check: ManifestCheck): void {
  if (checkArray(check, 'php-ext') === null) return
  const type = check.fields.get('type')
  if (type !== 'php-ext' && type !== 'php-ext-zend') {
    check.errors.push('php-ext can only be set by packages of type "php-ext" or "php-ext-zend" which must be C extensions')
    check.fields.delete('php-ext')
    return
  }
  const extension = asObject(check.fields.get('php-ext')) ?? {}
  const removed = new Set<string>()
  for (const [name, value] of Object.entries(extension)) {
    const problem = value === null ? null : fieldProblem(name, value)
    if (problem === null) continue
    check.errors.push(problem)
    removed.add(name)
  }
  if (extension['os-families'] && extension['os-families-exclude']) {
    check.errors.push('php-ext : os-families and os-families-exclude can not both be given')
    removed.add('os-families').add('os-families-exclude')
  }
  setOrDelete(check, 'php-ext', without(extension, removed))
}

function fieldProblem(name: string, value: JsonValue): string | null {
  if (TEXTS.includes(name)) return typeof value === 'string' ? null : wrongType(name, { value, wanted: 'a string' })
  if (SWITCHES.includes(name)) return typeof value === 'boolean' ? null : wrongType(name, { value, wanted: 'boolean' })
  if (name === 'priority') return Number.isInteger(value) ? null : wrongType(name, { value, wanted: 'an integer' })
  if (name === 'os-families' || name === 'os-families-exclude') return familiesProblem(name, value)
  if (name === 'download-url-method') return downloadMethodProblem(value)
  if (name === 'configure-options') return optionsProblem(value)
  return null
}

function wrongType(name: string, { value, wanted }: { value: JsonValue; wanted: string }): string {
  return `php-ext.${name} : should be ${wanted}, ${typeName(value)} given`
}

function familiesProblem(name: string, value: JsonValue): string | null {
  const families = arrayEntries(value)
  if (families === null || families.length === 0) return wrongType(name, { value, wanted: 'a list of at least one family' })
  for (const [key, family] of families) {
    if (typeof family === 'string' && FAMILIES.includes(family)) continue
    return `php-ext.${name}.${key} : invalid value (${shown(family)}), must be one of ${FAMILIES.join(', ')}`
  }
  return null
}

function downloadMethodProblem(value: JsonValue): string | null {
  const methods = typeof value === 'string' ? [value] : (arrayEntries(value) ?? []).map(([, method]) => method)
  const unknown = methods.find((method) => typeof method !== 'string' || !DOWNLOAD_METHODS.includes(method))
  if (methods.length > 0 && unknown === undefined) return null
  return `php-ext.download-url-method : invalid value (${shown(unknown ?? value)}), must be one of ${DOWNLOAD_METHODS.join(', ')}`
}

function optionsProblem(value: JsonValue): string | null {
  const options = arrayEntries(value)
  if (options === null) return wrongType('configure-options', { value, wanted: 'an array' })
  for (const [key, item] of options) {
    const option: JsonObject | null = asObject(item)
    if (option === null || typeof option['name'] !== 'string')
      return `php-ext.configure-options.${key} : must be an object with a name`
  }
  return null
}

function shown(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
