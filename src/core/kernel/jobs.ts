import type { HookRegistrationId, Instant, MailId, OrganizationId, PackageId, SourceId, WebhookId } from './values.ts'

/** Every kind of background work with its payload: ids only, so that a handler reads the current state. */
export interface JobPayloads {
  'source.sync': { source: SourceId }
  'sources.reconcile': Record<string, never>
  'hook.register': { source: SourceId }
  'hook.unregister': { registration: HookRegistrationId }
  'hooks.purge': Record<string, never>
  'archive.build': { package: PackageId; reference: string }
  'archives.prebuild': { package: PackageId }
  'archives.prefetch': { source: SourceId }
  'lock.prefetch': LockPrefetch
  'mirror.remove': { mirror: string }
  'organizations.purge': Record<string, never>
  'blobs.scrub': Record<string, never>
  'blobs.collect': Record<string, never>
  'mail.send': { mail: MailId }
  'mails.purge': Record<string, never>
  'webhook.deliver': { webhook: WebhookId }
  'webhooks.purge': Record<string, never>
  'notices.send': { organization: OrganizationId }
  'notices.collect': Record<string, never>
  'mirror.refresh': { source: SourceId }
  'mirror.fetch': { source: SourceId; name: string }
  'mirrors.schedule': Record<string, never>
  'advisories.refresh': Record<string, never>
  'advisories.scan': Record<string, never>
  'filters.refresh': Record<string, never>
  'accounts.purge': Record<string, never>
  'jobs.purge': Record<string, never>
  'statistics.roll-up': Record<string, never>
  'events.purge': Record<string, never>
}

/** What a lock file wants to be there: names and references, because what they stand for may have to be found first. */
export interface LockPrefetch {
  organization: OrganizationId
  packages: readonly { name: string; version: string; reference: string | null }[]
  /** Whoever asked may add only what every member may see. */
  onlyOpen: boolean
}

/** The name of a kind of work. */
export type JobKind = keyof JobPayloads

/**
 * A job to be enqueued with the change that causes it. Of several queued jobs with one
 * `dedupeKey` only the first is kept; one with the key of a running job waits until that one ended.
 */
export type NewJob = {
  [Kind in JobKind]: {
    kind: Kind
    payload: JobPayloads[Kind]
    organization: OrganizationId | null
    dedupeKey: string | null
    /** `interactive`: somebody waits for it; such jobs have their own lane. */
    lane: 'interactive' | 'background'
    /** When it is due; at once when absent. A queued job that it joins keeps its own time. */
    runAt?: Instant
    /** Tries before the job counts as failed. */
    maxAttempts: number
  }
}[JobKind]

/** What a running job tells those who watch it. All calls are cheap and may be made often. */
export interface JobReport {
  /** Names the step that begins; `total` is the number of units if it is known. */
  step(name: string, total?: number): Promise<void>
  /** How many units of the current step are done. */
  progress(done: number): void
  /** Adds a line to the job's log. Text of foreign origin is made inert before it is stored. */
  log(level: 'info' | 'warning' | 'error', line: string): void
}
