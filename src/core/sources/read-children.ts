/**
 * The reading half of a sync of a repository with several packages: finds the manifests of every commit that refs point to. Commits that
 * were looked at before are not read again, of others each distinct directory and each distinct manifest once.
 */
import { createManifestMatcher, loadManifest, parsePackageName } from '../../composer/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { JobReport } from '../kernel/jobs.ts'
import type { GitFoundFile, GitRef } from '../kernel/ports.ts'
import type { ManifestId } from '../kernel/values.ts'
import { hashManifest } from '../packages/index.ts'
import { selectTrees, type TreeManifest } from './children.sql.ts'
import { decodeManifest } from './read-refs.ts'
import type { Source } from './sources.sql.ts'

/** Packages that a commit may have. */
const MOST_CHILDREN = 500

/** A manifest of a commit: stored before, or read now and known by the hash of its text. */
export interface ReadChild extends TreeManifest {
  sha256: string | null
}

/** The manifests of all commits that refs point to; null for a commit with too many. */
export interface ChildReading {
  byCommit: Map<string, ReadChild[] | null>
  /** Commits that were not known. */
  fresh: Set<string>
  /** Commits that were known and that no ref points to any more. */
  lost: string[]
  /** The texts that were read now, by hash. */
  texts: Map<string, string>
}

/** Reads what is not known of a repository with these patterns. */
export async function readChildren(
  ctx: Ctx,
  report: JobReport,
  { source, refs, globs }: { source: Source; refs: readonly GitRef[]; globs: readonly string[] },
): Promise<ChildReading> {
  const known = await selectTrees(ctx.db, source.id)
  const commits = new Set(refs.filter(({ objectType }) => objectType !== 'blob').map(({ commit }) => commit))
  const fresh = new Set([...commits].filter((commit) => !known.has(commit)))
  await report.step('manifests', fresh.size)
  const reading: ChildReading = {
    byCommit: new Map(),
    fresh,
    lost: [...known.keys()].filter((commit) => !commits.has(commit)),
    texts: new Map(),
  }
  for (const commit of commits) {
    reading.byCommit.set(commit, known.get(commit)?.map((child) => ({ ...child, sha256: null })) ?? null)
  }
  const found = await ctx.git.findFiles({
    mirror: source.uid,
    commits: [...fresh],
    matcher: createManifestMatcher(globs),
    limit: MOST_CHILDREN,
  })
  const contents = await readContents(ctx, source.uid, found, reading.texts)
  for (const [commit, files] of found) {
    reading.byCommit.set(commit, files?.map((file) => toChild(file, contents, ctx.limits.manifestBytes)) ?? null)
  }
  report.progress(fresh.size)
  return reading
}

/** The manifests that the patterns find in one commit; null when there are too many. */
export async function findChildren(
  ctx: Ctx,
  { mirror, commit, globs }: { mirror: string; commit: string; globs: readonly string[] },
): Promise<ReadChild[] | null> {
  const matcher = createManifestMatcher(globs)
  const found = await ctx.git.findFiles({ mirror, commits: [commit], matcher, limit: MOST_CHILDREN })
  const contents = await readContents(ctx, mirror, found, new Map())
  return found.get(commit)?.map((file) => toChild(file, contents, ctx.limits.manifestBytes)) ?? null
}

/** What is in a manifest, apart from where it lies. */
type Content = Omit<ReadChild, 'path'>

async function readContents(
  ctx: Ctx,
  mirror: string,
  found: ReadonlyMap<string, GitFoundFile[] | null>,
  texts: Map<string, string>,
): Promise<Map<string, Content>> {
  const wanted = new Set<string>()
  for (const files of found.values()) {
    for (const { mode, size, objectId } of files ?? []) {
      if (mode === 'file' && size <= ctx.limits.manifestBytes) {
        wanted.add(objectId)
      }
    }
  }
  const contents = new Map<string, Content>()
  if (wanted.size === 0) {
    return contents
  }
  for await (const { objectId, bytes } of ctx.git.readBlobs(mirror, [...wanted])) {
    contents.set(objectId, readContent(bytes, texts))
  }
  return contents
}

function readContent(bytes: Uint8Array, texts: Map<string, string>): Content {
  const decoded = decodeManifest(bytes)
  if (decoded.state !== 'read' || decoded.text === null) {
    return unusable(decoded.state === 'unreadable' ? decoded.reason : 'it cannot be read')
  }
  const loaded = loadManifest(bytes)
  if (!loaded.ok) {
    return unusable(loaded.problem.reason)
  }
  const name = parsePackageName(loaded.name ?? '')
  if (name === null) {
    const written = loaded.name ?? null
    return unusable(written === null ? 'it has no name' : `${JSON.stringify(written.slice(0, 100))} is no name for a package`)
  }
  const sha256 = decoded.sha256 ?? hashManifest(decoded.text)
  texts.set(sha256, decoded.text)
  return { name, manifest: null, problem: null, sha256 }
}

function unusable(problem: string): Content {
  return { name: null, manifest: null, problem, sha256: null }
}

function toChild({ path, mode, size, objectId }: GitFoundFile, contents: ReadonlyMap<string, Content>, limit: number): ReadChild {
  const read = contents.get(objectId)
  if (mode === 'symlink') {
    return { path, ...unusable('it is a symbolic link') }
  }
  return { path, ...(read ?? unusable(`it has ${size} bytes, more than ${limit}`)) }
}

/** What is stored of a reading once its texts have ids. */
export function toTreeManifests(
  children: readonly ReadChild[] | null,
  ids: ReadonlyMap<string, ManifestId>,
): TreeManifest[] | null {
  return (
    children?.map(({ path, name, problem, manifest, sha256 }) => ({
      path,
      name,
      manifest: manifest ?? ids.get(sha256 ?? '') ?? null,
      problem,
    })) ?? null
  )
}
