import { tryParseConstraint } from '../constraints.ts'
import { shortened } from '../manifest/php-values.ts'
import { parsePackageName, type PackageName } from '../names.ts'
import { parseStability, type Stability } from '../stability.ts'
import { tryNormalizeVersion } from '../versions.ts'
import { loadManifest } from './load-manifest.ts'
import { refNameProblem } from './ref-order.ts'
import { findSelfProblem } from './self-problem.ts'
import type { VersionManifest } from './version-manifest.ts'

/** What the uploader says that the archive is; null where nothing was said. */
export interface ExpectedUpload {
  name: string | null
  version: string | null
}

/** The version that an uploaded archive is. */
export interface IdentifiedUpload {
  name: PackageName
  version: string
  normalized: string
  stability: Stability
  type: string
  abandoned: boolean | string
  manifest: VersionManifest
  /** Faults of the manifest that did not prevent the version, for the uploader. */
  problems: readonly string[]
}

/** Why an upload is no version: the manifest cannot be published, or it contradicts the uploader in one field. */
export type UploadProblem =
  | { kind: 'unusable'; problem: string }
  | { kind: 'mismatch'; field: 'name' | 'version'; found: string; expected: string }

/**
 * Decides what version an uploaded archive is (CO-126): its composer.json must have a name; the version is in composer.json, or given by
 * the uploader where it is not. What both say must be the same. Otherwise a manifest is judged as that of a tag is. Never throws.
 */
export function identifyUpload(
  manifest: Uint8Array,
  expected: ExpectedUpload,
): { ok: true; upload: IdentifiedUpload } | { ok: false; problem: UploadProblem } {
  const loaded = loadManifest(manifest)
  if (!loaded.ok) return unusable(loaded.problem.reason)
  const name = parsePackageName(loaded.name ?? '')
  if (name === null) {
    const written = loaded.name ?? null
    return unusable(written === null ? 'it has no name' : `${shortened(JSON.stringify(written))} is no name for a package`)
  }
  if (expected.name !== null && expected.name.toLowerCase() !== name) {
    return { ok: false, problem: { kind: 'mismatch', field: 'name', found: name, expected: expected.name } }
  }
  if (loaded.version.kind === 'unusable') return unusable('version should be a string')
  const written = loaded.version.kind === 'text' ? loaded.version.text.trim() : null
  const version = written ?? expected.version?.trim() ?? null
  if (version === null) return unusable('it has no version, and none was given with the upload')
  const normalized = normalizeWritten(version)
  if (normalized === null) return unusable(`${shortened(JSON.stringify(version))} is no version`)
  if (expected.version !== null && tryNormalizeVersion(expected.version) !== normalized) {
    return { ok: false, problem: { kind: 'mismatch', field: 'version', found: version, expected: expected.version } }
  }
  const rejection = loaded.rejection ?? findSelfProblem(loaded, { name, version })
  if (rejection !== null) return unusable(rejection)
  const { type, abandoned, problems } = loaded
  const stability = parseStability(normalized)
  return {
    ok: true,
    upload: { name, version, normalized, stability, type, abandoned, manifest: loaded.manifest, problems },
  }
}

/** A version that survives in constraints, URLs and lock files; a development version is judged as a branch of its name. */
function normalizeWritten(version: string): string | null {
  const normalized = /[\s#]/.test(version) ? null : tryNormalizeVersion(version)
  if (normalized === null || refNameProblem(normalized) !== null) return null
  return tryParseConstraint(normalized) === null ? null : normalized
}

function unusable(problem: string): { ok: false; problem: UploadProblem } {
  return { ok: false, problem: { kind: 'unusable', problem } }
}
