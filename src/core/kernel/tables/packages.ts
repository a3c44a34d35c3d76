import type { Generated } from 'kysely'
import type { DistId, Instant, ManifestId, OrganizationId, PackageId, SourceId, VersionId } from '../values.ts'
import type { Flag } from './column-types.ts'

/** Texts by content: manifests as read and as published; owned by `packages`. */
export interface ManifestsTable {
  id: Generated<ManifestId>
  sha256: string
  body: string
}

/** Packages; owned by `packages`. `modified_at` is in seconds and only grows, `revision` counts changes. */
export interface PackagesTable {
  id: Generated<PackageId>
  uid: string
  organization_id: OrganizationId
  source_id: SourceId
  name: string
  type: string
  description: string
  /** JSON: `true` or the replacement's name; null when not abandoned. */
  abandoned: string | null
  /** Whether a manifest or a person said so; what a person said is not changed by manifests. */
  abandoned_by: Generated<'manifest' | 'person'>
  revision: number
  modified_at: number
  created_at: Instant
}

/** Versions of packages; owned by `packages`. Unique by (package, normalized). */
export interface VersionsTable {
  id: Generated<VersionId>
  uid: string
  package_id: PackageId
  version: string
  normalized: string
  /** The package type of this version, such as `library`. */
  type: string
  stability: 'stable' | 'RC' | 'beta' | 'alpha' | 'dev'
  /** Full ref name, `refs/tags/…` or `refs/heads/…`; `artifact` for an upload. */
  ref: string
  /** The commit id; the SHA-1 of an uploaded archive. */
  reference: string
  default_branch: Flag
  /** The published manifest: validated, stripped to what a client needs. */
  manifest_id: ManifestId
  /** RFC 3339 as Composer shows it, or null when unknown. */
  time: string | null
  published_at: Instant
  updated_at: Instant
  /** Set while the ref is gone: hidden from metadata, archives stay. */
  removed_at: Instant | null
}

/** Archives by (package, reference), known for ever; owned by `packages`. The blob is null until it was built. */
export interface DistsTable {
  id: Generated<DistId>
  package_id: PackageId
  reference: string
  /** Archives that the registry builds are zips; uploads stay what they are. */
  format: Generated<'zip' | 'tar' | 'tar.gz' | 'tar.bz2'>
  sha1: string | null
  sha256: string | null
  size: number | null
  created_at: Instant
  built_at: Instant | null
  /** Since when the bytes need not be kept; they are built again, equal, when somebody asks. */
  retired_at: Generated<Instant | null>
}

/** Names that packages provide, for `providers-api`; owned by `packages`. */
export interface ProvidedNamesTable {
  package_id: PackageId
  name: string
}

/** What the describing version of a package requires or suggests (names in lower case); owned by `packages`. */
export interface RequirementsTable {
  package_id: PackageId
  kind: 'require' | 'require-dev' | 'suggest'
  name: string
}

/** Keywords of the describing version of a package, in lower case; owned by `packages`. */
export interface KeywordsTable {
  package_id: PackageId
  keyword: string
}
