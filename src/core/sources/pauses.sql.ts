import type { Db } from '../kernel/schema.ts'
import type { Instant } from '../kernel/values.ts'

/** How long a host is left alone, and how many pauses in a row this is. */
export interface Pause {
  until: Instant
  strikes: number
}

/** The last pause of a key, which may be over, or null. */
export async function findPause(db: Db, key: string): Promise<Pause | null> {
  const row = await db
    .selectFrom('source_pauses')
    .select(['paused_until as until', 'strikes'])
    .where('key', '=', key)
    .executeTakeFirst()
  return row ?? null
}

/** Writes a pause unless a longer one is there. */
export async function writePause(db: Db, key: string, { until, strikes }: Pause): Promise<void> {
  await db
    .insertInto('source_pauses')
    .values({ key, paused_until: until, strikes })
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet({ paused_until: until, strikes }).where('source_pauses.paused_until', '<', until),
    )
    .execute()
}

/** Forgets pauses that were over before that moment. */
export async function deletePausesBefore(db: Db, before: Instant): Promise<void> {
  await db.deleteFrom('source_pauses').where('paused_until', '<', before).execute()
}
