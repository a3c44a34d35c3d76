import type { Db } from '../kernel/schema.ts'
import type { Instant } from '../kernel/values.ts'
import { findSetting, putSetting } from './settings.sql.ts'

const SETTING = 'backup_running_until'

/** How long a hold lasts unless it is renewed, in milliseconds: a backup that was killed holds nothing up for longer. */
const HOLD = 15 * 60 * 1000

/**
 * Keeps archives that nothing refers to any more from being removed for the next 15 minutes, because a running backup may be about to read
 * them. Called before the backup fixes what it holds, and again and again while it reads. Returns when the hold ends.
 */
export async function holdBlobs(db: Db, now: Instant): Promise<Instant> {
  await putSetting(db, SETTING, String(now + HOLD))
  return now + HOLD
}

/** Ends the hold, unless another backup has renewed it. */
export async function releaseBlobs(db: Db, until: Instant): Promise<void> {
  await db.updateTable('settings').set({ value: '0' }).where('key', '=', SETTING).where('value', '=', String(until)).execute()
}

/** Whether a backup runs. To be asked after it was found that nothing refers to a blob, and before that is removed. */
export async function areBlobsHeld(db: Db, now: Instant): Promise<boolean> {
  return Number((await findSetting(db, SETTING)) ?? 0) > now
}
