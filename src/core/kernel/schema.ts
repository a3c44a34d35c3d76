import type { Generated, Kysely } from 'kysely'
import type {
  ArtifactId,
  CredentialId,
  DistId,
  EventId,
  HookId,
  HookReceiptId,
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
  kind: 'vcs' | 'artifact'
  /** The repository; for uploads `artifact://` and the name of the package, so that each has one source. */
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
  /** How often the reconciler looks at the source; null leaves it to the registry. */
  sync_interval_seconds: number | null
  /** When the reconciler looks at the source next. */
  next_sync_at: Generated<Instant>
  /** Syncs that the reconciler asked for since the last success; each makes the next pause longer. */
  overdue_syncs: Generated<number>
  /** The last sync that found moved, new or lost refs, and the successful sync before it. */
  changed_at: Instant | null
  changed_since: Instant | null
  /** Since when the source has a hook, when it last asked for a sync, and the last change that it missed. */
  hooked_at: Instant | null
  hook_seen_at: Instant | null
  hook_missed_at: Instant | null
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

/** The secret by which hosting providers prove their deliveries, one per source; owned by `hooks`. Secrets are encrypted. */
export interface HooksTable {
  id: Generated<HookId>
  uid: string
  source_id: SourceId
  secret: string
  /** The secret before the last rotation, valid until `previous_until`. */
  previous_secret: string | null
  previous_until: Instant | null
  created_at: Instant
  rotated_at: Instant | null
}

/** What arrived at a source's hook and what became of it; owned by `hooks`. Bodies are not kept. */
export interface HookReceiptsTable {
  id: Generated<HookReceiptId>
  source_id: SourceId
  provider: string
  delivery_id: string | null
  /** The event as its sender calls it. */
  event: string | null
  outcome: 'accepted' | 'ignored' | 'refused'
  /** Why it had no effect; null when it had one. Unique by source, provider and delivery where this is null. */
  reason: string | null
  /** The sync that it asked for; the job itself is kept for a shorter time. */
  job_id: JobId | null
  body_sha256: string | null
  received_at: Instant
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
}

/** Uploaded archives, also those that others replaced; owned by `sources`. Unique by (package, normalized, reference). */
export interface ArtifactsTable {
  id: Generated<ArtifactId>
  uid: string
  package_id: PackageId
  version: string
  normalized: string
  /** The SHA-1 of the bytes; the archive itself is the dist of this reference. */
  reference: string
  /** As the uploader called it. */
  file_name: string
  /** The composer.json as it is in the archive. */
  manifest_id: ManifestId
  created_at: Instant
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
  hooks: HooksTable
  hook_receipts: HookReceiptsTable
  manifests: ManifestsTable
  packages: PackagesTable
  versions: VersionsTable
  dists: DistsTable
  artifacts: ArtifactsTable
  provided_names: ProvidedNamesTable
  download_counts: DownloadCountsTable
  jobs: JobsTable
  job_logs: JobLogsTable
  schedules: SchedulesTable
  events: EventsTable
}

/** A handle for statements: the read side of a context or the open transaction. */
export type Db = Kysely<Schema>
