import { formatUnixTime, type MetadataOrigin, type VersionManifest } from '../../composer/index.ts'
import type { Db } from '../kernel/schema.ts'
import { toSeconds } from '../kernel/values.ts'
import { isChecksumShown, keepsArchives } from '../mirrors/index.ts'
import { findRepositoryOptions } from '../organizations/index.ts'
import type { Origins } from './audience.ts'
import type { Package, VersionRow } from '../packages/index.ts'
import {
  areArchivesBuilt,
  findSource,
  isCloneable,
  selectRevisions,
  selectUpstreams,
  type CustomManifest,
  type Source,
  type Upstream,
} from '../sources/index.ts'

/** Where the versions of a package come from; `revisions` are the names of their commits in Subversion or Mercurial. */
export interface VersionOrigin {
  source: Source | null
  revisions: ReadonlyMap<string, string>
  /** Archives are built of the source, or it brings its own. */
  hasArchives: boolean
  /** Whether the repository may be told at all. */
  isTold: boolean
  /** Whether versions that have an archive show nothing else. */
  hidesSources: boolean
  /** Of a mirrored package where its archives come from, by reference; of others nothing. */
  upstreams: ReadonlyMap<string, Upstream>
  /**
   * Which address of an archive clients get: that of the registry; that of the upstream with what the registry knows of the bytes, for the fallback of
   * contract private-packagist.md §7.6; or what the upstream says and nothing else, because its archives are not kept here (contract pricore.md §4.3).
   */
  addresses: 'registry' | 'upstream' | 'untouched'
}

/** Whether anybody could reach where a package comes from, as far as can be told: over http without a credential. */
export function isOpenOrigin({ kind, url, credential }: Source): boolean {
  return (kind === 'vcs' || kind === 'mirror') && credential === null && /^https?:/.test(url)
}

/** Reads where the versions of a package come from, and whether that may be told. */
export async function loadVersionOrigin(db: Db, target: Package, origins: Origins = 'all'): Promise<VersionOrigin> {
  const source = await findSource(db, target.source)
  const isGit = source === null || source.vcs === 'git'
  const isTold = origins === 'all' || (source !== null && isOpenOrigin(source))
  const isMirrored = source?.kind === 'mirror'
  const options = await findRepositoryOptions(db, target.organization)
  const isKept = !isMirrored || (await keepsArchives(db, source.id))
  return {
    source,
    revisions: isGit ? new Map() : await selectRevisions(db, source.id, target.id),
    isTold,
    hasArchives: !isCloneable(source) || (await areArchivesBuilt(db)),
    hidesSources: options.hiddenSources === 'always' || (options.hiddenSources === 'mirrored' && isMirrored),
    upstreams: isMirrored ? await selectUpstreams(db, target.id) : new Map(),
    addresses: isMirrored && isTold ? addressesOf(isKept, options.archiveUrls) : 'registry',
  }
}

function addressesOf(isKept: boolean, archiveUrls: 'registry' | 'upstream'): VersionOrigin['addresses'] {
  return isKept ? archiveUrls : 'untouched'
}

/**
 * Where clients can clone a version: its repository, or what the definition of a custom package or an upstream names. A directory of a repository with
 * several packages cannot be cloned, and of an upload there is nothing but the archive.
 */
export function toVersionSource(origin: VersionOrigin, row: VersionRow, manifest: VersionManifest): MetadataOrigin | null {
  const { source, revisions, isTold, hidesSources } = origin
  if (!isTold || (hidesSources && hasArchive(origin, row.type, manifest))) {
    return null
  }
  if (source?.kind === 'custom' || source?.kind === 'mirror') {
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

/** What a mirrored version shows of its archive; see `VersionOrigin.addresses`. */
export interface UpstreamDist {
  /** SHA-1, or null where none is shown. */
  shasum: string | null
  /** The archive as the upstream has it, where clients get its address. */
  elsewhere: MetadataOrigin | null
}

/**
 * What a mirrored version shows of its archive, or null for what is not mirrored. Until it was fetched the checksum is the upstream's word; none is
 * shown of hosts that do not keep theirs.
 */
export function findUpstreamDist({ upstreams, addresses }: VersionOrigin, row: VersionRow): UpstreamDist | null {
  const upstream = upstreams.get(row.reference)
  if (upstream === undefined) {
    return null
  }
  const { type, url } = upstream
  if (addresses === 'untouched') {
    const { shasum } = upstream
    return { shasum, elsewhere: { type, url, reference: row.reference, ...(shasum === null ? {} : { shasum }) } }
  }
  const shasum = isChecksumShown(url) ? (row.sha1 ?? upstream.shasum) : null
  return { shasum, elsewhere: addresses === 'registry' ? null : { type, url } }
}

/**
 * When a version was published, as RFC 3339 (contract composer.md §2.3): of releases when they were first seen here, which a tag that moves does not
 * change, of development versions when they last changed. Of mirrored ones the word of their upstream counts, where it has one.
 */
export function findPublishedTime(row: VersionRow, manifest: VersionManifest): string | null {
  const told = isCustom(manifest) ? manifest.origin.publishedTime : undefined
  return told ?? formatUnixTime(toSeconds(row.stability === 'dev' ? row.updatedAt : row.publishedAt))
}

function isCustom(manifest: VersionManifest): manifest is CustomManifest {
  return 'origin' in manifest
}
