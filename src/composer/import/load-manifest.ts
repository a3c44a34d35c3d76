import { tryParseConstraint } from '../constraints.ts'
import { readManifestJson, type JsonObject, type JsonValue, type ManifestProblem } from '../manifest/json.ts'
import {
  arrayEntries,
  asObject,
  field,
  isEmptyValue,
  lowerAscii,
  scalarText,
  shortened,
  typeName,
} from '../manifest/php-values.ts'
import { leavesPackage } from '../manifest/check-texts.ts'
import { parseReleaseTime } from '../manifest/release-time.ts'
import { validateManifest } from '../manifest/validate.ts'
import { LINK_KINDS, toLinks, toVersionManifest, type VersionManifest } from './version-manifest.ts'

/** The `version` field of a manifest: missing, a text to be normalised, or of a type that is no version. */
export type VersionField = { kind: 'missing' } | { kind: 'text'; text: string } | { kind: 'unusable' }

/** Everything an import needs to know of one manifest, whichever refs it is found at. Immutable and safe to share. */
export interface UsableManifest {
  ok: true
  /** The name as written; null if there is none (PHP's `empty`), undefined if the field is of a type that is no name. */
  name: string | null | undefined
  version: VersionField
  /** Why no version can be made of this manifest, or null. */
  rejection: string | null
  /** Why no branch can be made of it, though a tag can, or null. */
  branchRejection: string | null
  type: string
  abandoned: boolean | string
  /** The manifest's own release time: undefined if it names none, null if it cannot be read. */
  time: string | null | undefined
  manifest: VersionManifest
  /** All that `validateManifest` found, to be shown to the maintainers; it does not prevent the import. */
  problems: readonly string[]
  hasSelfVersion: boolean
}

/** A manifest after reading: usable, or why nothing can be read from it. */
export type LoadedManifest = UsableManifest | { ok: false; problem: ManifestProblem }

/** How many problems of one manifest are reported, and how long each may be before it is cut. */
const PROBLEM_LIMIT = 50
const PROBLEM_LENGTH = 500

/** Reads and judges one manifest as Composer's loader does, with the differences that `differences.ts` lists. Never throws. */
export function loadManifest(bytes: Uint8Array): LoadedManifest {
  const read = readManifestJson(bytes)
  if (!read.ok) return read
  // Composer takes a list as well; it just has none of the fields.
  const written = asObject(read.value) ?? {}
  const { manifest: validated, errors, warnings } = validateManifest(written)
  return {
    ok: true,
    name: toName(field(written, 'name')),
    version: toVersionField(field(written, 'version')),
    rejection: findRejection(written),
    branchRejection: findAliasProblem(written),
    type: toType(field(written, 'type')),
    abandoned: toAbandoned(field(written, 'abandoned')),
    time: toTime(field(written, 'time')),
    manifest: toVersionManifest(validated, written),
    problems: toProblems([...errors, ...warnings]),
    hasSelfVersion: LINK_KINDS.some((kind) => Object.values(toLinks(field(written, kind))).includes('self.version')),
  }
}

/** A hostile manifest can have as many faults as it has bytes. The name is judged with the ref, since another ref may give it. */
function toProblems(found: string[]): string[] {
  return found
    .filter((problem) => !problem.startsWith('name : '))
    .slice(0, PROBLEM_LIMIT)
    .map(shortenedProblem)
}

function shortenedProblem(problem: string): string {
  return problem.length <= PROBLEM_LENGTH ? problem : shortened(problem)
}

function toName(value: JsonValue | undefined): string | null | undefined {
  if (isEmptyValue(value)) return null
  return typeof value === 'string' ? value : undefined
}

/** Composer takes any text as type; plugins make paths of it, so one with other signs than names have counts as the default. */
export function toType(value: JsonValue | undefined): string {
  return typeof value === 'string' && /^\w[\w.-]*$/.test(value) && value !== '0' ? lowerAscii(value) : 'library'
}

function toVersionField(value: JsonValue | undefined): VersionField {
  if (value === undefined) return { kind: 'missing' }
  const text = scalarText(value)
  return text === null ? { kind: 'unusable' } : { kind: 'text', text }
}

/** `abandoned` as metadata shows it: false, true, or what to use instead. */
export function toAbandoned(value: JsonValue | undefined): boolean | string {
  if (isEmptyValue(value)) return false
  return typeof value === 'string' ? value : true
}

function toTime(value: JsonValue | undefined): string | null | undefined {
  if (isEmptyValue(value)) return undefined
  return typeof value === 'string' ? parseReleaseTime(value) : null
}

/** The first reason for which Composer would not load the manifest, or would end with a type error; null for none. */
export function findRejection(manifest: JsonObject): string | null {
  return findLinkProblem(manifest) ?? findTypeProblem(manifest) ?? findBinProblem(manifest) ?? findItemProblem(manifest)
}

function findLinkProblem(manifest: JsonObject): string | null {
  for (const kind of LINK_KINDS) {
    const links = toLinks(field(manifest, kind))
    for (const target in links) {
      const constraint = links[target] ?? ''
      if (constraint === 'self.version' || tryParseConstraint(constraint) !== null) continue
      return shortened(`${kind} ${target} should be a valid version constraint, got ${JSON.stringify(constraint)}`)
    }
  }
  return null
}

const MUST_BE_TEXT = ['type', 'target-dir']
const MUST_BE_ARRAY = ['autoload', 'autoload-dev', 'include-path']

function findTypeProblem(manifest: JsonObject): string | null {
  for (const name of MUST_BE_TEXT) {
    const value = field(manifest, name)
    if (value !== undefined && typeof value !== 'string') return `${name} should be a string, ${typeName(value)} given`
  }
  for (const name of MUST_BE_ARRAY) {
    const value = field(manifest, name)
    if (value !== undefined && typeof value !== 'object') return `${name} should be an array, ${typeName(value)} given`
  }
  const time = field(manifest, 'time')
  if (!isEmptyValue(time) && typeof time !== 'string') return `time should be a string, ${typeName(time ?? null)} given`
  return null
}

function findBinProblem(manifest: JsonObject): string | null {
  const bin = field(manifest, 'bin')
  if (bin === undefined) return null
  for (const path of arrayEntries(bin)?.map(([, item]) => item) ?? [bin]) {
    if (typeof path !== 'string') return `bin should be a string, ${typeName(path)} given`
    if (leavesPackage(path)) return `bin ${shortened(JSON.stringify(path))} must not contain a ".." path component`
  }
  return null
}

function findItemProblem(manifest: JsonObject): string | null {
  for (const [target, reason] of arrayEntries(field(manifest, 'suggest')) ?? []) {
    if (typeof reason !== 'string') return `suggest ${shortened(target)} should be a string, ${typeName(reason)} given`
  }
  for (const [, keyword] of arrayEntries(field(manifest, 'keywords')) ?? []) {
    if (typeof keyword === 'object' && keyword !== null) return 'keywords should be strings, array given'
  }
  return null
}

/** Why Composer would end with a type error at the branch aliases of a manifest, or null. */
export function findAliasProblem(manifest: JsonObject): string | null {
  const extra = asObject(field(manifest, 'extra'))
  const aliases = extra === null ? null : arrayEntries(field(extra, 'branch-alias'))
  for (const [source, target] of aliases ?? []) {
    if (typeof target !== 'string') return `extra.branch-alias ${shortened(source)} should be a string, ${typeName(target)} given`
  }
  return null
}
