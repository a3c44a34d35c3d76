/**
 * What every entry point builds on: the ports, and the two things made of them, contexts for calls and a runner for jobs.
 * `openApp` in compose.ts builds it for real; the test kit builds it with its own clock, ids and storage.
 */
import type { Actor, Origin } from './core/kernel/actor.ts'
import type { ArchivePolicy, Ctx, Limits, ReactingTx, Retention, SourceUrlPolicy } from './core/kernel/ctx.ts'
import type { DomainEvent, RecordedEvent } from './core/kernel/events.ts'
import type { JobKind, NewJob } from './core/kernel/jobs.ts'
import type {
  Attempts,
  Blobs,
  Clock,
  Git,
  Http,
  Logger,
  Mailer,
  Passwords,
  Random,
  Secrets,
  Upstreams,
} from './core/kernel/ports.ts'
import { protectNames } from './core/mirrors/index.ts'
import { noticeEvents } from './core/notices/index.ts'
import { dispatchEvents } from './core/webhooks/index.ts'
import { createCoreJobs } from './jobs/index.ts'
import type { Database } from './platform/db/database.ts'
import { runTransaction } from './platform/db/transactions.ts'
import { purgeLeases } from './platform/http/upstream-leases.ts'
import { enqueueJob } from './platform/queue/enqueue.ts'
import type { JobHandlers } from './platform/queue/execution.ts'
import type { LaneSizes } from './platform/queue/lanes.ts'
import { purgeJobs } from './platform/queue/purge-jobs.ts'
import { createQueueRunner, type QueueRunner } from './platform/queue/runner.ts'
import type { Schedule } from './platform/queue/schedules.ts'
import type { SharedLimiter } from './platform/limits/shared-limiter.ts'
import { waitForJob } from './platform/queue/wait-for-job.ts'

/** Everything that comes in through one door each. */
export interface Ports {
  database: Database
  clock: Clock
  random: Random
  newId(): string
  log: Logger
  blobs: Blobs
  git: Git
  http: Http
  upstreams: Upstreams
  secrets: Secrets
  passwords: Passwords
  limits: Limits
  retention: Retention
  archives: ArchivePolicy
  limiter: SharedLimiter
  attempts: Attempts
  sourceUrls: SourceUrlPolicy
  /** Null when it is switched off. */
  advisoryFeed: string | null
  /** Null where there is none but those of mirrors. */
  malwareFeed: string | null
  /** Null when mail is not configured. */
  mailer: Mailer | null
  publicUrl: string | null
  /** Aborted when the process ends; calls that wait for something stop waiting. */
  ending: AbortSignal
  /** Sees every committed transaction; used by the test kit. */
  observe?: (committed: { events: readonly DomainEvent[]; jobs: number }) => void
}

/** The identity under which jobs and the first start act. */
export const SYSTEM: Actor = { kind: 'system' }

/** A context for one call. */
export function createCtx(ports: Ports, actor: Actor, origin: Origin): Ctx {
  const now = ports.clock.now()
  const log = origin.requestId === null ? ports.log : ports.log.with({ request: origin.requestId })
  return {
    actor,
    origin,
    now,
    clock: ports.clock,
    db: ports.database.read,
    newId: () => ports.newId(),
    random: ports.random,
    log,
    blobs: ports.blobs,
    git: ports.git,
    http: ports.http,
    upstreams: ports.upstreams,
    secrets: ports.secrets,
    passwords: ports.passwords,
    limits: ports.limits,
    retention: ports.retention,
    archives: ports.archives,
    limiter: ports.limiter,
    attempts: ports.attempts,
    sourceUrls: ports.sourceUrls,
    advisoryFeed: ports.advisoryFeed,
    malwareFeed: ports.malwareFeed,
    mailer: ports.mailer,
    publicUrl: ports.publicUrl,
    jobs: { wait: (job, timeout) => waitForJob(ports.database, job, { timeout, signal: ports.ending }) },
    transaction: (work) =>
      runTransaction(
        ports.database,
        {
          actor,
          origin,
          now,
          newId: () => ports.newId(),
          enqueue: enqueueJob,
          react: (tx, events) => react(ports, tx, events),
          onAfterCommitError: (error) => log.error('Something failed after a commit.', { error }),
          ...(ports.observe === undefined ? {} : { observe: ports.observe }),
        },
        work,
      ),
  }
}

/** What happens with every change that somebody may want to hear of. Without mail nobody could be told notices. */
async function react(ports: Ports, tx: ReactingTx, events: readonly RecordedEvent[]): Promise<void> {
  await protectNames(tx, events)
  await dispatchEvents(tx, events)
  if (ports.mailer !== null) {
    await noticeEvents(tx, events)
  }
}

const HOUR = 60 * 60 * 1000
const KEEP_SUCCEEDED_JOBS = 24 * HOUR
const KEEP_FAILED_JOBS = 30 * 24 * HOUR

/** What a job handler is called with, besides its payload. */
function jobOrigin(kind: string, id: number): Origin {
  return { surface: `job:${kind}`, address: null, agent: null, requestId: `job-${id}` }
}

/** The handlers of all kinds of jobs over these ports. */
export function createJobHandlers(ports: Ports): JobHandlers {
  const jobs = createCoreJobs()
  const ctxOf = (job: { kind: string; id: number }) => createCtx(ports, SYSTEM, jobOrigin(job.kind, job.id))
  return {
    'source.sync': (job) => jobs['source.sync'](ctxOf(job), job.payload, job.report),
    'sources.reconcile': (job) => jobs['sources.reconcile'](ctxOf(job), job.payload, job.report),
    'advisories.refresh': (job) => jobs['advisories.refresh'](ctxOf(job), job.payload, job.report),
    'filters.refresh': (job) => jobs['filters.refresh'](ctxOf(job), job.payload, job.report),
    'advisories.scan': (job) => jobs['advisories.scan'](ctxOf(job), job.payload, job.report),
    'accounts.purge': (job) => jobs['accounts.purge'](ctxOf(job), job.payload, job.report),
    'hook.register': (job) => jobs['hook.register'](ctxOf(job), job.payload, job.report),
    'hook.unregister': (job) => jobs['hook.unregister'](ctxOf(job), job.payload, job.report),
    'hooks.purge': (job) => jobs['hooks.purge'](ctxOf(job), job.payload, job.report),
    'archive.build': (job) => jobs['archive.build'](ctxOf(job), job.payload, job.report),
    'archives.prebuild': (job) => jobs['archives.prebuild'](ctxOf(job), job.payload, job.report),
    'archives.prefetch': (job) => jobs['archives.prefetch'](ctxOf(job), job.payload, job.report),
    'lock.prefetch': (job) => jobs['lock.prefetch'](ctxOf(job), job.payload, job.report),
    'mirror.remove': (job) => jobs['mirror.remove'](ctxOf(job), job.payload, job.report),
    'organizations.purge': (job) => jobs['organizations.purge'](ctxOf(job), job.payload, job.report),
    'blobs.scrub': (job) => jobs['blobs.scrub'](ctxOf(job), job.payload, job.report),
    'blobs.collect': (job) => jobs['blobs.collect'](ctxOf(job), job.payload, job.report),
    'mirror.refresh': (job) => jobs['mirror.refresh'](ctxOf(job), job.payload, job.report),
    'mirror.fetch': (job) => jobs['mirror.fetch'](ctxOf(job), job.payload, job.report),
    'mirrors.schedule': (job) => jobs['mirrors.schedule'](ctxOf(job), job.payload, job.report),
    'notices.send': (job) => jobs['notices.send'](ctxOf(job), job.payload, job.report),
    'notices.collect': (job) => jobs['notices.collect'](ctxOf(job), job.payload, job.report),
    'webhook.deliver': (job) => jobs['webhook.deliver'](ctxOf(job), job.payload, job.report),
    'webhooks.purge': (job) => jobs['webhooks.purge'](ctxOf(job), job.payload, job.report),
    'mail.send': (job) => jobs['mail.send'](ctxOf(job), job.payload, job.report),
    'mails.purge': (job) => jobs['mails.purge'](ctxOf(job), job.payload, job.report),
    'statistics.roll-up': (job) => jobs['statistics.roll-up'](ctxOf(job), job.payload, job.report),
    'events.purge': (job) => jobs['events.purge'](ctxOf(job), job.payload, job.report),
    'jobs.purge': async () => {
      const now = ports.clock.now()
      await purgeJobs(ports.database.write, { succeeded: now - KEEP_SUCCEEDED_JOBS, failed: now - KEEP_FAILED_JOBS })
      await purgeLeases(ports.database, now)
    },
  }
}

type Housekeeping = Extract<
  JobKind,
  | 'organizations.purge'
  | 'sources.reconcile'
  | 'mirrors.schedule'
  | 'hooks.purge'
  | 'blobs.scrub'
  | 'blobs.collect'
  | 'notices.collect'
  | 'webhooks.purge'
  | 'mails.purge'
  | 'jobs.purge'
  | 'advisories.refresh'
  | 'advisories.scan'
  | 'filters.refresh'
  | 'accounts.purge'
  | 'statistics.roll-up'
  | 'events.purge'
>

function housekeeping(kind: Housekeeping, cron: string): Schedule {
  const job: NewJob = { kind, payload: {}, organization: null, dedupeKey: kind, lane: 'background', maxAttempts: 3 }
  return { name: kind, cron, job }
}

/** What recurs; times are UTC. */
export const SCHEDULES: readonly Schedule[] = [
  housekeeping('sources.reconcile', '* * * * *'),
  housekeeping('advisories.refresh', '*/5 * * * *'),
  housekeeping('advisories.scan', '* * * * *'),
  housekeeping('filters.refresh', '*/5 * * * *'),
  housekeeping('mirrors.schedule', '* * * * *'),
  housekeeping('accounts.purge', '47 3 * * *'),
  housekeeping('hooks.purge', '29 3 * * *'),
  housekeeping('notices.collect', '7 6 * * *'),
  housekeeping('webhooks.purge', '37 3 * * *'),
  housekeeping('mails.purge', '23 3 * * *'),
  housekeeping('jobs.purge', '17 * * * *'),
  housekeeping('statistics.roll-up', '53 2 * * *'),
  housekeeping('events.purge', '37 2 * * *'),
  housekeeping('blobs.collect', '41 3 * * *'),
  housekeeping('organizations.purge', '11 3 * * *'),
  housekeeping('blobs.scrub', '11 4 * * 0'),
]

const LEASE = 30_000

/** How a runner is started. `deadOwners`: see the queue's runner. */
export interface RunnerSetup {
  owner: string
  lanes: LaneSizes
  deadOwners?: string
  schedules: readonly Schedule[]
}

/** A runner of all kinds of jobs over these ports. */
export function createRunner(ports: Ports, setup: RunnerSetup): QueueRunner {
  return createQueueRunner({
    database: ports.database,
    clock: ports.clock,
    random: ports.random,
    log: ports.log,
    newId: () => ports.newId(),
    handlers: createJobHandlers(ports),
    leaseDuration: LEASE,
    ...setup,
  })
}
