import type { Db } from '../kernel/schema.ts'
import type { SourceId } from '../kernel/values.ts'
import type { ListedPackage } from './upstream/index.ts'

const ROWS_PER_STATEMENT = 100

/** Makes what an upstream lists exactly this. Part of the caller's transaction, so that nobody sees half a list. */
export async function replaceListing(db: Db, source: SourceId, listed: readonly ListedPackage[]): Promise<void> {
  await db.deleteFrom('upstream_packages').where('source_id', '=', source).execute()
  for (let start = 0; start < listed.length; start += ROWS_PER_STATEMENT) {
    const rows = listed.slice(start, start + ROWS_PER_STATEMENT)
    await db
      .insertInto('upstream_packages')
      .values(rows.map(({ name, sha256, body }) => ({ source_id: source, name, sha256, body })))
      .execute()
  }
}
