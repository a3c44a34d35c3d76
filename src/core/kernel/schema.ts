import type { Generated, Kysely } from 'kysely'
import type { VcsSystem } from './source-url.ts'
import type {
  AccountLinkId,
  ArtifactId,
  CredentialId,
  DistId,
  EventId,
  HookId,
  HookReceiptId,
  InvitationId,
  Instant,
  JobId,
  MailId,
  HookRegistrationId,
  ManifestId,
  NoticeId,
  OrganizationId,
  PackageId,
  PasskeyId,
  ReadmeId,
  SessionId,
  SourceId,
  SyncRunId,
  TeamId,
  TokenId,
  UserId,
  VersionId,
  WebhookDeliveryId,
  WebhookId,
} from './values.ts'

/** What a member may do in an organization: an owner everything, an admin all but what concerns owners. */
export type Role = 'owner' | 'admin' | 'member'

/** Who sees something besides members: nobody, whoever has a valid credential, or everybody. */
export type Visibility = 'private' | 'internal' | 'public'

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
  /** Since when the person may not sign in and none of their tokens works. */
  disabled_at: Instant | null
  /** When it was proved that the person reads mail at `email`. */
  email_verified_at: Instant | null
  created_at: Instant
}

/** Browsers in which people are signed in; owned by `accounts`. `secret_hash` is the hex SHA-256 of the cookie's secret. */
export interface SessionsTable {
  id: Generated<SessionId>
  uid: string
  user_id: UserId
  secret_hash: string
  agent: string | null
  /** Where it was used last: an IPv4 address, or the /64 network of an IPv6 address. */
  address: string | null
  created_at: Instant
  /** When it was used last, to a few minutes. */
  seen_at: Instant
  /** When the person last proved who they are in it. */
  confirmed_at: Instant
  expires_at: Instant
}

/** One-time secrets that were mailed, or that carry a sign-in to its second factor; owned by `accounts`. A null user is nobody. */
export interface AccountLinksTable {
  id: Generated<AccountLinkId>
  purpose: 'password-reset' | 'password-choice' | 'email' | 'second-factor'
  secret_hash: string
  user_id: UserId | null
  /** The address that the link was mailed to, or null. */
  email: string | null
  created_at: Instant
  expires_at: Instant
}

/** Keys of authenticator apps; owned by `accounts`. `secret` is encrypted, `last_step` is the last time step whose code was used. */
export interface TotpSecretsTable {
  user_id: UserId
  secret: string
  last_step: number
  created_at: Instant
}

/** Recovery codes that were not used yet; owned by `accounts`. */
export interface RecoveryCodesTable {
  user_id: UserId
  code_hash: string
}

/** Passkeys; owned by `accounts`. `credential_id` and `public_key` (COSE) are base64url, `transports` is a JSON list. */
export interface PasskeysTable {
  id: Generated<PasskeyId>
  uid: string
  user_id: UserId
  credential_id: string
  public_key: string
  counter: number
  transports: string
  name: string
  created_at: Instant
  last_used_at: Instant | null
}

/** Passkey challenges that were answered, until they expire; owned by `accounts`. */
export interface UsedChallengesTable {
  challenge_hash: string
  expires_at: Instant
}

/** Organizations and suborganizations; owned by `organizations`. `modified_at` is in seconds and only grows. */
export interface OrganizationsTable {
  id: Generated<OrganizationId>
  uid: string
  slug: string
  name: string
  parent_id: OrganizationId | null
  description: string | null
  /** What members below admin see: `all` packages, or those of their `teams`. */
  member_access: Generated<'all' | 'teams'>
  /** Who sees the organization besides its members. Never wider than that of the parent. */
  visibility: Generated<Visibility>
  /** Since when nobody sees the organization any more; its slug stays taken. */
  deleted_at: Instant | null
  revision: number
  modified_at: number
  created_at: Instant
}

/** Who belongs to an organization; owned by `organizations`. */
export interface MembersTable {
  organization_id: OrganizationId
  user_id: UserId
  role: Role
  created_at: Instant
}

/** What the members of a team may do beyond what every member may. */
export type TeamPermission = 'package.add' | 'package.edit' | 'suborganization.create' | 'customer.view' | 'customer.manage'

/** Groups of members with a set of packages; owned by `organizations`. The name is unique in the organization. */
export interface TeamsTable {
  id: Generated<TeamId>
  uid: string
  organization_id: OrganizationId
  name: string
  /** JSON list of `TeamPermission`. */
  permissions: string
  /** 1: every package of the organization, also future ones. */
  all_packages: Flag
  created_at: Instant
}

/** Who is in a team; owned by `organizations`. Goes with the membership in the organization. */
export interface TeamMembersTable {
  team_id: TeamId
  organization_id: OrganizationId
  user_id: UserId
  created_at: Instant
}

/** The packages of a team by name (lower case); owned by `organizations`. */
export interface TeamPackagesTable {
  team_id: TeamId
  name: string
  created_at: Instant
}

/** Sources that members added by a right of their teams, whose packages therefore belong to these; owned by `organizations`. */
export interface TeamSourcesTable {
  source_id: SourceId
  team_id: TeamId
}

/** The role that the members of an organization's team have in one of its suborganizations; owned by `organizations`. */
export interface OrganizationTeamsTable {
  organization_id: OrganizationId
  team_id: TeamId
  role: 'admin' | 'member'
  created_at: Instant
}

/** Invitations to an organization; owned by `organizations`. One that is open is unique by organization and e-mail address. */
export interface InvitationsTable {
  id: Generated<InvitationId>
  uid: string
  organization_id: OrganizationId
  email: string
  role: 'admin' | 'member'
  /** JSON list of ids of teams. */
  teams: string
  secret_hash: string
  /** The member on whose right the invitation rests; null when that was an operator or a token. */
  invited_by: UserId | null
  /** 1: the present link went to the address by mail and was shown to nobody. */
  mailed: Flag
  created_at: Instant
  expires_at: Instant
  accepted_at: Instant | null
  accepted_by: UserId | null
  cancelled_at: Instant | null
}

/** Machine credentials; owned by `access`. `secret_hash` is the lower-case hex SHA-256 of the whole token. */
export interface TokensTable {
  id: Generated<TokenId>
  uid: string
  kind: 'personal' | 'organization' | 'job'
  organization_id: OrganizationId | null
  user_id: UserId | null
  name: string
  hint: string
  secret_hash: string
  /** The secret before the last rotation, valid until `previous_until`. */
  previous_hash: string | null
  previous_until: Instant | null
  /** JSON list of scopes, or null for no restriction. */
  scopes: string | null
  /** JSON list of the words in which a dialect gave the scopes, or null. */
  scope_labels: string | null
  /** JSON list of package name patterns, or null for every package. */
  package_globs: string | null
  /** Of an organization's token the only source whose packages it is for; of a job's token the source that the job is of. */
  source_id: Generated<SourceId | null>
  /** JSON list of addresses and networks from which the token may be used, or null for all. */
  addresses: string | null
  /** Who issued it; null when that was no user. */
  created_by: UserId | null
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
  kind: 'vcs' | 'artifact' | 'custom'
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
  /** Since when the bytes need not be kept; they are built again, equal, when somebody asks. */
  retired_at: Generated<Instant | null>
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
  /** The package that the event is about, also after its deletion. */
  package_id: PackageId | null
}

/**
 * Downloads and installs of a package by who asked for it; owned by `statistics`. By day for a quarter of a year, then by month under its
 * first day. Versions are not told apart here: the product of versions and audiences would have no bound.
 */
export interface AudienceCountsTable {
  package_id: PackageId
  day: string
  /** `token:<id>`, `customer:<id>`, `member` or `anonymous`. */
  audience: string
  kind: 'download' | 'install'
  count: number
}

/** Installs that clients reported of names that the organization has no package for; owned by `statistics`. The name is empty for all that were too many. */
export interface UnknownInstallsTable {
  organization_id: OrganizationId
  name: string
  count: number
  last_at: Instant
}

/** What the processes counted towards limits, per window; owned by the rate limiter. */
export interface RateCountsTable {
  key: string
  window_start: Instant
  count: number
  expires_at: Instant
}

/** Failed tries to sign in, by the hash of who tried; owned by the rate limiter. */
export interface AttemptsTable {
  key: string
  failures: number
  blocked_until: Instant
  /** The account signed in from this address; until then strangers elsewhere do not hold it up. */
  trusted_until: Instant
  expires_at: Instant
}

/** Where an organization wants its events delivered; owned by `webhooks`. `url` and secrets are encrypted. */
export interface WebhooksTable {
  id: Generated<WebhookId>
  uid: string
  organization_id: OrganizationId
  name: string
  url: string
  secret: string
  /** The secret before the last rotation; signatures are made with it too until `previous_until`. */
  previous_secret: string | null
  previous_until: Instant | null
  /** JSON list of event types, or null for all public ones. */
  events: string | null
  /** JSON list of package name patterns, or null for every package and what concerns none. */
  package_globs: string | null
  is_active: Flag
  /** Since when no delivery has succeeded; null while healthy. */
  failing_since: Instant | null
  disabled_reason: string | null
  created_at: Instant
}

/** What is to be delivered to an outgoing hook, in the order of ids, and how it went; owned by `webhooks`. */
export interface WebhookDeliveriesTable {
  id: Generated<WebhookDeliveryId>
  uid: string
  webhook_id: WebhookId
  /** The uid of the event; null for a trial. */
  event_uid: string | null
  type: string
  state: 'waiting' | 'delivered' | 'failed'
  attempts: number
  next_attempt_at: Instant
  attempted_at: Instant | null
  /** Status and beginning of the last answer, and what went wrong in words for people. */
  status: number | null
  answer: string | null
  problem: string | null
  duration: number | null
  created_at: Instant
}

/** Mails; owned by `mail`. `content` is encrypted and erased when the mail is sent or given up. */
export interface MailsTable {
  id: Generated<MailId>
  uid: string
  organization_id: OrganizationId | null
  kind: string
  recipient: string
  content: string | null
  state: 'queued' | 'sent' | 'failed'
  problem: string | null
  created_at: Instant
  ended_at: Instant | null
}

/** What administrators of an organization are to be told, once; owned by `notices`. Unique by (organization, kind, subject). */
export interface NoticesTable {
  id: Generated<NoticeId>
  organization_id: OrganizationId
  kind: 'source_failing' | 'source_recovered' | 'token_expiring' | 'webhook_disabled'
  subject: string
  created_at: Instant
  sent_at: Instant | null
}

/** Organizations that want no notices; owned by `notices`. */
export interface NoticeMutesTable {
  organization_id: OrganizationId
  created_at: Instant
}

/** All tables. Each belongs to exactly one module; others ask that module's queries. */
export interface Schema {
  audience_counts: AudienceCountsTable
  unknown_installs: UnknownInstallsTable
  rate_counts: RateCountsTable
  attempts: AttemptsTable
  settings: SettingsTable
  users: UsersTable
  sessions: SessionsTable
  account_links: AccountLinksTable
  totp_secrets: TotpSecretsTable
  recovery_codes: RecoveryCodesTable
  passkeys: PasskeysTable
  used_challenges: UsedChallengesTable
  organizations: OrganizationsTable
  members: MembersTable
  teams: TeamsTable
  team_members: TeamMembersTable
  team_packages: TeamPackagesTable
  team_sources: TeamSourcesTable
  organization_teams: OrganizationTeamsTable
  invitations: InvitationsTable
  tokens: TokensTable
  credentials: CredentialsTable
  sources: SourcesTable
  source_refs: SourceRefsTable
  source_revisions: SourceRevisionsTable
  job_allowances: JobAllowancesTable
  withdrawn_refs: WithdrawnRefsTable
  hooks: HooksTable
  hook_receipts: HookReceiptsTable
  manifests: ManifestsTable
  packages: PackagesTable
  versions: VersionsTable
  dists: DistsTable
  artifacts: ArtifactsTable
  custom_definitions: CustomDefinitionsTable
  custom_dists: CustomDistsTable
  source_trees: SourceTreesTable
  sync_runs: SyncRunsTable
  readmes: ReadmesTable
  source_readmes: SourceReadmesTable
  hook_registrations: HookRegistrationsTable
  child_directories: ChildDirectoriesTable
  provided_names: ProvidedNamesTable
  download_counts: DownloadCountsTable
  jobs: JobsTable
  job_logs: JobLogsTable
  schedules: SchedulesTable
  events: EventsTable
  webhooks: WebhooksTable
  webhook_deliveries: WebhookDeliveriesTable
  mails: MailsTable
  notices: NoticesTable
  notice_mutes: NoticeMutesTable
}

/** A handle for statements: the read side of a context or the open transaction. */
export type Db = Kysely<Schema>
