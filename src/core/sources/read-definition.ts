import { createHash } from 'node:crypto'
import {
  guessArchiveFormat,
  compareVersions,
  readCustomDefinition,
  type ArchiveFormat,
  type CustomDist,
  type CustomSource,
  type CustomVersion,
  type VersionManifest,
} from '../../composer/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { CandidatePackage, CandidateVersion } from '../packages/index.ts'

/**
 * What is published of a custom version: a manifest, and where its files are as the definition says. Of a mirrored one it is the upstream that says
 * so, and when it published the version (RFC 3339), if it says that.
 */
export interface CustomManifest extends VersionManifest {
  origin: { source: CustomSource | null; hasDist: boolean; publishedTime?: string }
}

/** An archive to be fetched, with the package and the reference under which it will be kept. */
export interface DefinedArchive extends CustomDist {
  name: string
  reference: string
  format: ArchiveFormat
}

/** A definition that may be published. */
export interface Definition {
  packages: CandidatePackage[]
  archives: DefinedArchive[]
  versions: number
  /** Faults that did not prevent a version, each with its path. */
  notes: string[]
}

const LONGEST_REFERENCE = 100
const SHOWN_PROBLEMS = 100

/**
 * Reads and judges the definition of a custom source, see `readCustomDefinition`. http is accepted only where the operator opened it. Throws
 * `definition_refused` with every problem and its path, one a line.
 */
export function readDefinition(ctx: Pick<Ctx, 'sourceUrls'>, text: string): Definition {
  const read = readCustomDefinition(new TextEncoder().encode(text))
  const problems = read.ok ? findPolicyProblems(ctx, read.versions) : read.problems
  if (!read.ok || problems.length > 0) {
    throw new DomainError('definition_refused', { problems: problems.slice(0, SHOWN_PROBLEMS).join('\n') })
  }
  return toDefinition(read.versions)
}

function findPolicyProblems({ sourceUrls }: Pick<Ctx, 'sourceUrls'>, versions: readonly CustomVersion[]): string[] {
  const problems: string[] = []
  for (const { path, dist, source } of versions) {
    if (!sourceUrls.allowHttp && dist !== null && new URL(dist.url).protocol === 'http:') {
      problems.push(`${path}.dist.url: http is not encrypted and not opened on this installation; use https`)
    }
    if (!sourceUrls.allowFile && source !== null && /^file:/i.test(source.url)) {
      problems.push(`${path}.source.url: files are not opened on this installation`)
    }
  }
  return problems
}

function toDefinition(versions: readonly CustomVersion[]): Definition {
  const byName = new Map<string, CustomVersion[]>()
  const archives = new Map<string, DefinedArchive>()
  for (const version of versions) {
    byName.set(version.name, [...(byName.get(version.name) ?? []), version])
    if (version.dist !== null) {
      const reference = toReference(version)
      const archive = { ...version.dist, name: version.name, reference, format: guessArchiveFormat(version.dist) }
      archives.set(`${version.name} ${reference}`, archive)
    }
  }
  return {
    packages: [...byName.values()].map(toCandidate),
    archives: [...archives.values()],
    versions: versions.length,
    notes: versions.flatMap(({ path, problems }) => problems.map((problem) => `${path}: ${problem}`)),
  }
}

function toCandidate(versions: readonly CustomVersion[]): CandidatePackage {
  const [described] = versions.toSorted((left, right) => compareVersions(right.normalized, left.normalized))
  if (described === undefined) {
    throw new Error('A package without versions is not defined.')
  }
  return {
    name: described.name,
    type: described.type,
    description: described.manifest.description ?? '',
    abandoned: described.abandoned,
    versions: versions.map(toCandidateVersion),
  }
}

function toCandidateVersion(defined: CustomVersion): CandidateVersion {
  const { source, dist } = defined
  const manifest: CustomManifest = { ...defined.manifest, origin: { source, hasDist: dist !== null } }
  return {
    version: defined.version,
    normalized: defined.normalized,
    type: defined.type,
    stability: defined.stability,
    ref: 'custom',
    reference: toReference(defined),
    defaultBranch: false,
    manifest: JSON.stringify(manifest),
    time: defined.time,
  }
}

/**
 * The reference under which a version is known for ever: that of its archive if it has one that can stand in a URL, else a hash of where the
 * archive is and what it must be. Without an archive it is that of the source, or a hash of the version.
 */
function toReference({ name, version, source, dist }: CustomVersion): string {
  if (dist !== null) {
    return asUrlPart(dist.reference) ?? hash([dist.reference ?? '', dist.url, dist.shasum ?? ''])
  }
  return source === null ? hash([name, version]) : (asUrlPart(source.reference) ?? hash([source.url, source.reference]))
}

/** Paths of archives may write `r` before a hexadecimal reference, so one that begins like that would be read as another. */
function asUrlPart(reference: string | null): string | null {
  if (reference === null || reference.length > LONGEST_REFERENCE || /^r[0-9a-f]{7,}$/.test(reference)) {
    return null
  }
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(reference) ? reference : null
}

function hash(parts: readonly string[]): string {
  return createHash('sha1').update(parts.join('\n')).digest('hex')
}
