import type { Schema } from '../core/kernel/schema.ts'

/** A table that a backup holds. */
export interface BackupTable {
  name: keyof Schema
  /** The columns by which rows are ordered and found; unique together. `id` if left out. */
  key?: readonly string[]
  /** Columns that are null in a backup, because what they point to is not in it. */
  blank?: readonly string[]
}

/**
 * The tables of a backup, each behind those that it refers to. Whoever adds a table to the schema adds it here, or to `LEFT_OUT` with the
 * reason; a restore reads nothing that is not in this list.
 */
export const BACKUP_TABLES: readonly BackupTable[] = [
  { name: 'settings', key: ['key'] },
  { name: 'users' },
  { name: 'totp_secrets', key: ['user_id'] },
  { name: 'recovery_codes', key: ['user_id', 'code_hash'] },
  { name: 'passkeys' },
  { name: 'organizations' },
  { name: 'members', key: ['organization_id', 'user_id'] },
  { name: 'teams' },
  { name: 'team_members', key: ['team_id', 'user_id'] },
  { name: 'team_packages', key: ['team_id', 'name'] },
  { name: 'organization_teams', key: ['organization_id', 'team_id'] },
  { name: 'invitations' },
  { name: 'credentials' },
  { name: 'manifests' },
  { name: 'readmes' },
  { name: 'sources' },
  { name: 'tokens' },
  { name: 'team_sources', key: ['source_id', 'team_id'] },
  { name: 'source_refs', key: ['source_id', 'kind', 'name'] },
  { name: 'source_revisions', key: ['source_id', 'commit_id'] },
  { name: 'source_trees', key: ['source_id', 'commit_id'] },
  { name: 'source_readmes', key: ['source_id', 'commit_id'] },
  { name: 'sync_runs' },
  { name: 'withdrawn_refs', key: ['source_id', 'ref'] },
  { name: 'job_allowances', key: ['source_id', 'allowed_source_id'] },
  { name: 'hook_registrations' },
  { name: 'custom_definitions', key: ['source_id'] },
  { name: 'hooks' },
  { name: 'hook_receipts', blank: ['job_id'] },
  { name: 'packages' },
  { name: 'versions' },
  { name: 'dists' },
  { name: 'custom_dists', key: ['package_id', 'reference'] },
  { name: 'child_directories', key: ['package_id', 'reference'] },
  { name: 'artifacts' },
  { name: 'provided_names', key: ['name', 'package_id'] },
  { name: 'requirements', key: ['package_id', 'kind', 'name'] },
  { name: 'keywords', key: ['package_id', 'keyword'] },
  { name: 'mirrors', key: ['source_id'] },
  { name: 'upstream_packages', key: ['source_id', 'name'] },
  { name: 'mirrored_packages', key: ['package_id'] },
  { name: 'mirror_absences', key: ['source_id', 'name'] },
  { name: 'name_reservations', key: ['organization_id', 'pattern'] },
  { name: 'mirror_incidents' },
  { name: 'repository_options', key: ['organization_id'] },
  { name: 'repository_messages' },
  { name: 'advisory_feeds' },
  { name: 'advisories' },
  { name: 'findings' },
  { name: 'finding_versions', key: ['finding_id', 'version_id'] },
  { name: 'package_scans', key: ['package_id'] },
  { name: 'required_names', key: ['name', 'package_id'] },
  { name: 'filter_entries' },
  { name: 'download_counts', key: ['package_id', 'version', 'day', 'kind'] },
  { name: 'audience_counts', key: ['package_id', 'day', 'audience', 'kind'] },
  { name: 'unknown_installs', key: ['organization_id', 'name'] },
  { name: 'webhooks' },
  { name: 'notices' },
  { name: 'notice_mutes', key: ['organization_id'] },
  { name: 'events' },
]

/** The tables that a backup does not hold, with the reason. */
export const LEFT_OUT: Partial<Record<keyof Schema, string>> = {
  jobs: 'work in progress belongs to the processes that ran; a restored installation looks at every source anew',
  job_logs: 'they belong to jobs',
  change_feeds: 'followers of a restored installation have to look at everything again',
  package_changes: 'they belong to feeds of changes',
  schedules: 'the scheduler enters them at the start',
  sessions: 'nobody stays signed in; people who were signed out since would be in again',
  account_links: 'one-time secrets that were mailed; those used since would work again',
  used_challenges: 'they protect sign-ins of the last minutes',
  upstream_leases: 'who was asking an upstream at that moment',
  source_pauses: 'hosts that limited requests at that time',
  rate_counts: 'windows of limits that are over',
  attempts: 'failed sign-ins of the past; limits begin anew',
  webhook_deliveries: 'what waited then was delivered since; sending it again would tell every receiver twice',
  mails: 'what waited then was sent since; links in mails are left out too',
}

/** Settings that describe a running process or are remade by it, so that they neither enter nor leave a backup. */
export const TRANSIENT_SETTINGS: readonly string[] = [
  'rendered_as',
  'archives_built',
  'setup_secret_hash',
  'backup_running_until',
  'restored_backup',
]

/** The key columns of a table. */
export function keyOf(table: BackupTable): readonly string[] {
  return table.key ?? ['id']
}
