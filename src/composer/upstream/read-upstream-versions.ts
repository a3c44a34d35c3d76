import { createHash } from 'node:crypto'
import { tryParseConstraint } from '../constraints.ts'
import { findAliasProblem, findRejection, toAbandoned, toType } from '../import/load-manifest.ts'
import { refNameProblem } from '../import/ref-order.ts'
import { versionKey } from '../import/ref-version.ts'
import { toLinks } from '../import/version-manifest.ts'
import type { JsonObject, JsonValue } from '../manifest/json.ts'
import { asObject, field, lowerAscii, scalarText, shortened } from '../manifest/php-values.ts'
import { parseReleaseTime } from '../manifest/release-time.ts'
import { expandVersions, MINIFIED_MARKER } from '../minify.ts'
import { parseStability } from '../stability.ts'
import { isNumericBranch, tryNormalizeVersion } from '../versions.ts'
import { createManifestReader, findJsonFlaw } from './upstream-manifest.ts'
import { readUpstreamDist, readUpstreamSource } from './upstream-origin.ts'
import type { UpstreamDist, UpstreamVersion } from './upstream-version.ts'

/** What is read, and how. */
export interface UpstreamVersionsInput {
  /** The lower-case name that was asked for; versions of others are never taken. */
  name: string
  /** The decoded JSON document. */
  document: unknown
  /** One of the two files that Composer 2 asks for, which are about one package alone, or a document that may have others beside it. */
  file: 'plain' | 'dev' | 'any'
  /** What relative addresses of archives are relative to. */
  baseUrl: string
}

/** The outcome of `readUpstreamVersions`; `absent`: the document does not know the name. */
export type ReadUpstreamVersions =
  | { kind: 'absent' }
  | { kind: 'versions'; versions: UpstreamVersion[]; skipped: SkippedUpstreamVersion[] }
  | { kind: 'unusable'; problem: string }

/** A version that was left out, as it is written, and why. */
export interface SkippedUpstreamVersion {
  version: string
  reason: string
}

const LONGEST_PART_OF_PATH = 100
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/

/**
 * Reads the versions of one package from a document of any shape that has `packages` (contract §2.2 to §2.4, §4.1): minified or not, a list or a
 * map. Versions that clients could not load are left out with the reason; of two that are the same to Composer the first one counts. A document that
 * gives another package for the one that was asked for is unusable as a whole (abuse 25). Never throws.
 */
export function readUpstreamVersions({ name, document, file, baseUrl }: UpstreamVersionsInput): ReadUpstreamVersions {
  const found = findPackage(document, { name, file })
  if (found.kind !== 'found') return found
  const versions = new Map<string, UpstreamVersion>()
  const skipped: SkippedUpstreamVersion[] = []
  const reading = { name, baseUrl, judged: new WeakSet<object>(), readManifest: createManifestReader() }
  for (const item of found.items) {
    const stranger = isObject(item) ? findStranger(item, name) : null
    if (stranger !== null) return { kind: 'unusable', problem: `it gives versions of ${stranger} for ${name}` }
    const read = isObject(item) ? readVersion(item, reading) : 'it is no object'
    const label = isObject(item) ? shortened(scalarText(field(item, 'version')) ?? '?') : '?'
    if (typeof read === 'string') {
      skipped.push({ version: label, reason: read })
      continue
    }
    const key = versionKey({ name, normalized: read.normalized })
    if (versions.has(key)) skipped.push({ version: label, reason: `it is the same as ${versions.get(key)?.version ?? ''}` })
    else versions.set(key, read)
  }
  return { kind: 'versions', versions: withDistinctReferences(withOneDefaultBranch([...versions.values()])), skipped }
}

type Found = { kind: 'found'; items: unknown[] } | { kind: 'absent' } | { kind: 'unusable'; problem: string }

function findPackage(document: unknown, { name, file }: Pick<UpstreamVersionsInput, 'name' | 'file'>): Found {
  if (!isObject(document) || Array.isArray(document)) return { kind: 'unusable', problem: 'it is no JSON object' }
  const packages = field(document, 'packages')
  if (packages === undefined) {
    const isAboutPackage = ['security-advisories', 'filter'].some((key) => Object.hasOwn(document, key))
    return isAboutPackage ? { kind: 'absent' } : { kind: 'unusable', problem: 'it has no "packages"' }
  }
  const byName = asObject(packages)
  if (byName === null) return { kind: 'unusable', problem: 'its "packages" is no object' }
  const names = Object.keys(byName)
  const key = Object.hasOwn(byName, name) ? name : names.find((other) => lowerAscii(other) === name)
  if (key === undefined) {
    const isAnswer = names.length === 0 || (file === 'any' && isVirtual(byName, name))
    return isAnswer ? { kind: 'absent' } : { kind: 'unusable', problem: `it has ${shortened(names[0] ?? '')}, not ${name}` }
  }
  const written = byName[key]
  if (!isObject(written)) return { kind: 'unusable', problem: `its versions of ${name} are no list` }
  const items: unknown[] = Object.values(written)
  const isMinified = field(document, 'minified') === MINIFIED_MARKER && items.every(isObject)
  return { kind: 'found', items: isMinified ? expandVersions(items as JsonObject[]) : items }
}

/** Files of Composer 1 about a name that is no package hold the packages that stand in for it (contract §4.1). */
function isVirtual(byName: JsonObject, name: string): boolean {
  const versions = Object.values(byName).flatMap((written) => (isObject(written) ? Object.values(written) : []))
  return versions.some(
    (version) => isObject(version) && ['provide', 'replace'].some((kind) => Object.hasOwn(toLinks(field(version, kind)), name)),
  )
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null
}

/** The name of another package that a version claims to be of, or null. */
function findStranger(item: JsonObject, name: string): string | null {
  const own = field(item, 'name')
  return typeof own !== 'string' || lowerAscii(own) === name ? null : shortened(own)
}

interface Reading extends Pick<UpstreamVersionsInput, 'name' | 'baseUrl'> {
  /** What `findJsonFlaw` looked at. */
  judged: WeakSet<object>
  readManifest: ReturnType<typeof createManifestReader>
}

/** The version, or why it is left out. */
function readVersion(written: JsonObject, { name, baseUrl, judged, readManifest }: Reading): UpstreamVersion | string {
  const identified = identify(field(written, 'version'))
  if (typeof identified === 'string') return identified
  const rejection = findJsonFlaw(written, judged) ?? findRejection(withTextTime(written)) ?? findAliasProblem(written)
  if (rejection !== null) return rejection
  const { version, normalized } = identified
  const type = toType(field(written, 'type'))
  const source = readUpstreamSource(field(written, 'source'))
  const dist = readUpstreamDist(field(written, 'dist'), { name, version, normalized, baseUrl })
  if (source === null && dist === null && type !== 'metapackage') return 'it has neither an archive nor a source that can be used'
  const manifest = readManifest(written)
  const stability = parseStability(normalized)
  return {
    version,
    normalized,
    stability,
    type,
    isDefaultBranch: stability === 'dev' && isDefaultBranch(written, normalized),
    time: readTime(written, 'time'),
    publishedTime: readTime(written, 'published-time'),
    reference: toReference({ dist, source }, () => JSON.stringify([version, type, manifest])),
    manifest,
    abandoned: toAbandoned(field(written, 'abandoned')),
    source,
    dist,
  }
}

/** Normalised here, whatever `version_normalized` says. A version has to survive in constraints, URLs and lock files. */
function identify(value: JsonValue | undefined): { version: string; normalized: string } | string {
  const version = scalarText(value)?.trim() ?? ''
  if (version === '') return 'it has no version'
  const normalized = /[\s#]/.test(version) ? null : tryNormalizeVersion(version)
  if (normalized === null || refNameProblem(normalized) !== null || tryParseConstraint(normalized) === null) {
    return `${shortened(JSON.stringify(version))} is no version`
  }
  return { version, normalized }
}

/** Unix times may be numbers (contract §2.3). */
function withTextTime(written: JsonObject): JsonObject {
  const time = field(written, 'time')
  return typeof time === 'number' ? { ...written, time: String(time) } : written
}

function readTime(written: JsonObject, name: string): string | null {
  const text = scalarText(field(written, name))
  return text === null || text.length > 100 ? null : parseReleaseTime(text)
}

/** Composer 1 gave the default branch away by its normalised version alone (contract §4.2). */
function isDefaultBranch(written: JsonObject, normalized: string): boolean {
  const said = field(written, 'default-branch')
  return said === undefined
    ? field(written, 'version_normalized') === '9999999-dev' && !isNumericBranch(normalized)
    : said === true
}

/** Clients expect one at most; of several the first one counts. */
function withOneDefaultBranch(versions: UpstreamVersion[]): UpstreamVersion[] {
  const first = versions.find((version) => version.isDefaultBranch)
  return versions.map((version) =>
    version.isDefaultBranch && version !== first ? { ...version, isDefaultBranch: false } : version,
  )
}

/** Lasting, fit for a URL, and another one when the files may be others (Pricore §10). Without files it changes with what is said. */
function toReference({ dist, source }: Pick<UpstreamVersion, 'dist' | 'source'>, describe: () => string): string {
  const usable = asUrlPart(dist?.reference ?? source?.reference ?? null)
  if (usable !== null) return usable
  if (dist !== null) return hashOfDist(dist)
  return source === null ? hash([describe()]) : hash([source.url, source.reference])
}

/** Paths of archives may write `r` before a hexadecimal reference, so one that begins like that would be read as another. */
function asUrlPart(reference: string | null): string | null {
  if (reference === null || reference.length > LONGEST_PART_OF_PATH || /^r[0-9a-f]{7,}$/.test(reference)) return null
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(reference) ? reference : null
}

/** An archive is kept under its reference. A commit says what is in it; any other reference that several archives share does not. */
function withDistinctReferences(versions: UpstreamVersion[]): UpstreamVersion[] {
  const urls = new Map<string, string>()
  const shared = new Set<string>()
  for (const { reference, dist } of versions) {
    if (dist === null || COMMIT.test(reference)) continue
    if ((urls.get(reference) ?? dist.url) !== dist.url) shared.add(reference)
    urls.set(reference, dist.url)
  }
  if (shared.size === 0) return versions
  return versions.map((version) =>
    version.dist !== null && shared.has(version.reference) ? { ...version, reference: hashOfDist(version.dist) } : version,
  )
}

function hashOfDist({ reference, url, shasum }: UpstreamDist): string {
  return hash([reference ?? '', url, shasum ?? ''])
}

function hash(parts: readonly string[]): string {
  return createHash('sha1').update(parts.join('\n')).digest('hex')
}
