import { getJob, listJobLog, listJobs, type Job } from '../core/jobs/index.ts'
import type { JobId } from '../core/kernel/values.ts'
import { CliFailure, EXIT, interruption } from './failure.ts'
import { LocalWorker } from './local-worker.ts'
import { ProgressView } from './progress-view.ts'
import { readAll } from './read-all.ts'
import type { Session } from './session.ts'
import { toMoment } from './texts.ts'

const POLL_INTERVAL = 150

/** A job to wait for. `attempts`: the tries that were over before; a failure of one of those is no news. */
export interface FollowedJob {
  job: JobId
  attempts: number
}

/** A job to wait for from now on. */
export function followFrom(job: Job): FollowedJob {
  return { job: job.id, attempts: job.state === 'running' ? job.attempts - 1 : job.attempts }
}

/**
 * Waits until a job ended or a try of it failed, showing how it goes on, and does the work itself when nobody else would. Then
 * also waits for what the job caused, as far as it is done here. Ctrl-C ends the waiting only: throws an interruption
 * that says how to watch again.
 */
export async function followJob(session: Session, followed: FollowedJob): Promise<Job> {
  const view = new ProgressView(session)
  const worker = new LocalWorker(session)
  const interrupt = Promise.withResolvers<'interrupted'>()
  const unlisten = session.io.onInterrupt(() => interrupt.resolve('interrupted'))
  const pause = async () => (await Promise.race([Bun.sleep(POLL_INTERVAL), interrupt.promise])) === 'interrupted'
  let how: 'drain' | 'stop' = 'stop'
  try {
    const job = await watch(session, { followed, view, worker, pause })
    if (worker.isWorking) {
      await finishFollowUps(session, { job, view, pause })
      how = 'drain'
    }
    return job
  } finally {
    view.end()
    await worker.end(how)
    unlisten()
  }
}

interface Watch {
  followed: FollowedJob
  view: ProgressView
  worker: LocalWorker
  /** True when Ctrl-C was pressed. */
  pause: () => Promise<boolean>
}

async function watch(session: Session, { followed, view, worker, pause }: Watch): Promise<Job> {
  let sequence = 0
  for (;;) {
    const ctx = await session.ctx()
    const job = await getJob(ctx, followed.job)
    const lines = await listJobLog(ctx, job, sequence)
    sequence = lines.at(-1)?.sequence ?? sequence
    view.update(job.state === 'running' ? job.progress : null, lines)
    if (lines.length > 0) {
      continue
    }
    if (hasEnded(job, followed)) {
      return job
    }
    await worker.consider(job)
    if (await pause()) {
      const fate = worker.isWorking ? 'Stopped; the job goes back to the queue.' : 'Stopped watching; the job goes on.'
      throw interruption(`${fate} Watch it again with: repertoire job show ${job.uid} --wait`)
    }
  }
}

/** A job that failed and waits for its next try has ended for somebody who watches it. */
function hasEnded(job: Job, followed: FollowedJob): boolean {
  if (job.state === 'succeeded' || job.state === 'failed') {
    return true
  }
  return job.state === 'queued' && job.attempts > followed.attempts && job.errorCode !== null
}

/** What a job caused has no link to it: these are the later jobs of its organization that can run now. */
async function finishFollowUps(
  session: Session,
  { job, view, pause }: { job: Job } & Omit<Watch, 'followed' | 'worker'>,
): Promise<void> {
  for (;;) {
    const left = await listFollowUps(session, job)
    if (left.length === 0) {
      return
    }
    view.update(left.find(({ state }) => state === 'running')?.progress ?? null, [])
    if (await pause()) {
      throw interruption('Stopped. The archives that are missing are built when a server runs, or when they are asked for.')
    }
  }
}

async function listFollowUps(session: Session, job: Job): Promise<Job[]> {
  const ctx = await session.ctx()
  const { organization } = job
  const jobs = await Promise.all(
    (['queued', 'running'] as const).map((state) =>
      readAll(undefined, (page) => listJobs(ctx, { organization, state, kind: null }, page)),
    ),
  )
  return jobs.flat().filter((other) => other.id > job.id && (other.state === 'running' || other.runAt <= ctx.now))
}

/** Throws what made a followed job fail, with what becomes of it. */
export function requireSuccess(job: Job): void {
  if (job.state === 'succeeded') {
    return
  }
  const problem = job.error ?? 'The job failed.'
  const outlook = describeOutlook(job)
  throw new CliFailure({ exit: EXIT.failed, code: job.errorCode ?? 'unexpected', message: `${problem}\n${outlook}` })
}

function describeOutlook(job: Job): string {
  if (job.errorCode === 'source_limited') {
    return 'A running server reads it then.'
  }
  return job.state === 'failed'
    ? `Try again with: repertoire job retry ${job.uid}`
    : `A running server tries again, next at ${toMoment(job.runAt)} (job ${job.uid}).`
}
