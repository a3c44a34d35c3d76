import { identifyUpload, type IdentifiedUpload } from './import/identify-upload.ts'
import { loadManifest } from './import/load-manifest.ts'
import { versionKey } from './import/ref-version.ts'
import { readManifestJson, type JsonObject, type JsonValue } from './manifest/json.ts'
import { asObject, field } from './manifest/php-values.ts'
import { validateManifest } from './manifest/validate.ts'

/** Where the archive of a custom version is. `url` is http or https without user or password; `shasum` a SHA-1 in lower case. */
export interface CustomDist {
  type: 'zip' | 'tar'
  url: string
  reference: string | null
  shasum: string | null
}

/** Where clients find the source of a custom version. `url` has no password; whether its host may be named is for the caller to judge. */
export interface CustomSource {
  type: 'git' | 'svn' | 'hg'
  url: string
  reference: string
}

/** One version that a definition holds, with its place in it, as `packages[0]`. A metapackage has neither source nor dist, others at least one. */
export interface CustomVersion extends IdentifiedUpload {
  path: string
  /** RFC 3339, or null when the definition does not say. */
  time: string | null
  source: CustomSource | null
  dist: CustomDist | null
}

/** What was read of a definition: versions, or everything that is wrong with it. Each problem begins with its path. */
export type ReadDefinition = { ok: true; versions: CustomVersion[] } | { ok: false; problems: string[] }

/** The largest definition that is read, in bytes. */
export const DEFINITION_SIZE_LIMIT = 4 * 1_048_576

/** How many versions one definition may hold. */
export const DEFINITION_VERSION_LIMIT = 1_000

const PROBLEM_LIMIT = 100
const LONGEST_PROBLEM = 500
const LONGEST_URL = 2_000

/**
 * Reads the definition of custom packages: a package as composer.json has it, with `name`, `version` and `dist` or `source`, or a list of such;
 * also wrapped in `{"package": …}` as in a Composer repository of type `package`. Several packages may have several versions each. Never
 * throws; reports up to a hundred problems at once.
 */
export function readCustomDefinition(definition: Uint8Array): ReadDefinition {
  const read = readManifestJson(definition, DEFINITION_SIZE_LIMIT)
  if (!read.ok) return { ok: false, problems: [read.problem.reason.replaceAll('composer.json', 'the definition')] }
  const packages = listPackages(read.value)
  if (packages === null) return { ok: false, problems: ['packages: there is no package in the definition'] }
  if (packages.length > DEFINITION_VERSION_LIMIT) {
    return { ok: false, problems: [`packages: there are more than ${DEFINITION_VERSION_LIMIT} versions`] }
  }
  const problems: string[] = []
  const versions: CustomVersion[] = []
  for (const [index, value] of packages.entries()) {
    const result = readVersion(value, `packages[${index}]`)
    if (Array.isArray(result)) problems.push(...result)
    else versions.push(result)
  }
  problems.push(...findClashes(versions))
  return problems.length === 0 ? { ok: true, versions } : { ok: false, problems: problems.slice(0, PROBLEM_LIMIT) }
}

function listPackages(value: JsonValue): JsonValue[] | null {
  const wrapper = asObject(value)
  const wrapped = wrapper === null ? undefined : field(wrapper, 'package')
  const content = wrapped ?? value
  const packages = Array.isArray(content) ? content : [content]
  return packages.length === 0 ? null : packages
}

function readVersion(value: JsonValue, path: string): CustomVersion | string[] {
  const written = asObject(value)
  if (written === null) return [`${path}: it must be an object`]
  const problems = validateManifest(written).errors.map((error) => error.replace(' : ', ': ').slice(0, LONGEST_PROBLEM))
  if (field(written, 'version') === undefined) problems.push('version: must be present')
  const dist = readDist(field(written, 'dist'), problems)
  const source = readSource(field(written, 'source'), problems)
  const bytes = new TextEncoder().encode(JSON.stringify(written))
  const identified = identifyUpload(bytes, { name: null, version: null })
  if (problems.length === 0 && !identified.ok) {
    problems.push(identified.problem.kind === 'unusable' ? `: ${identified.problem.problem}` : ': it contradicts itself')
  }
  if (identified.ok && problems.length === 0) {
    problems.push(...findOriginProblems(identified.upload.type, dist !== null || source !== null))
  }
  if (!identified.ok || problems.length > 0) {
    return [...new Set(problems)].map((problem) => `${path}${problem.startsWith(':') ? '' : '.'}${problem}`)
  }
  const loaded = loadManifest(bytes)
  return { ...identified.upload, path, time: loaded.ok ? (loaded.time ?? null) : null, source, dist }
}

function findOriginProblems(type: string, hasOrigin: boolean): string[] {
  if (type === 'metapackage') return hasOrigin ? [': a metapackage has neither dist nor source'] : []
  return hasOrigin ? [] : [': dist or source must be present, except for a metapackage']
}

function readDist(value: JsonValue | undefined, problems: string[]): CustomDist | null {
  const dist = asObject(value ?? null)
  if (dist === null) return null
  const type = field(dist, 'type')
  const url = textOf(dist, 'url')
  const shasum = textOf(dist, 'shasum')?.toLowerCase() ?? null
  if (type !== undefined && type !== 'zip' && type !== 'tar') problems.push('dist.type: only zip and tar can be served')
  if (url !== null) problems.push(...findHttpProblems(url).map((problem) => `dist.url: ${problem}`))
  if (shasum !== null && !/^[0-9a-f]{40}$/.test(shasum)) problems.push('dist.shasum: it must be a SHA-1, 40 hexadecimal digits')
  if (url === null || (type !== 'zip' && type !== 'tar')) return null
  return { type, url, reference: textOf(dist, 'reference'), shasum }
}

function readSource(value: JsonValue | undefined, problems: string[]): CustomSource | null {
  const source = asObject(value ?? null)
  if (source === null) return null
  const type = field(source, 'type')
  const url = textOf(source, 'url')
  const reference = textOf(source, 'reference')
  const isKnown = type === 'git' || type === 'svn' || type === 'hg'
  if (type !== undefined && !isKnown) problems.push('source.type: only git, svn and hg are known')
  if (url !== null) problems.push(...findSourceUrlProblems(url).map((problem) => `source.url: ${problem}`))
  if (reference !== null && (reference.length > 255 || /[\p{Cc}\s]/u.test(reference))) {
    problems.push('source.reference: it must be at most 255 characters without white space')
  }
  return url === null || reference === null || !isKnown ? null : { type, url, reference }
}

function textOf(origin: JsonObject, name: string): string | null {
  const value = field(origin, name)
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : null
}

function findHttpProblems(text: string): string[] {
  const url = text.length > LONGEST_URL || /[\p{Cc}\s\\]/u.test(text) ? null : URL.parse(text)
  if (url === null) return [`it must be a URL of at most ${LONGEST_URL} characters`]
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return ['only http and https can be fetched']
  return url.username === '' && url.password === '' ? [] : ['it contains a user or password; store a credential instead']
}

const SOURCE_SCHEMES = ['https:', 'http:', 'ssh:', 'git:', 'svn:', 'svn+ssh:', 'file:']

/** What clients would run a program with: no password, no option, no other kind of address than those that the programs document. */
function findSourceUrlProblems(text: string): string[] {
  if (text.length > LONGEST_URL || /[\p{Cc}\s\\]/u.test(text)) return [`it must be a URL of at most ${LONGEST_URL} characters`]
  if (/^[a-z0-9_][a-z0-9_.-]*@[a-z0-9][a-z0-9.-]*:(?!-)[^:]+$/i.test(text)) return []
  const url = URL.parse(text)
  if (url === null || !SOURCE_SCHEMES.includes(url.protocol) || text.includes('::')) {
    return ['it must be a URL of https, http, ssh, git, svn, svn+ssh or file, or have the form user@host:path']
  }
  if (url.hostname.startsWith('-')) return ['its host starts with "-"']
  const isUserAllowed = url.protocol === 'ssh:' || url.protocol === 'svn+ssh:'
  return url.password === '' && (url.username === '' || isUserAllowed) ? [] : ['it contains a user or password']
}

/** Versions of one package that Composer takes for the same, and references under which two archives would have to be kept. */
function findClashes(versions: readonly CustomVersion[]): string[] {
  const problems: string[] = []
  const taken = new Map<string, string>()
  const references = new Map<string, { path: string; dist: CustomDist }>()
  for (const { path, name, normalized, version, dist } of versions) {
    const key = versionKey({ name, normalized })
    const rival = taken.get(key)
    if (rival !== undefined) problems.push(`${path}.version: ${version} is the same version as that of ${rival}`)
    taken.set(key, rival ?? path)
    if (dist === null || dist.reference === null) continue
    const referenceKey = `${name} ${dist.reference}`
    const known = references.get(referenceKey)
    if (known !== undefined && (known.dist.url !== dist.url || known.dist.shasum !== dist.shasum)) {
      problems.push(`${path}.dist.reference: ${known.path} has another archive with this reference`)
    }
    references.set(referenceKey, known ?? { path, dist })
  }
  return problems
}
