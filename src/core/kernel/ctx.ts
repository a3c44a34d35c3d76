import type { Actor, Origin } from './actor.ts'
import type { DomainEvent } from './events.ts'
import type { NewJob } from './jobs.ts'
import type {
  Attempts,
  Blobs,
  Clock,
  Git,
  Http,
  JobWaiter,
  Logger,
  Mailer,
  Passwords,
  Random,
  RateLimiter,
  Secrets,
  Upstreams,
} from './ports.ts'
import type { Db } from './schema.ts'
import type { Instant, JobId } from './values.ts'

/** The context of one call: who acts, when, and the ports to the outside. */
export interface Ctx {
  readonly actor: Actor
  readonly origin: Origin
  /** For reading only; writes go through `transaction`. */
  readonly db: Db
  /** Fixed for the whole call. */
  readonly now: Instant
  /** For what takes long and is to say when it ended. */
  readonly clock: Clock
  /** A new UUIDv7 for a `uid` column. */
  newId(): string
  readonly random: Random
  readonly log: Logger
  readonly blobs: Blobs
  readonly git: Git
  readonly http: Http
  readonly upstreams: Upstreams
  readonly secrets: Secrets
  readonly passwords: Passwords
  readonly jobs: JobWaiter
  readonly limiter: RateLimiter
  readonly attempts: Attempts
  readonly limits: Limits
  readonly retention: Retention
  readonly archives: ArchivePolicy
  readonly sourceUrls: SourceUrlPolicy
  /** The advisories API that the installation asks; null when the operator switched that off. */
  readonly advisoryFeed: string | null
  /** The summary of a malware list that the installation asks (contract composer.md §1.7); null for none but those of mirrors. */
  readonly malwareFeed: string | null
  /** Null when mail is not configured. */
  readonly mailer: Mailer | null
  /** The configured public address without a slash at its end, for links in mails; null when it is not configured. */
  readonly publicUrl: string | null
  /** Runs `work` in one transaction: all of its rows, events and jobs are kept, or none. */
  transaction<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>
}

/**
 * The context inside a transaction. It has no ports on purpose: nothing slow may happen while the
 * only writer of an embedded database is held.
 */
export interface Tx {
  readonly actor: Actor
  readonly db: Db
  readonly now: Instant
  newId(): string
  /** Writes the event with the change that it reports. */
  record(event: DomainEvent): Promise<void>
  /** Enqueues a job with the change that causes it. Returns the id of the queued job, new or already there. */
  enqueue(job: NewJob): Promise<JobId>
  /** Runs after a successful commit; failures are logged and change nothing. */
  afterCommit(work: () => void): void
}

/**
 * The transaction after its work is done and its events are written, for those who react to events: they write and enqueue with the change,
 * and record nothing themselves.
 */
export type ReactingTx = Omit<Tx, 'record'>

/** Which source URLs the operator allows beyond https and ssh. */
export interface SourceUrlPolicy {
  allowFile: boolean
  allowHttp: boolean
}

/** How long records are kept, in days; from configuration. */
export interface Retention {
  /** Events. */
  auditDays: number
  /** Downloads day by day; older ones are kept by month. */
  statisticsDays: number
}

/** What archives are built and kept; from configuration. */
export interface ArchivePolicy {
  /** Whether archives are built of repositories; if not, clients clone. Uploads and custom packages have theirs in any case. */
  enabled: boolean
  /** Releases of each package whose built archives are kept ready; 0 for all. Older ones are built again when somebody asks. */
  keepReleases: number
}

/** Bounds that protect the process from what it reads; from configuration. */
export interface Limits {
  /** Bytes of one composer.json. */
  manifestBytes: number
  /** Refs that one source may have. */
  sourceRefs: number
  /** Bytes of one source's mirror on disk. */
  sourceBytes: number
  /** Objects that one fetch may bring. */
  sourceObjects: number
  /** Milliseconds that a transfer may stand still. */
  sourceStall: number
  /** Milliseconds that one fetch may take. */
  sourceDuration: number
  /** Bytes of all files of one archive, before compression. */
  archiveBytes: number
  /** Files of one archive. */
  archiveEntries: number
}
