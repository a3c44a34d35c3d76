import type { Generated } from 'kysely'
import type {
  AdvisoryFeedId,
  AdvisoryId,
  FilterEntryId,
  FindingId,
  Instant,
  OrganizationId,
  PackageId,
  SourceId,
  UserId,
  VersionId,
} from '../values.ts'

/** Where advisories and filter lists come from; owned by `advisories`. */
export interface AdvisoryFeedsTable {
  id: Generated<AdvisoryFeedId>
  uid: string
  kind: 'advisories' | 'filter'
  /** Null for the feed of the whole installation. */
  source_id: SourceId | null
  /** The list that a filter feed fills, such as `malware`; empty for advisories. */
  list: string
  url: string
  /** Unix seconds of the last complete answer's beginning; null asks for everything. */
  updated_since: number | null
  /** When it last answered completely, and when it was last asked. */
  fetched_at: Instant | null
  attempted_at: Instant | null
  /** When all of it was last asked for, so that what is gone there was noticed. */
  full_at: Instant | null
  next_fetch_at: Instant
  /** Failures in a row; each makes the next pause longer. */
  failures: Generated<number>
  problem: string | null
  /** Validator of the last answer, where the feed has one. */
  modified: string | null
}

/** Security advisories, of feeds and of organizations; owned by `advisories`. Unique by (feed, advisory_id, package_name) and (organization, advisory_id). */
export interface AdvisoriesTable {
  id: Generated<AdvisoryId>
  uid: string
  feed_id: AdvisoryFeedId | null
  /** Whose own advisory it is; null for one of a feed. */
  organization_id: OrganizationId | null
  advisory_id: string
  package_name: string
  affected_versions: string
  title: string
  link: string | null
  cve: string | null
  severity: 'none' | 'low' | 'medium' | 'high' | 'critical' | null
  reported_at: Instant | null
  /** JSON list of `{name, remoteId}`, not empty. */
  sources: string
  composer_repository: string | null
  created_at: Instant
  updated_at: Instant
  /** Set when it is no longer told. */
  withdrawn_at: Instant | null
}

/** An advisory's match on a package; owned by `advisories`. Unique by (package, advisory, kind, subject). */
export interface FindingsTable {
  id: Generated<FindingId>
  uid: string
  organization_id: OrganizationId
  package_id: PackageId
  advisory_id: AdvisoryId
  /** Versions of the package itself, what versions require, or what a lock file of it has installed. */
  kind: 'version' | 'requirement' | 'lock'
  /** The branch of the lock file; empty for other kinds. */
  branch: string
  /** The package that the advisory is about, and for `lock` its installed version. */
  affected_package: string
  affected_version: string | null
  state: 'open' | 'in_progress' | 'resolved' | 'not_affected' | 'false_positive' | 'no_capacity' | 'wont_fix'
  /** Why somebody set the state. */
  reason: string | null
  changed_by: UserId | null
  found_at: Instant
  changed_at: Instant
}

/** The versions that a finding is about; owned by `advisories`. */
export interface FindingVersionsTable {
  finding_id: FindingId
  version_id: VersionId
}

/**
 * What of each package was compared with advisories last; owned by `advisories`. A package is to be compared when it has no row, when `revision` is
 * not its own, or when `mark`, which counts changes of advisories about what it requires, is not `scanned_mark`.
 */
export interface PackageScansTable {
  package_id: PackageId
  revision: number
  mark: number
  scanned_mark: number
}

/** The names that versions of private packages require; owned by `advisories`. */
export interface RequiredNamesTable {
  package_id: PackageId
  name: string
}

/** What filter lists say of packages (contract composer.md §1.7); owned by `advisories`. */
export interface FilterEntriesTable {
  id: Generated<FilterEntryId>
  uid: string
  feed_id: AdvisoryFeedId | null
  /** Whose own entry it is; null for one of a feed. */
  organization_id: OrganizationId | null
  list: string
  package_name: string
  affected_versions: string
  reason: string | null
  url: string | null
  /** How the feed calls the entry. */
  remote_id: string | null
  created_at: Instant
}
