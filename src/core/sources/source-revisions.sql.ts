import type { Db } from '../kernel/schema.ts'
import type { PackageId, SourceId } from '../kernel/values.ts'

const ROWS_PER_STATEMENT = 200

/** Remembers for ever what Subversion or Mercurial calls commits of a source's mirror. */
export async function rememberRevisions(db: Db, source: SourceId, revisions: ReadonlyMap<string, string>): Promise<void> {
  const rows = [...revisions].map(([commit_id, reference]) => ({ source_id: source, commit_id, reference }))
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    await db
      .insertInto('source_revisions')
      .values(rows.slice(start, start + ROWS_PER_STATEMENT))
      .onConflict((conflict) => conflict.columns(['source_id', 'commit_id']).doNothing())
      .execute()
  }
}

/** What the source's system calls the commits that versions of a package refer to, by commit. Empty for git. */
export async function selectRevisions(db: Db, source: SourceId, owner: PackageId): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('source_revisions')
    .select(['commit_id', 'reference'])
    .where('source_id', '=', source)
    .where('commit_id', 'in', (select) => select.selectFrom('versions').select('reference').where('package_id', '=', owner))
    .execute()
  return new Map(rows.map((row) => [row.commit_id, row.reference]))
}

/** The commit of the mirror for a changeset id or other name of a state, or null when it was never published. */
export async function findCommitOfRevision(db: Db, source: SourceId, reference: string): Promise<string | null> {
  const row = await db
    .selectFrom('source_revisions')
    .select('commit_id')
    .where('source_id', '=', source)
    .where('reference', '=', reference)
    .executeTakeFirst()
  return row?.commit_id ?? null
}
