import type { JsonObject, JsonValue } from '../manifest/json.ts'
import { arrayEntries, asObject, field, lowerAscii } from '../manifest/php-values.ts'

/** The kinds of links between packages, in the order of metadata documents. */
export const LINK_KINDS = ['require', 'require-dev', 'conflict', 'provide', 'replace'] as const

/** One of the five kinds of links. */
export type LinkKind = (typeof LINK_KINDS)[number]

/** Links of one kind: lower-case package name to constraint, as written. */
export type Links = Record<string, string>

/**
 * What is published of a manifest: only fields that Composer reads from a repository, each of the shape that the contract (§2.3)
 * gives it, and none that is empty. It belongs to a manifest, not to a version: name, version, time, type, source and dist are not
 * part of it. Plain JSON, so that it can be stored.
 */
export interface VersionManifest {
  description?: string
  keywords?: string[]
  homepage?: string
  license?: string[]
  authors?: JsonObject[]
  support?: JsonObject
  'php-ext'?: JsonObject
  funding?: JsonObject[]
  autoload?: JsonObject
  extra?: JsonObject
  'target-dir'?: string
  'include-path'?: string[]
  bin?: string[]
  require?: Links
  'require-dev'?: Links
  suggest?: Links
  conflict?: Links
  provide?: Links
  replace?: Links
}

/** The fields of a version manifest that are taken over as validated. */
const COPIED_FIELDS = [
  'description',
  'keywords',
  'homepage',
  'license',
  'authors',
  'support',
  'php-ext',
  'funding',
  'autoload',
  'include-path',
  'suggest',
] as const

/** Chooses and brings into shape what is published of a manifest. `validated` comes from `validateManifest`, `written` is the original. */
export function toVersionManifest(validated: JsonObject, written: JsonObject): VersionManifest {
  const chosen: [string, JsonValue][] = []
  for (const name of COPIED_FIELDS) {
    const value = field(validated, name)
    if (value !== undefined) chosen.push([name, value])
  }
  // Taken as written: clients judge each alias for themselves, and plugins own the rest.
  const extra = asObject(field(written, 'extra'))
  if (extra !== null && Object.keys(extra).length > 0) chosen.push(['extra', extra])
  const targetDirectory = cleanTargetDirectory(field(validated, 'target-dir'))
  if (targetDirectory !== '') chosen.push(['target-dir', targetDirectory])
  const bin: string[] = []
  for (const [, path] of arrayEntries(field(validated, 'bin')) ?? []) {
    if (typeof path === 'string') bin.push(path.replace(/^\/+/, ''))
  }
  if (bin.length > 0) chosen.push(['bin', bin])
  for (const kind of LINK_KINDS) {
    const links = toLinks(field(written, kind))
    if (Object.keys(links).length > 0) chosen.push([kind, links])
  }
  // Every value comes out of the validation with the shape that the type promises.
  return Object.fromEntries(chosen) as VersionManifest
}

/**
 * The links of one kind as Composer loads them: names in lower case, of two names that differ in case only the last one; a constraint
 * that is no text drops its link; a value that is neither list nor object has none.
 */
export function toLinks(value: JsonValue | undefined): Links {
  if (isLinks(value)) return value
  const links = new Map<string, string>()
  for (const [target, constraint] of arrayEntries(value) ?? []) {
    if (typeof constraint === 'string') links.set(lowerAscii(target), constraint)
  }
  return Object.fromEntries(links)
}

/** Nearly all links are written as they are loaded; a registry reads many thousand of them at once. */
function isLinks(value: JsonValue | undefined): value is Links {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  for (const target in value) if (typeof value[target] !== 'string' || /[A-Z]/.test(target)) return false
  return true
}

/** Takes `.` and `..` segments and leading slashes away, so that the directory stays below that of the package. */
function cleanTargetDirectory(value: JsonValue | undefined): string {
  if (typeof value !== 'string') return ''
  const segments = value.split(/[/\\]+/).filter((segment) => segment !== '' && segment !== '.' && segment !== '..')
  return segments.join('/')
}
