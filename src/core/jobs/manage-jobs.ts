import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { MAX_PAGE, type Page, type Paged } from '../kernel/paging.ts'
import type { JobId } from '../kernel/values.ts'
import {
  findJob,
  findJobByUid,
  requeueFailed,
  selectJobs,
  selectLogLines,
  type Job,
  type JobFilter,
  type JobLogLine,
} from './jobs.sql.ts'

/** Jobs that match, newest first. */
export async function listJobs(ctx: Ctx, filter: JobFilter, page: Page): Promise<Paged<Job>> {
  await authorize(ctx, 'job.list', filter.organization)
  return selectJobs(ctx.db, filter, { ...page, limit: Math.min(page.limit, MAX_PAGE) })
}

/** The job with that id or uid. Throws `job_not_found`. */
export async function getJob(ctx: Ctx, job: JobId | string): Promise<Job> {
  const found = typeof job === 'string' ? await findJobByUid(ctx.db, job) : await findJob(ctx.db, job)
  if (found === null) {
    throw new DomainError('job_not_found')
  }
  await authorize(ctx, 'job.list', found.organization)
  return found
}

/** Log lines of a job after a sequence number, at most `MAX_PAGE`. */
export async function listJobLog(ctx: Ctx, job: Job, after: number): Promise<JobLogLine[]> {
  await authorize(ctx, 'job.list', job.organization)
  return selectLogLines(ctx.db, job.id, after, MAX_PAGE)
}

/** Puts a failed job back into the queue. Throws `job_not_retryable` for any other, or when the same work waits already. */
export async function retryJob(ctx: Ctx, job: Job): Promise<void> {
  await authorize(ctx, 'job.retry', job.organization)
  await ctx.transaction(async (tx) => {
    if (!(await requeueFailed(tx.db, job.id, tx.now))) {
      throw new DomainError('job_not_retryable', { state: job.state === 'failed' ? 'queued already' : job.state })
    }
    await tx.record({ type: 'job.retried', organization: job.organization, job: job.id })
  })
}
