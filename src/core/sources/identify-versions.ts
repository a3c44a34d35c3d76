import {
  compareVersions,
  importReferences,
  type ImportResult,
  type ImportedVersion,
  type RefRules,
  type SourceRef,
} from '../../composer/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { toSeconds, type ManifestId } from '../kernel/values.ts'
import { selectManifests, type CandidatePackage } from '../packages/index.ts'
import type { ReadRef } from './read-refs.ts'

/** What became of the refs of a source: packages to publish, and the refs that gave no version by their full name. */
export interface IdentifiedVersions {
  packages: CandidatePackage[]
  skipped: Map<string, { code: string; reason: string }>
  /** Faults of manifests that did not prevent a version, by full ref name. */
  problems: Map<string, readonly string[]>
}

/**
 * Decides what versions the refs are, by Composer's own rules or by their names (`importReferences`). Texts that are only in the database are
 * loaded once each.
 */
export async function identifyVersions(
  ctx: Ctx,
  input: { refs: readonly ReadRef[]; defaultBranch: string | null; rules: RefRules },
): Promise<IdentifiedVersions> {
  const stored = await selectManifests(ctx.db, storedIds(input.refs))
  const encoder = new TextEncoder()
  const bytes = new Map<string, Uint8Array>()
  const skipped = new Map<string, { code: string; reason: string }>()
  const refs: SourceRef[] = []
  for (const ref of input.refs) {
    if (ref.manifest.state === 'unusable') {
      skipped.set(fullRefName(ref), { code: 'invalid-name', reason: ref.manifest.reason })
      continue
    }
    // Git allows no backslash in a ref name, so one stands for a byte that is not UTF-8.
    if (ref.name.includes('\\')) {
      skipped.set(fullRefName(ref), { code: 'invalid-name', reason: 'invalid name, not UTF-8' })
      continue
    }
    refs.push(toSourceRef(ref, (id, text) => getOrEncode(bytes, id, () => encoder.encode(text)), stored))
  }
  const result = importReferences({ refs, defaultBranch: input.defaultBranch, rules: input.rules })
  for (const { ref, code, reason } of result.skipped) {
    skipped.set(ref, { code, reason })
  }
  return { packages: toCandidates(result.versions), skipped, problems: collectProblems(result) }
}

/** `refs/tags/…` or `refs/heads/…`. */
export function fullRefName(ref: { kind: 'tag' | 'branch'; name: string }): string {
  return `refs/${ref.kind === 'tag' ? 'tags' : 'heads'}/${ref.name}`
}

function storedIds(refs: readonly ReadRef[]): ManifestId[] {
  const ids = new Set<ManifestId>()
  for (const { manifest } of refs) {
    if (manifest.state === 'read' && manifest.stored !== null) {
      ids.add(manifest.stored)
    }
  }
  return [...ids]
}

function getOrEncode(known: Map<string, Uint8Array>, id: string, encode: () => Uint8Array): Uint8Array {
  const bytes = known.get(id) ?? encode()
  known.set(id, bytes)
  return bytes
}

function toSourceRef(
  ref: ReadRef,
  encode: (id: string, text: string) => Uint8Array,
  stored: ReadonlyMap<ManifestId, string>,
): SourceRef {
  const common = {
    kind: ref.kind,
    name: ref.name,
    commit: ref.commit,
    objectType: ref.objectType,
    authoredAt: toSeconds(ref.authoredAt),
  }
  const { manifest } = ref
  if (manifest.state === 'absent') {
    return { ...common, manifest: { kind: 'absent' } }
  }
  if (manifest.state === 'unreadable' || manifest.state === 'unusable') {
    return { ...common, manifest: { kind: 'unreadable', reason: manifest.reason } }
  }
  const text = manifest.text ?? (manifest.stored === null ? undefined : stored.get(manifest.stored))
  if (text === undefined) {
    throw new Error(`The manifest of ${fullRefName(ref)} is not stored.`)
  }
  const id = manifest.stored === null ? (manifest.sha256 ?? '') : `stored:${manifest.stored}`
  return { ...common, manifest: { kind: 'text', id, bytes: encode(id, text) } }
}

/** Imported versions by package, as they are offered for publication. */
export function toCandidates(imported: readonly ImportedVersion[]): CandidatePackage[] {
  const texts = new Map<object, string>()
  const packages = new Map<string, { versions: ImportedVersion[] }>()
  for (const version of imported) {
    const entry = packages.get(version.name) ?? { versions: [] }
    entry.versions.push(version)
    packages.set(version.name, entry)
  }
  return [...packages].map(([name, { versions }]) => {
    const described = findDescribing(versions)
    return {
      name,
      type: described?.type ?? 'library',
      description: described?.manifest.description ?? '',
      abandoned: described?.abandoned ?? false,
      versions: versions.map((version) => ({
        version: version.version,
        normalized: version.normalized,
        type: version.type,
        stability: version.stability,
        ref: version.ref,
        reference: version.reference,
        defaultBranch: version.isDefaultBranch,
        manifest: getOrStringify(texts, version.manifest),
        time: version.time,
      })),
    }
  })
}

/** The version that a package takes its type and description from: the default branch, else the highest version. */
function findDescribing(versions: readonly ImportedVersion[]): ImportedVersion | undefined {
  const byVersion = versions.toSorted((left, right) => compareVersions(right.normalized, left.normalized))
  return versions.find((version) => version.isDefaultBranch) ?? byVersion[0]
}

function getOrStringify(known: Map<object, string>, manifest: object): string {
  const text = known.get(manifest) ?? JSON.stringify(manifest)
  known.set(manifest, text)
  return text
}

function collectProblems(result: ImportResult): Map<string, readonly string[]> {
  const problems = new Map<string, readonly string[]>()
  for (const version of result.versions) {
    if (version.problems.length > 0) {
      problems.set(version.ref, version.problems)
    }
  }
  return problems
}
