import type { JobKind, JobPayloads, JobReport } from '../../core/kernel/jobs.ts'
import type { JobId } from '../../core/kernel/values.ts'
import type { ClaimedJob } from './claim.ts'
import type { ReportBuffer } from './report-buffer.ts'

/** A job as its handler sees it. */
export interface RunningJob<Kind extends JobKind> {
  id: JobId
  kind: Kind
  payload: JobPayloads[Kind]
  /** The number of this try, from 1. */
  attempt: number
  report: JobReport
  /** Aborted when the job is no longer ours or the process is about to end; the handler should throw soon after. */
  signal: AbortSignal
}

/**
 * What runs each kind of job. A handler is called at least once per job and may be called again after it succeeded
 * unnoticed, so it must be idempotent. It ends by returning, or by throwing a `DomainError`, a `RetryAt` or anything else.
 */
export type JobHandlers = { [Kind in JobKind]: (job: RunningJob<Kind>) => Promise<void> }

/** One try of one job in this process. */
export interface Execution {
  readonly job: ClaimedJob
  readonly report: ReportBuffer
  readonly abort: AbortController
  /**
   * `settled`: its end is recorded. `lost`: another process may have the job, or the row is gone. `released`: we gave it back
   * while the handler still ran.
   */
  state: 'held' | 'settled' | 'lost' | 'released'
  /** The process is ending: a failure gives the try back. */
  interrupted: boolean
  /** On the monotonic clock of this process; nobody else may have the job before. */
  leaseEnds: number
  /** Ends with the execution; never rejects. */
  ended: Promise<void>
}

/** Calls the handler of the job's kind. Throws what the handler throws. */
export async function callHandler(handlers: JobHandlers, execution: Execution): Promise<void> {
  const { job, report, abort } = execution
  const handler = handlers[job.kind as JobKind] as (running: RunningJob<JobKind>) => Promise<void>
  await handler({
    id: job.id,
    kind: job.kind as JobKind,
    payload: JSON.parse(job.payload) as JobPayloads[JobKind],
    attempt: job.attempt,
    report,
    signal: abort.signal,
  })
}
