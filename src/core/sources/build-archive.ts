/**
 * Archives are built from the mirror by jobs, one job per (package, reference) however many clients ask. The bytes depend on the
 * commit alone, so a build that was cut off, or whose blob got lost, is simply done again. The blob is stored before the
 * row that names it; a crash between the two leaves a blob that nothing refers to, which is collected later.
 */
import {
  listSymlinkIds,
  packFiles,
  selectFiles,
  toArchiveBase,
  writeZip,
  type DeflateCache,
  type TreeFile,
} from '../../composer/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { JobReport } from '../kernel/jobs.ts'
import type { StoredBlob } from '../kernel/ports.ts'
import type { PackageId } from '../kernel/values.ts'
import { findDist, findPackageById, type Package } from '../packages/index.ts'
import { findPackageDirectory, readOuterRules } from './child-archive.ts'
import { storeCustomArchive } from './fetch-custom-archive.ts'
import { recordArchives, type StoredArchive } from './record-archives.ts'
import { findCommitOfRevision } from './source-revisions.sql.ts'
import { findSource, type Source } from './sources.sql.ts'
import { fetchMirror } from './sync-source.ts'

const ATTRIBUTES = '.gitattributes'
const MANIFEST = 'composer.json'
/** Larger ones are not looked at for rules. */
const MAX_RULES_BYTES = 1_000_000

/** The archive that a job is to build. `reference` may be an abbreviated commit id. */
export interface BuildArchive {
  package: PackageId
  reference: string
}

/** What builds share; see `createDeflateCache`. */
export interface ArchiveTools {
  report: JobReport
  cache: DeflateCache
  /** Fetches the archive of a mirrored package as `storeArchive` does; what mirrors are is known to another module. */
  fetchMirrored?: (ctx: Ctx, wanted: { target: Package; reference: string }) => Promise<StoredArchive | null>
}

/**
 * Builds and stores one archive and records it. Does nothing when it is there already. Throws `dist_not_found` when the mirror has no
 * such commit, `archive_too_large`, `archive_failed` when the same commit gave other bytes before.
 */
export async function buildArchive(ctx: Ctx, input: BuildArchive, tools: ArchiveTools): Promise<void> {
  const target = await findPackageById(ctx.db, input.package)
  if (target === null) {
    throw new DomainError('package_not_found')
  }
  const stored = await storeArchive(ctx, { target, reference: input.reference }, tools)
  await tools.report.step('store')
  if (stored !== null && (await recordArchives(ctx, target, [stored])).length > 0) {
    throw new DomainError('archive_failed')
  }
}

/** Builds and stores the blob of an archive, or returns null when it is there already. Throws as `buildArchive`. */
export async function storeArchive(
  ctx: Ctx,
  { target, reference }: { target: Package; reference: string },
  tools: ArchiveTools,
): Promise<StoredArchive | null> {
  const source = await findSource(ctx.db, target.source)
  if (source === null) {
    throw new DomainError('source_not_found')
  }
  if (source.kind === 'custom') {
    return storeCustomArchive(ctx, { source, target, reference })
  }
  if (source.kind === 'mirror' && tools.fetchMirrored !== undefined) {
    return tools.fetchMirrored(ctx, { target, reference })
  }
  const commit = await findCommit(ctx, { source, target, reference }, tools.report)
  const known = await findDist(ctx.db, target.id, commit.reference)
  const recorded = known?.sha256 ?? null
  if (recorded !== null && (await ctx.blobs.locate(recorded)) !== null) {
    return null
  }
  await tools.report.step('archive')
  const directory = await findPackageDirectory(ctx, { source, target, commit: commit.reference })
  const blob = await packArchive(ctx, { target, directory, ...commit }, tools)
  return { reference: commit.reference, blob, isRepair: recorded !== null }
}

interface Commit {
  mirror: string
  reference: string
  committedAt: number
}

async function findCommit(
  ctx: Ctx,
  { source, target, reference }: { source: Source; target: Package; reference: string },
  report: JobReport,
): Promise<Commit> {
  // What was uploaded exists only as it was uploaded.
  if (source.kind !== 'vcs') {
    throw new DomainError('dist_not_found')
  }
  let found = await ctx.git.findCommit(source.uid, reference)
  // A reference that was published must be there: the mirror was lost with its disk and is fetched anew.
  if (found === null && (await findDist(ctx.db, target.id, reference)) !== null) {
    await fetchMirror(ctx, source, report)
    found = await ctx.git.findCommit(source.uid, reference)
  }
  if (found === null) {
    found = await findRevision(ctx, source, reference)
  }
  if (found === null) {
    throw new DomainError('dist_not_found')
  }
  return { mirror: source.uid, reference: found.commit, committedAt: found.committedAt }
}

/** A changeset that somebody names as Mercurial does (`dev-default#<changeset>`); only published ones are known. */
async function findRevision(ctx: Ctx, source: Source, reference: string): ReturnType<Ctx['git']['findCommit']> {
  const commit = source.vcs === 'git' ? null : await findCommitOfRevision(ctx.db, source.id, reference)
  return commit === null ? null : ctx.git.findCommit(source.uid, commit)
}

async function packArchive(
  ctx: Ctx,
  commit: Commit & { target: Package; directory: string },
  { cache }: ArchiveTools,
): Promise<StoredBlob> {
  const { mirror, directory } = commit
  const tree = await ctx.git.listTree({ mirror, commit: commit.reference, directory, limit: ctx.limits.archiveEntries })
  const outer = await readOuterRules(ctx, { mirror, commit: commit.reference, directory })
  const contents = await readRules(ctx, mirror, tree)
  const manifest = parseArchiveSettings(contents.get(idOf(tree, MANIFEST) ?? ''))
  const { files, bytes } = selectFiles({
    tree,
    directory: '',
    gitattributes: decode(contents.get(idOf(tree, ATTRIBUTES) ?? '')),
    archiveExclude: manifest.exclude,
    outer: outer === null ? null : { ...outer, archiveExclude: parseArchiveSettings(outer.manifest ?? undefined).exclude },
    archiveBase: toArchiveBase(commit.target.name, manifest.name),
    symlinkTargets: contents,
  })
  if (bytes > ctx.limits.archiveBytes) {
    throw new DomainError('archive_too_large', { limit: `${ctx.limits.archiveBytes} bytes before compression` })
  }
  const entries = packFiles(files, { read: (ids) => ctx.git.readBlobs(mirror, ids), cache })
  return ctx.blobs.put(writeZip(entries, { modifiedAt: commit.committedAt }))
}

/** The blobs that decide what is selected: rules and the targets of symbolic links. */
async function readRules(ctx: Ctx, mirror: string, tree: readonly TreeFile[]): Promise<Map<string, Uint8Array>> {
  const wanted = new Set(listSymlinkIds(tree))
  for (const path of [ATTRIBUTES, MANIFEST]) {
    const id = idOf(tree, path)
    if (id !== null) {
      wanted.add(id)
    }
  }
  const contents = new Map<string, Uint8Array>()
  if (wanted.size > 0) {
    for await (const { objectId, bytes } of ctx.git.readBlobs(mirror, [...wanted])) {
      contents.set(objectId, bytes)
    }
  }
  return contents
}

/** The object id of a regular file of moderate size at a path of the top directory, or null. */
function idOf(tree: readonly TreeFile[], path: string): string | null {
  const file = tree.find((entry) => entry.path === path && entry.mode !== 'symlink' && entry.size <= MAX_RULES_BYTES)
  return file?.objectId ?? null
}

function decode(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : new TextDecoder().decode(bytes)
}

function parseArchiveSettings(bytes: Uint8Array | undefined): { name: string | null; exclude: string[] } {
  const archive = readArchiveField(bytes)
  const exclude = Array.isArray(archive['exclude'])
    ? archive['exclude'].filter((rule): rule is string => typeof rule === 'string')
    : []
  const name = archive['name']
  return { name: typeof name === 'string' ? name : null, exclude }
}

function readArchiveField(bytes: Uint8Array | undefined): Record<string, unknown> {
  try {
    const manifest: unknown = JSON.parse(decode(bytes) ?? '{}')
    const archive: unknown = typeof manifest === 'object' && manifest !== null && 'archive' in manifest ? manifest.archive : null
    return typeof archive === 'object' && archive !== null ? (archive as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
