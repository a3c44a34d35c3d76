import type { Actor, Origin } from './actor.ts'
import type { DomainEvent } from './events.ts'
import type { NewJob } from './jobs.ts'
import type { Blobs, Git, JobWaiter, Logger, Passwords, Random, Secrets } from './ports.ts'
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
  /** A new UUIDv7 for a `uid` column. */
  newId(): string
  readonly random: Random
  readonly log: Logger
  readonly blobs: Blobs
  readonly git: Git
  readonly secrets: Secrets
  readonly passwords: Passwords
  readonly jobs: JobWaiter
  readonly limits: Limits
  readonly sourceUrls: SourceUrlPolicy
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

/** Which source URLs the operator allows beyond https and ssh. */
export interface SourceUrlPolicy {
  allowFile: boolean
  allowHttp: boolean
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
