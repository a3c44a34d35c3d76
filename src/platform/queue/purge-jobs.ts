import type { Db } from '../../core/kernel/schema.ts'
import type { Instant } from '../../core/kernel/values.ts'

/** A job brings up to `LOG_LINES` lines with it, so few are removed at a time while others want to write. */
const JOBS_PER_BATCH = 20

/**
 * Removes ended jobs with their logs: succeeded ones that ended before `before.succeeded`, failed ones that ended before
 * `before.failed`. Works in short transactions of its own, so `db` is the writing side and not an open transaction.
 * Stopped half-way it leaves whole jobs. Returns how many were removed.
 */
export async function purgeJobs(db: Db, before: { succeeded: Instant; failed: Instant }): Promise<number> {
  return (await purgeState(db, 'succeeded', before.succeeded)) + (await purgeState(db, 'failed', before.failed))
}

async function purgeState(db: Db, state: 'succeeded' | 'failed', before: Instant): Promise<number> {
  let purged = 0
  for (;;) {
    const removed = await db.transaction().execute(async (batch) => {
      const oldest = batch
        .selectFrom('jobs')
        .select('id')
        .where('state', '=', state)
        .where('finished_at', '<', before)
        .limit(JOBS_PER_BATCH)
      // Asked again, because a failed job may have been queued once more in the meantime.
      return batch.deleteFrom('jobs').where('id', 'in', oldest).where('state', '=', state).executeTakeFirst()
    })
    purged += Number(removed.numDeletedRows)
    if (removed.numDeletedRows === 0n) {
      return purged
    }
    await Bun.sleep(0)
  }
}
