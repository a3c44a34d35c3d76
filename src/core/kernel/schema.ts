import type { Generated, Kysely } from 'kysely'
import type {
  CredentialId,
  DistId,
  EventId,
  Instant,
  JobId,
  ManifestId,
  OrganizationId,
  PackageId,
  SourceId,
  TokenId,
  UserId,
  VersionId,
} from './values.ts'

/** A truth value as both databases store it. */
export type Flag = 0 | 1

/** Instance-wide settings and facts, one row each; owned by `instance`. */
export interface SettingsTable {
  key: string
  value: string
}

/** People; owned by `accounts`. `email` is stored in lower case and unique. */
export interface UsersTable {
  id: Generated<UserId>
  uid: string
  email: string
  name: string
  password_hash: string | null
  is_operator: Flag
  created_at: Instant
}

/** Organizations and suborganizations; owned by `organizations`. `modified_at` is in seconds and only grows. */
export interface OrganizationsTable {
  id: Generated<OrganizationId>
  uid: string
  slug: string
  name: string
  parent_id: OrganizationId | null
  revision: number
  modified_at: number
  created_at: Instant
}

/** Who belongs to an organization; owned by `organizations`. */
export interface MembersTable {
  organization_id: OrganizationId
  user_id: UserId
  role: 'owner' | 'admin' | 'member'
  created_at: Instant
}

/** Machine credentials; owned by `access`. `secret_hash` is the lower-case hex SHA-256 of the whole token. */
export interface TokensTable {
  id: Generated<TokenId>
  uid: string
  kind: 'personal' | 'organization'
  organization_id: OrganizationId | null
  user_id: UserId | null
  name: string
  hint: string
  secret_hash: string
  access: 'read' | 'update'
  /** JSON list of package name patterns, or null for every package. */
  package_globs: string | null
  expires_at: Instant | null
  revoked_at: Instant | null
  last_used_at: Instant | null
  created_at: Instant
}

/** What the registry presents to a version control host; owned by `sources`. `secret` is encrypted. */
export interface CredentialsTable {
  id: Generated<CredentialId>
  uid: string
  organization_id: OrganizationId
  kind: 'basic' | 'bearer' | 'ssh_key'
  /** The only `scheme://host[:port]` that may receive the secret. */
  origin: string
  username: string | null
  secret: string
  created_at: Instant
}

/** Where versions come from; owned by `sources`. */
export interface SourcesTable {
  id: Generated<SourceId>
  uid: string
  organization_id: OrganizationId
  kind: 'vcs'
  url: string
  credential_id: CredentialId | null
  state: 'new' | 'ready' | 'failing'
  default_branch: string | null
  /** Grows with every recorded sync; also the row lock of the recording transaction. */
  sync_revision: number
  /** The last failure in words for people, or null while healthy. */
  problem_code: string | null
  problem: string | null
  synced_at: Instant | null
  created_at: Instant
}

/** Every ref of a source as the last sync saw it, with what became of it; owned by `sources`. */
export interface SourceRefsTable {
  source_id: SourceId
  kind: 'tag' | 'branch'
  /** Name without `refs/tags/` or `refs/heads/`; bytes that are not UTF-8 are written as `\xNN`. */
  name: string
  commit_id: string
  /** What the ref leads to when it is not a commit. */
  object_type: 'commit' | 'tree' | 'blob'
  committed_at: Instant
  authored_at: Instant
  manifest_state: 'absent' | 'read' | 'unreadable'
  /** The raw composer.json when `manifest_state` is `read`. */
  manifest_id: ManifestId | null
  /** Why the manifest is unreadable, or the git object id under which it is known. */
  manifest_note: string | null
  /** Null when the ref became a version, else the skip code. */
  skip_code: string | null
  skip_reason: string | null
}

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
  /** Full ref name, `refs/tags/…` or `refs/heads/…`. */
  ref: string
  /** The commit id. */
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
  sha1: string | null
  sha256: string | null
  size: number | null
  created_at: Instant
  built_at: Instant | null
}

/** Names that packages provide, for `providers-api`; owned by `packages`. */
export interface ProvidedNamesTable {
  package_id: PackageId
  name: string
}

/** Downloads and installs per package, version and day; owned by `statistics`. `day` is `YYYY-MM-DD` UTC. */
export interface DownloadCountsTable {
  package_id: PackageId
  version: string
  day: string
  kind: 'download' | 'install'
  count: number
}

/** Work to be done outside a request; owned by the queue. */
export interface JobsTable {
  id: Generated<JobId>
  uid: string
  kind: string
  organization_id: OrganizationId | null
  /** At most one queued and one running job have the same key. */
  dedupe_key: string | null
  /** JSON, ids only. */
  payload: string
  lane: 'interactive' | 'background'
  state: 'queued' | 'running' | 'succeeded' | 'failed'
  attempts: number
  max_attempts: number
  run_at: Instant
  lease_owner: string | null
  lease_until: Instant | null
  /** JSON `{step, done, total}`, or null. */
  progress: string | null
  error_code: string | null
  error: string | null
  created_at: Instant
  started_at: Instant | null
  finished_at: Instant | null
}

/** Lines of a job's log in order; owned by the queue. */
export interface JobLogsTable {
  job_id: JobId
  sequence: number
  at: Instant
  level: 'info' | 'warning' | 'error'
  line: string
}

/** When a recurring job is due next; owned by the queue. */
export interface SchedulesTable {
  name: string
  next_at: Instant
}

/** Recorded facts, written in the transaction of the change; read by `audit`. */
export interface EventsTable {
  id: Generated<EventId>
  uid: string
  type: string
  organization_id: OrganizationId | null
  actor_kind: string
  actor_id: number | null
  /** JSON of `Origin`. */
  origin: string
  /** JSON of the event without its type and organization. */
  data: string
  created_at: Instant
}

/** All tables. Each belongs to exactly one module; others ask that module's queries. */
export interface Schema {
  settings: SettingsTable
  users: UsersTable
  organizations: OrganizationsTable
  members: MembersTable
  tokens: TokensTable
  credentials: CredentialsTable
  sources: SourcesTable
  source_refs: SourceRefsTable
  manifests: ManifestsTable
  packages: PackagesTable
  versions: VersionsTable
  dists: DistsTable
  provided_names: ProvidedNamesTable
  download_counts: DownloadCountsTable
  jobs: JobsTable
  job_logs: JobLogsTable
  schedules: SchedulesTable
  events: EventsTable
}

/** A handle for statements: the read side of a context or the open transaction. */
export type Db = Kysely<Schema>
