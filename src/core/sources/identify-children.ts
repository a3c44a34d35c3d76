import { describeSkipped, importChildren, type ChildRef, type SkippedChild } from '../../composer/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { toSeconds, type ManifestId } from '../kernel/values.ts'
import { selectManifests } from '../packages/index.ts'
import { fullRefName, toCandidates, type IdentifiedVersions } from './identify-versions.ts'
import type { ChildReading, ReadChild } from './read-children.ts'
import type { ReadRef } from './read-refs.ts'

/** What became of the refs of a repository with several packages. */
export interface IdentifiedChildren extends IdentifiedVersions {
  /** Where each package lies at each commit of its versions. */
  directories: Map<string, ReadonlyMap<string, string>>
  /** Packages at refs that gave no version, each by the path of its manifest. */
  children: SkippedChild[]
}

/**
 * Decides what versions the packages of a repository are (`importChildren`). In `skipped` are the refs of which a package or all were skipped.
 * Texts are in memory for one package at a time, apart from those that were read now.
 */
export async function identifyChildren(
  ctx: Ctx,
  input: { refs: readonly ReadRef[]; reading: ChildReading; defaultBranch: string | null },
): Promise<IdentifiedChildren> {
  const { reading } = input
  const result: IdentifiedChildren = {
    packages: [],
    skipped: new Map(),
    problems: new Map(),
    directories: new Map(),
    children: [],
  }
  const refs: ChildRef[] = []
  for (const ref of input.refs) {
    const unusable = findUnusable(ref)
    if (unusable === null) {
      refs.push(toChildRef(ref, reading))
    } else {
      result.skipped.set(fullRefName(ref), { code: 'invalid-name', reason: unusable })
    }
  }
  const load = (ids: ReadonlySet<string>) => loadTexts(ctx, ids, reading)
  const { skipped } = await importChildren(
    { refs, defaultBranch: input.defaultBranch, load },
    ({ name, versions, directories }) => {
      result.packages.push(...toCandidates(versions))
      result.directories.set(name, directories)
      for (const { ref, problems } of versions) {
        if (problems.length > 0) {
          const named = problems.map((problem) => `${name}: ${problem}`)
          result.problems.set(ref, [...(result.problems.get(ref) ?? []), ...named])
        }
      }
    },
  )
  result.children = skipped
  noteSkippedRefs(refs, result)
  return result
}

function findUnusable({ manifest, name }: ReadRef): string | null {
  if (manifest.state === 'unusable') {
    return manifest.reason
  }
  // Git allows no backslash in a ref name, so one stands for a byte that is not UTF-8.
  return name.includes('\\') ? 'invalid name, not UTF-8' : null
}

function toChildRef({ kind, name, commit, objectType, authoredAt }: ReadRef, { byCommit }: ChildReading): ChildRef {
  const children = objectType === 'blob' ? [] : (byCommit.get(commit) ?? null)
  return {
    kind,
    name,
    commit,
    objectType,
    authoredAt: toSeconds(authoredAt),
    children: children?.map((child) => ({ path: child.path, name: child.name, problem: child.problem, id: idOf(child) })) ?? null,
  }
}

const STORED = 'stored:'

function idOf({ manifest, sha256 }: ReadChild): string {
  return manifest === null ? (sha256 ?? '') : `${STORED}${manifest}`
}

async function loadTexts(ctx: Ctx, ids: ReadonlySet<string>, { texts }: ChildReading): Promise<Map<string, Uint8Array>> {
  const encoder = new TextEncoder()
  const loaded = new Map<string, Uint8Array>()
  const stored: ManifestId[] = []
  for (const id of ids) {
    const text = texts.get(id)
    if (text !== undefined) {
      loaded.set(id, encoder.encode(text))
    } else if (id.startsWith(STORED)) {
      stored.push(Number(id.slice(STORED.length)) as ManifestId)
    }
  }
  for (const [id, text] of await selectManifests(ctx.db, stored)) {
    loaded.set(`${STORED}${id}`, encoder.encode(text))
  }
  return loaded
}

function noteSkippedRefs(refs: readonly ChildRef[], result: IdentifiedChildren): void {
  const byRef = new Map<string, SkippedChild[]>()
  for (const child of result.children) {
    const known = byRef.get(child.ref)
    if (known === undefined) {
      byRef.set(child.ref, [child])
    } else {
      known.push(child)
    }
  }
  for (const ref of refs) {
    const described = describeSkipped(ref, byRef.get(fullRefName(ref)) ?? [])
    if (described !== null) {
      result.skipped.set(fullRefName(ref), described)
    }
  }
}
