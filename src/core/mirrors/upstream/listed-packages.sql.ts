import type { Db } from '../../kernel/schema.ts'
import type { SourceId } from '../../kernel/values.ts'

/** What an upstream listed of a name, or null when it did not list it. */
export async function findListed(
  db: Db,
  source: SourceId,
  name: string,
): Promise<{ sha256: string | null; body: string | null } | null> {
  const row = await db
    .selectFrom('upstream_packages')
    .select(['sha256', 'body'])
    .where('source_id', '=', source)
    .where('name', '=', name)
    .executeTakeFirst()
  return row ?? null
}

/** All names that an upstream listed, in no order. */
export async function selectListedNames(db: Db, source: SourceId): Promise<string[]> {
  const rows = await db.selectFrom('upstream_packages').select('name').where('source_id', '=', source).execute()
  return rows.map(({ name }) => name)
}
