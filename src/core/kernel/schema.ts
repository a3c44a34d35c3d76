import type { Kysely } from 'kysely'
import type {
  AdvisoriesTable,
  AdvisoryFeedsTable,
  FilterEntriesTable,
  FindingVersionsTable,
  FindingsTable,
  PackageScansTable,
  RequiredNamesTable,
} from './tables/advisories.ts'
import type {
  ChangeFeedsTable,
  MirrorAbsencesTable,
  MirrorIncidentsTable,
  MirroredPackagesTable,
  MirrorsTable,
  NameReservationsTable,
  PackageChangesTable,
  RepositoryMessagesTable,
  RepositoryOptionsTable,
  UpstreamLeasesTable,
  UpstreamPackagesTable,
} from './tables/mirrors.ts'
import type {
  DistsTable,
  KeywordsTable,
  ManifestsTable,
  PackagesTable,
  ProvidedNamesTable,
  RequirementsTable,
  VersionsTable,
} from './tables/packages.ts'
import type {
  AccountLinksTable,
  InvitationsTable,
  MembersTable,
  OrganizationTeamsTable,
  OrganizationsTable,
  PasskeysTable,
  RecoveryCodesTable,
  SessionsTable,
  TeamMembersTable,
  TeamPackagesTable,
  TeamSourcesTable,
  TeamsTable,
  TokensTable,
  TotpSecretsTable,
  UsedChallengesTable,
  UsersTable,
} from './tables/people.ts'
import type {
  ArtifactsTable,
  ChildDirectoriesTable,
  CredentialsTable,
  CustomDefinitionsTable,
  CustomDistsTable,
  HookReceiptsTable,
  HookRegistrationsTable,
  HooksTable,
  JobAllowancesTable,
  ReadmesTable,
  SourcePausesTable,
  SourceReadmesTable,
  SourceRefsTable,
  SourceRevisionsTable,
  SourceTreesTable,
  SourcesTable,
  SyncRunsTable,
  WithdrawnRefsTable,
} from './tables/sources.ts'
import type {
  AttemptsTable,
  AudienceCountsTable,
  DownloadCountsTable,
  EventsTable,
  JobLogsTable,
  JobsTable,
  MailsTable,
  NoticeMutesTable,
  NoticesTable,
  RateCountsTable,
  SchedulesTable,
  SettingsTable,
  UnknownInstallsTable,
  WebhookDeliveriesTable,
  WebhooksTable,
} from './tables/work.ts'

export type { Flag, Role, TeamPermission, Visibility } from './tables/column-types.ts'
export type { FindingsTable } from './tables/advisories.ts'
export type { AccountLinksTable } from './tables/people.ts'
export type { HookRegistrationsTable } from './tables/sources.ts'
export type { EventsTable, JobLogsTable, JobsTable, NoticesTable } from './tables/work.ts'

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
  source_pauses: SourcePausesTable
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
  requirements: RequirementsTable
  keywords: KeywordsTable
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
  mirrors: MirrorsTable
  upstream_packages: UpstreamPackagesTable
  mirrored_packages: MirroredPackagesTable
  mirror_absences: MirrorAbsencesTable
  name_reservations: NameReservationsTable
  mirror_incidents: MirrorIncidentsTable
  upstream_leases: UpstreamLeasesTable
  change_feeds: ChangeFeedsTable
  package_changes: PackageChangesTable
  repository_options: RepositoryOptionsTable
  repository_messages: RepositoryMessagesTable
  advisory_feeds: AdvisoryFeedsTable
  advisories: AdvisoriesTable
  findings: FindingsTable
  finding_versions: FindingVersionsTable
  package_scans: PackageScansTable
  required_names: RequiredNamesTable
  filter_entries: FilterEntriesTable
}

/** A handle for statements: the read side of a context or the open transaction. */
export type Db = Kysely<Schema>
