import { getJob } from '../core/jobs/index.ts'
import type { Ctx } from '../core/kernel/ctx.ts'
import type { JobId } from '../core/kernel/values.ts'
import type { Source } from '../core/sources/index.ts'
import { followFrom, followJob, requireSuccess, type FollowedJob } from './follow-job.ts'
import type { Session } from './session.ts'
import { presentSource, readOutcome, summarize } from './source-outcome.ts'

/** A sync that was asked for, and whether to wait for it. */
export interface Sync {
  slug: string
  source: Source
  wait: boolean
  followed: FollowedJob
}

/** Waits for a sync unless told otherwise, and shows what came of it. Throws when it failed, after showing the source. */
export async function showSync(session: Session, { slug, source, wait, followed }: Sync): Promise<void> {
  if (!wait) {
    const { uid } = await getJob(await session.ctx(), followed.job)
    session.show({ ...presentSource(source), job: uid }, () => `Queued. Watch it with: repertoire job show ${uid} --wait`)
    return
  }
  const job = await followJob(session, followed)
  const outcome = await readOutcome(await session.ctx(), source.organization, source.uid)
  if (session.isJson || job.state === 'succeeded') {
    session.show({ ...outcome.document, job: job.uid }, () => summarize(outcome, slug))
  }
  requireSuccess(job)
}

/** How to follow a job that was just asked for; it may be one that waited already, and has failed before. */
export async function toFollowed(ctx: Ctx, id: JobId): Promise<FollowedJob> {
  const job = await getJob(ctx, id)
  return job.createdAt < ctx.now ? followFrom(job) : { job: job.id, attempts: 0 }
}
