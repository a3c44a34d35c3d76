import type { Db } from '../../kernel/schema.ts'
import type { SourceId } from '../../kernel/values.ts'

/** Whether archives of a mirror are kept here; if not, metadata shows the upstream's own addresses (PR-703). */
export async function keepsArchives(db: Db, mirror: SourceId): Promise<boolean> {
  const row = await db.selectFrom('mirrors').select('keeps_archives as keeps').where('source_id', '=', mirror).executeTakeFirst()
  return row?.keeps !== 0
}
