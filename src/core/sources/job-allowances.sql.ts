import type { Db } from '../kernel/schema.ts'
import type { SourceId } from '../kernel/values.ts'

/** Lets the jobs of a source use the packages of another. Doing it twice changes nothing. */
export async function insertAllowance(db: Db, { source, allowed }: { source: SourceId; allowed: SourceId }): Promise<void> {
  await db
    .insertInto('job_allowances')
    .values({ source_id: source, allowed_source_id: allowed })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Ends what `insertAllowance` began. */
export async function deleteAllowance(db: Db, { source, allowed }: { source: SourceId; allowed: SourceId }): Promise<void> {
  await db.deleteFrom('job_allowances').where('source_id', '=', source).where('allowed_source_id', '=', allowed).execute()
}

/** Whether jobs of a source may use the packages of another by their tokens; those of its own they always may. */
export async function allowsJobsOf(db: Db, source: SourceId, job: SourceId): Promise<boolean> {
  if (source === job) {
    return true
  }
  const row = await db
    .selectFrom('job_allowances')
    .select('source_id')
    .where('source_id', '=', source)
    .where('allowed_source_id', '=', job)
    .executeTakeFirst()
  return row !== undefined
}
