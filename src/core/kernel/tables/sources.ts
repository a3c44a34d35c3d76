import type { Generated } from 'kysely'
import type { VcsSystem } from '../source-url.ts'
import type {
  ArtifactId,
  CredentialId,
  HookId,
  HookReceiptId,
  HookRegistrationId,
  Instant,
  JobId,
  ManifestId,
  OrganizationId,
  PackageId,
  ReadmeId,
  SourceId,
  SyncRunId,
} from '../values.ts'
import type { Visibility } from './column-types.ts'

/** What the registry presents to a version control host or an upstream; owned by `sources`. `secret` is encrypted; for `headers` it is a JSON object. */
export interface CredentialsTable {
  id: Generated<CredentialId>
  uid: string
  organization_id: OrganizationId
  kind: 'basic' | 'bearer' | 'ssh_key' | 'headers'
  /** The only `scheme://host[:port]` that may receive the secret. */
  origin: string
  username: string | null
  secret: string
  created_at: Instant
  /** When the secret ends, as far as somebody or its host said so; and when its host was last asked. */
  expires_at: Instant | null
  expiry_read_at: Instant | null
}

/** Hosts that asked to be left alone, by the credential they were asked with; owned by `sources`. Rows that are over are harmless. */
export interface SourcePausesTable {
  /** See `pauseKey`. */
  key: string
  paused_until: Instant
  /** Pauses in a row; each makes the next one longer. */
  strikes: number
}

/** Where versions come from; owned by `sources`. */
export interface SourcesTable {
  id: Generated<SourceId>
  uid: string
  organization_id: OrganizationId
  kind: 'vcs' | 'artifact' | 'custom' | 'mirror'
  /** The system of a repository; `git` for all that is none. */
  vcs: Generated<VcsSystem>
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
  /** JSON list of the patterns of manifests in a repository with several packages; null where composer.json at the top is the only one. */
  manifest_globs: string | null
  /** How refs become versions: by Composer's rules, or by their names alone. */
  ref_rules: Generated<'composer' | 'literal'>
  /** Who sees the packages of the source besides members, as far as its organization is seen. */
  visibility: Generated<Visibility>
  /** Who may download its archives; for `everyone` no credential is asked for, whatever else they see. */
  archive_access: Generated<'members' | 'everyone'>
  /** What the source is called below its organization; unique there. Null for one that nobody has to call by it. */
  path: Generated<string | null>
}

/** Syncs that ended, the newest 100 of each source; owned by `sources`. `details` is JSON of `SyncDetails`, null when it failed early. */
export interface SyncRunsTable {
  id: Generated<SyncRunId>
  uid: string
  source_id: SourceId
  state: 'success' | 'failed'
  started_at: Instant
  completed_at: Instant
  error_code: string | null
  error: string | null
  added: number
  updated: number
  skipped: number
  failed: number
  removed: number
  details: string | null
}

/** Texts of READMEs by content; owned by `sources`. */
export interface ReadmesTable {
  id: Generated<ReadmeId>
  sha256: string
  body: string
}

/** The README of each commit that refs point to; null when it has none. Owned by `sources`. */
export interface SourceReadmesTable {
  source_id: SourceId
  commit_id: string
  readme_id: ReadmeId | null
  /** Where it lies in the repository; null also for those that were found before that was noted. */
  path: string | null
}

/** Hooks that the registry made, or is to make, at Git hosts; owned by `sources`. Without a source it is to be deleted there. */
export interface HookRegistrationsTable {
  id: Generated<HookRegistrationId>
  source_id: SourceId | null
  provider: 'github' | 'gitlab' | 'bitbucket' | 'gitea'
  /** Base address of the host's API, without a slash at its end. */
  api_url: string
  /** The repository as the API calls it. */
  project: string
  state: 'waiting' | 'registered' | 'failed'
  /** The hook as the host calls it. */
  remote_id: string | null
  problem: string | null
  /** JSON of a sealed credential; kept only while the hook of a removed source is to be deleted. */
  credential: string | null
  updated_at: Instant
}

/** The sources whose jobs may use the packages of a source by their tokens; owned by `sources`. */
export interface JobAllowancesTable {
  source_id: SourceId
  allowed_source_id: SourceId
}

/** Refs whose versions were deleted: they give none until somebody publishes them again; owned by `sources`. */
export interface WithdrawnRefsTable {
  source_id: SourceId
  /** The full name. */
  ref: string
  created_at: Instant
}

/** What Subversion or Mercurial calls a commit of the mirror, remembered for ever; owned by `sources`. */
export interface SourceRevisionsTable {
  source_id: SourceId
  commit_id: string
  reference: string
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

/** What a custom source defines, as JSON text; owned by `sources`. */
export interface CustomDefinitionsTable {
  source_id: SourceId
  body: string
  updated_at: Instant
}

/** Where the archive of a custom package is fetched from, known for ever; owned by `sources`. `shasum` is the SHA-1 that it must have. */
export interface CustomDistsTable {
  package_id: PackageId
  reference: string
  url: string
  type: 'zip' | 'tar'
  shasum: string | null
}

/** The manifests that a commit of a repository with several packages has; owned by `sources`. */
export interface SourceTreesTable {
  source_id: SourceId
  commit_id: string
  /** JSON of `TreeManifest[]`. */
  children: string
}

/** Where a package of a repository with several lies at a commit, without slashes at the ends; owned by `sources`. Known for ever. */
export interface ChildDirectoriesTable {
  package_id: PackageId
  reference: string
  directory: string
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
