import type { MetadataOrigin, VersionManifest } from '../../composer/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { Origins } from './audience.ts'
import type { Package, VersionRow } from '../packages/index.ts'
import { areArchivesBuilt, findSource, isCloneable, selectRevisions, type CustomManifest, type Source } from '../sources/index.ts'

/** Where the versions of a package come from; `revisions` are the names of their commits in Subversion or Mercurial. */
export interface VersionOrigin {
  source: Source | null
  revisions: ReadonlyMap<string, string>
  /** Archives are built of the source, or it brings its own. */
  hasArchives: boolean
  /** Whether the repository may be told at all. */
  isTold: boolean
}

/** Whether anybody could clone a repository, as far as can be told: it is reached over http without a credential. */
export function isOpenOrigin({ kind, url, credential }: Source): boolean {
  return kind === 'vcs' && credential === null && /^https?:/.test(url)
}

/** Reads where the versions of a package come from, and whether that may be told. */
export async function loadVersionOrigin(db: Db, target: Package, origins: Origins = 'all'): Promise<VersionOrigin> {
  const source = await findSource(db, target.source)
  const isGit = source === null || source.vcs === 'git'
  return {
    source,
    revisions: isGit ? new Map() : await selectRevisions(db, source.id, target.id),
    isTold: origins === 'all' || (source !== null && isOpenOrigin(source)),
    hasArchives: !isCloneable(source) || (await areArchivesBuilt(db)),
  }
}

/**
 * Where clients can clone a version: its repository, or what the definition of a custom package names. A directory of a repository with
 * several packages cannot be cloned, and of an upload there is nothing but the archive.
 */
export function toVersionSource(
  { source, revisions, isTold }: VersionOrigin,
  row: VersionRow,
  manifest: VersionManifest,
): MetadataOrigin | null {
  if (!isTold) {
    return null
  }
  if (source?.kind === 'custom') {
    return isCustom(manifest) ? manifest.origin.source : null
  }
  if (!isCloneable(source)) {
    return null
  }
  if (source.vcs === 'git') {
    return { type: 'git', url: source.url, reference: row.reference }
  }
  const reference = revisions.get(row.reference)
  return reference === undefined ? null : { type: source.vcs, url: source.url, reference }
}

/** Whether a version can be downloaded: metapackages have no archive, custom packages may have a source only, and where none are built clients clone (PR-607). */
export function hasArchive({ hasArchives }: VersionOrigin, type: string, manifest: VersionManifest): boolean {
  return hasArchives && type !== 'metapackage' && (!isCustom(manifest) || manifest.origin.hasDist)
}

function isCustom(manifest: VersionManifest): manifest is CustomManifest {
  return 'origin' in manifest
}
