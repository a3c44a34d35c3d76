import type { Generated } from 'kysely'
import type { Instant, MirrorIncidentId, OrganizationId, PackageId, SourceId } from '../values.ts'
import type { Flag } from './column-types.ts'

/**
 * Upstream Composer repositories: the part of a source of kind `mirror` that other sources do not have; owned by `mirrors`. URL, credential, state,
 * problem and the time of the next refresh are the source's own.
 */
export interface MirrorsTable {
  source_id: SourceId
  name: string
  /** How packages get here: asked for by a client, added by members, added by admins, or not any more. */
  behavior: 'add_on_use' | 'manual' | 'manual_admin' | 'disabled'
  /** Mirrors of an organization are asked in this order, lowest first. */
  position: number
  /** How long one answer of the upstream may take, in milliseconds. */
  timeout_ms: number
  /** JSON lists of name patterns: what may come from here, and what may not. Null is no rule. */
  only_names: string | null
  except_names: string | null
  /** Whether archives are kept here; if not, metadata shows the upstream's own addresses. */
  keeps_archives: Flag
  /** Every package that the upstream lists is taken, not only those that somebody asked for. */
  takes_all: Flag
  /** JSON of the root file as it was understood last; null until it was read once. */
  root: string | null
  /** Validators of the root file as the upstream sent them. */
  root_modified: string | null
  root_etag: string | null
  /** When the upstream last gave a good answer about the root file. */
  root_checked_at: Instant | null
  /** Where in the upstream's feed of changes the next look begins; null where there is none, or where all has to be looked at. */
  feed_since: string | null
  /** Since when the upstream gives no good answers; null while it does. */
  failing_since: Instant | null
  /** Whether versions that change what they may do on install, see `findSuspicion`, are kept back until somebody lets them pass. */
  holds_suspects: Flag
}

/** What an upstream that lists its packages says it has; owned by `mirrors`. */
export interface UpstreamPackagesTable {
  source_id: SourceId
  name: string
  /** The checksum by which a hashed file is named; null where there is none. */
  sha256: string | null
  /** Minified versions as JSON, where the upstream sends all packages in few files; null where each has a file. */
  body: string | null
}

/** The upstream side of a mirrored package; owned by `mirrors`. */
export interface MirroredPackagesTable {
  package_id: PackageId
  source_id: SourceId
  /** `gone`: the upstream says that it does not exist any more. */
  upstream: Generated<'present' | 'gone'>
  gone_at: Instant | null
  /** Validators of the two files as the upstream sent them, and digests of the two bodies. */
  stable_modified: string | null
  stable_etag: string | null
  stable_sha256: string | null
  dev_modified: string | null
  dev_etag: string | null
  dev_sha256: string | null
  /** When the upstream last gave a good answer, and when it last told something new. */
  checked_at: Instant
  changed_at: Instant
  /** Since when it gives none for this package, and why. */
  failing_since: Instant | null
  problem: string | null
}

/** Names that an upstream said it does not have; owned by `mirrors`. The last good answer where the upstream fails. */
export interface MirrorAbsencesTable {
  source_id: SourceId
  name: string
  seen_at: Instant
}

/**
 * Names that are never asked of any upstream; owned by `mirrors`. `name`: a package that is or was private here. `vendor`: reserved when the first private
 * package of the vendor appeared. `manual`: by an administrator. `released`: a vendor that an administrator does not want reserved. Belongs to the top
 * organization and holds in its suborganizations.
 */
export interface NameReservationsTable {
  organization_id: OrganizationId
  /** A name, or a pattern with `*`. */
  pattern: string
  kind: 'name' | 'vendor' | 'manual' | 'released'
  created_at: Instant
}

/** What an upstream did that must not pass unnoticed; owned by `mirrors`. Unique by (source, kind, subject). */
export interface MirrorIncidentsTable {
  id: Generated<MirrorIncidentId>
  uid: string
  source_id: SourceId
  kind: string
  /** What it is about: a package, or package and reference. */
  subject: string
  detail: string
  first_at: Instant
  last_at: Instant
  count: number
  dismissed_at: Instant | null
}

/** Which process is asking an upstream for something now; owned by `mirrors`. Rows that are over are harmless. */
export interface UpstreamLeasesTable {
  key: string
  holder: string
  leased_until: Instant
}

/** How far the feed of changes of a repository has got, in seconds; owned by `catalog`. Nothing that is entered later stands at or before it. */
export interface ChangeFeedsTable {
  organization_id: OrganizationId
  position: number
  /** The stamp of the catalog when everything was last entered; while it stands there is nothing new. */
  stamp: string
}

/**
 * Where in the feed of changes each package last appeared, and what was known of it then; owned by `catalog`. A package that is gone stays for
 * some days.
 */
export interface PackageChangesTable {
  organization_id: OrganizationId
  name: string
  package_uid: string
  revision: number
  position: number
  deleted: Flag
}

/** How the repositories of an organization and its suborganizations present themselves; owned by `organizations`. Without a row everything has its default. */
export interface RepositoryOptionsTable {
  organization_id: OrganizationId
  /** `registry`: archives are addressed here alone. `upstream`: as the upstream does, with the registry as preferred mirror. */
  archive_urls: Generated<'registry' | 'upstream'>
  /** Whether `source` is shown of packages that are mirrored, or of any. */
  hidden_sources: Generated<'never' | 'mirrored' | 'always'>
  /** Whether archives of versions that a malware list names are refused. */
  blocks_malware: Generated<Flag>
  /** Whether packages are compared with advisories, and whether owners and admins are told of findings. */
  audits: Generated<Flag>
  audit_notices: Generated<Flag>
}

/** What clients of a repository are told, by the version of Composer; owned by `catalog`. */
export interface RepositoryMessagesTable {
  id: Generated<number>
  uid: string
  organization_id: OrganizationId
  kind: 'warning' | 'info'
  message: string
  /** A constraint on the version of Composer. */
  versions: string
  created_at: Instant
}
