import type { Db } from '../kernel/schema.ts'
import type { EventId } from '../kernel/values.ts'
import type { EventRow } from './events.sql.ts'

/** Events after an id, and those of the given ids that are there by now, in the order of their ids; at most `limit` of the former. */
export async function selectFollowedEvents(
  db: Db,
  { after, missing, limit }: { after: EventId; missing: readonly EventId[]; limit: number },
): Promise<EventRow[]> {
  const late =
    missing.length === 0 ? [] : await db.selectFrom('events').selectAll().where('id', 'in', missing).orderBy('id').execute()
  const next = await db.selectFrom('events').selectAll().where('id', '>', after).orderBy('id').limit(limit).execute()
  return [...late, ...next] as EventRow[]
}
