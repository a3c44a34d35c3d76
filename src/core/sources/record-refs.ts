/** The part of a sync's recording that remembers refs, with what became of each. */
import type { Tx } from '../kernel/ctx.ts'
import type { GitRefs } from '../kernel/ports.ts'
import { hashManifest, storeManifests, type Publication } from '../packages/index.ts'
import type { IdentifiedChildren } from './identify-children.ts'
import { fullRefName, type IdentifiedVersions } from './identify-versions.ts'
import type { ChildReading } from './read-children.ts'
import type { ReadmeReading } from './read-readmes.ts'
import type { ReadRef } from './read-refs.ts'
import { deleteRefs, refKey, upsertRefs, type KnownRef } from './source-refs.sql.ts'
import type { Source } from './sources.sql.ts'

/** The code under which single packages of a ref are listed. */
export const SOME_CHILDREN = 'packages'

/** Everything that a sync read and decided before it records. */
export interface Reading {
  source: Source
  listed: GitRefs
  refs: ReadRef[]
  known: ReadonlyMap<string, KnownRef>
  identified: IdentifiedVersions
  /** Of a repository with several packages. */
  children: { reading: ChildReading; identified: IdentifiedChildren } | null
  revisions: ReadonlyMap<string, string>
  readmes: ReadmeReading
}

/** Whether the remote has other refs, or other commits behind them, than the last sync saw. */
export function hasMoved({ refs, known }: Reading): boolean {
  return new Set(refs.map(refKey)).size !== known.size || refs.some((ref) => known.get(refKey(ref))?.commit !== ref.commit)
}

/** What the source's system calls the commits that refs newly lead to. */
export function listNewRevisions({ refs, known, revisions }: Reading): Map<string, string> {
  const added = new Map<string, string>()
  for (const ref of refs) {
    const revision = revisions.get(ref.commit)
    if (revision !== undefined && known.get(refKey(ref))?.commit !== ref.commit) {
      added.set(ref.commit, revision)
    }
  }
  return added
}

/**
 * Writes every ref with what became of it; done last, so that after a crash before the commit they are read again. A ref whose package another
 * source publishes is listed with that as its reason (PR-612).
 */
export async function recordRefs(tx: Tx, reading: Reading, publication: Publication): Promise<void> {
  const { source, refs, known } = reading
  const skipped = listSkipped(reading, publication)
  const texts = new Map<string, string>()
  for (const { manifest } of refs) {
    if (manifest.state === 'read' && manifest.text !== null) {
      texts.set(manifest.sha256 ?? hashManifest(manifest.text), manifest.text)
    }
  }
  const ids = await storeManifests(tx.db, texts)
  const changed: KnownRef[] = []
  const present = new Set<string>()
  for (const ref of refs) {
    present.add(refKey(ref))
    const skip = skipped.get(fullRefName(ref))
    const { manifest } = ref
    const next: KnownRef = {
      kind: ref.kind,
      name: ref.name,
      commit: ref.commit,
      objectType: ref.objectType,
      committedAt: ref.committedAt,
      authoredAt: ref.authoredAt,
      manifestState: manifest.state === 'unusable' ? 'unreadable' : manifest.state,
      manifest: manifest.state === 'read' ? (manifest.stored ?? ids.get(manifest.sha256 ?? '') ?? null) : null,
      manifestNote: manifest.state === 'unreadable' ? manifest.reason : null,
      skipCode: skip?.code ?? null,
      skipReason: skip?.reason ?? null,
    }
    if (!isSameRef(known.get(refKey(ref)), next)) {
      changed.push(next)
    }
  }
  await upsertRefs(tx.db, source.id, changed)
  await deleteRefs(
    tx.db,
    source.id,
    [...known.values()].filter((ref) => !present.has(refKey(ref))),
  )
}

function isSameRef(before: KnownRef | undefined, after: KnownRef): boolean {
  return before !== undefined && Object.entries(after).every(([field, value]) => before[field as keyof KnownRef] === value)
}

function listSkipped({ identified, children }: Reading, { taken }: Publication): IdentifiedVersions['skipped'] {
  const skipped = new Map(identified.skipped)
  for (const { name, versions } of identified.packages.filter((candidate) => taken.includes(candidate.name))) {
    for (const { ref } of versions) {
      const before = skipped.get(ref)
      const reason = `the package ${name} is published from another source of this organization`
      // Other packages of the ref may have been published.
      const code = children === null ? 'name-taken' : (before?.code ?? SOME_CHILDREN)
      skipped.set(ref, { code, reason: before === undefined ? reason : `${before.reason}; ${reason}` })
    }
  }
  return skipped
}
