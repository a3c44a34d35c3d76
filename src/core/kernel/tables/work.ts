import type { Generated } from 'kysely'
import type {
  EventId,
  Instant,
  JobId,
  MailId,
  NoticeId,
  OrganizationId,
  PackageId,
  WebhookDeliveryId,
  WebhookId,
} from '../values.ts'
import type { Flag } from './column-types.ts'

/** Instance-wide settings and facts, one row each; owned by `instance`. */
export interface SettingsTable {
  key: string
  value: string
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
  kind:
    | 'source_failing'
    | 'source_recovered'
    | 'credential_refused'
    | 'credential_expiring'
    | 'tag_moved'
    | 'token_expiring'
    | 'webhook_disabled'
    | 'finding_opened'
    | 'mirror_incident'
  subject: string
  created_at: Instant
  sent_at: Instant | null
}

/** Organizations that want no notices; owned by `notices`. */
export interface NoticeMutesTable {
  organization_id: OrganizationId
  created_at: Instant
}
