import type { Db } from '../kernel/schema.ts'
import type { Instant, SourceId } from '../kernel/values.ts'

/** Marks a ref as one that gives no version any more. */
export async function withdrawRef(db: Db, input: { source: SourceId; ref: string; at: Instant }): Promise<void> {
  await db
    .insertInto('withdrawn_refs')
    .values({ source_id: input.source, ref: input.ref, created_at: input.at })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Lets a ref give a version again. False when it did all the time. */
export async function restoreRef(db: Db, source: SourceId, ref: string): Promise<boolean> {
  const result = await db.deleteFrom('withdrawn_refs').where('source_id', '=', source).where('ref', '=', ref).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** The refs of a source that give no version because it was deleted. */
export async function selectWithdrawnRefs(db: Db, source: SourceId): Promise<Set<string>> {
  const rows = await db.selectFrom('withdrawn_refs').select('ref').where('source_id', '=', source).execute()
  return new Set(rows.map(({ ref }) => ref))
}
