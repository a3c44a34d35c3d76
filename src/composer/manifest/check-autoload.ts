import { checkArray, setOrDelete, type ManifestCheck } from './check.ts'
import type { JsonValue } from './json.ts'
import { arrayEntries, asObject } from './php-values.ts'

const NAMESPACE_TYPES = ['psr-0', 'psr-4']
const PATH_TYPES = ['classmap', 'files', 'exclude-from-classmap']
const TYPES = [...NAMESPACE_TYPES, ...PATH_TYPES]

/**
 * Keeps what an autoloader can be generated from (CO-111): of `psr-0` and `psr-4` the namespaces with a path or a list of paths, of the
 * other types the lists of paths. Must run after `target-dir` was checked.
 */
export function checkAutoload(check: ManifestCheck): void {
  const kept: [string, JsonValue][] = []
  for (const [type, rules] of checkArray(check, 'autoload') ?? []) {
    if (!TYPES.includes(type)) {
      check.errors.push(`autoload : invalid value (${type}), must be one of ${TYPES.join(', ')}`)
      continue
    }
    if (type === 'psr-4') checkNamespaces(check, rules)
    const usable = NAMESPACE_TYPES.includes(type) ? toNamespaces(rules) : toPaths(rules)
    if (usable !== null) kept.push([type, usable])
  }
  const hasPsr4 = kept.some(([type]) => type === 'psr-4')
  if (hasPsr4 && check.fields.has('target-dir')) {
    check.errors.push(
      'target-dir : this can not be used together with the autoload.psr-4 setting, remove target-dir to upgrade to psr-4',
    )
  }
  setOrDelete(check, 'autoload', Object.fromEntries(kept))
}

function checkNamespaces(check: ManifestCheck, rules: JsonValue): void {
  for (const [namespace] of arrayEntries(rules) ?? []) {
    if (namespace === '' || namespace.endsWith('\\')) continue
    check.errors.push(
      `autoload.psr-4 : invalid value (${namespace}), namespaces must end with a namespace separator, should be ${namespace}\\\\`,
    )
  }
}

function toNamespaces(rules: JsonValue): JsonValue | null {
  const usable: [string, JsonValue][] = []
  for (const [namespace, paths] of Object.entries(asObject(rules) ?? {})) {
    const kept = typeof paths === 'string' ? paths : toPaths(paths)
    if (kept !== null) usable.push([namespace, kept])
  }
  return usable.length === 0 ? null : Object.fromEntries(usable)
}

function toPaths(rules: JsonValue): string[] | null {
  const paths = (arrayEntries(rules) ?? []).map(([, path]) => path).filter((path) => typeof path === 'string')
  return paths.length === 0 ? null : paths
}
