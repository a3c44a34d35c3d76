/**
 * What every entry point builds on: the ports, and the two things made of them, contexts for calls and a runner for jobs.
 * `openApp` in compose.ts builds it for real; the test kit builds it with its own clock, ids and storage.
 */
import type { Actor, Origin } from './core/kernel/actor.ts'
import type { Ctx, Limits, SourceUrlPolicy } from './core/kernel/ctx.ts'
import type { DomainEvent } from './core/kernel/events.ts'
import type { JobKind, NewJob } from './core/kernel/jobs.ts'
import type { Blobs, Clock, Git, Logger, Passwords, Random, Secrets } from './core/kernel/ports.ts'
import { createCoreJobs } from './jobs/index.ts'
import type { Database } from './platform/db/database.ts'
import { runTransaction } from './platform/db/transactions.ts'
import { enqueueJob } from './platform/queue/enqueue.ts'
import type { JobHandlers } from './platform/queue/execution.ts'
import type { LaneSizes } from './platform/queue/lanes.ts'
import { purgeJobs } from './platform/queue/purge-jobs.ts'
import { createQueueRunner, type QueueRunner } from './platform/queue/runner.ts'
import type { Schedule } from './platform/queue/schedules.ts'
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
  secrets: Secrets
  passwords: Passwords
  limits: Limits
  sourceUrls: SourceUrlPolicy
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
    db: ports.database.read,
    newId: () => ports.newId(),
    random: ports.random,
    log,
    blobs: ports.blobs,
    git: ports.git,
    secrets: ports.secrets,
    passwords: ports.passwords,
    limits: ports.limits,
    sourceUrls: ports.sourceUrls,
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
          onAfterCommitError: (error) => log.error('Something failed after a commit.', { error }),
          ...(ports.observe === undefined ? {} : { observe: ports.observe }),
        },
        work,
      ),
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
    'hooks.purge': (job) => jobs['hooks.purge'](ctxOf(job), job.payload, job.report),
    'archive.build': (job) => jobs['archive.build'](ctxOf(job), job.payload, job.report),
    'archives.prebuild': (job) => jobs['archives.prebuild'](ctxOf(job), job.payload, job.report),
    'mirror.remove': (job) => jobs['mirror.remove'](ctxOf(job), job.payload, job.report),
    'blobs.scrub': (job) => jobs['blobs.scrub'](ctxOf(job), job.payload, job.report),
    'blobs.collect': (job) => jobs['blobs.collect'](ctxOf(job), job.payload, job.report),
    'jobs.purge': async () => {
      const now = ports.clock.now()
      await purgeJobs(ports.database.write, { succeeded: now - KEEP_SUCCEEDED_JOBS, failed: now - KEEP_FAILED_JOBS })
    },
  }
}

type Housekeeping = Extract<JobKind, 'sources.reconcile' | 'hooks.purge' | 'blobs.scrub' | 'blobs.collect' | 'jobs.purge'>

function housekeeping(kind: Housekeeping, cron: string): Schedule {
  const job: NewJob = { kind, payload: {}, organization: null, dedupeKey: kind, lane: 'background', maxAttempts: 3 }
  return { name: kind, cron, job }
}

/** What recurs; times are UTC. */
export const SCHEDULES: readonly Schedule[] = [
  housekeeping('sources.reconcile', '* * * * *'),
  housekeeping('hooks.purge', '29 3 * * *'),
  housekeeping('jobs.purge', '17 * * * *'),
  housekeeping('blobs.collect', '41 3 * * *'),
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
