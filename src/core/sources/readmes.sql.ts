import type { Db } from '../kernel/schema.ts'
import type { ReadmeId, SourceId, VersionId } from '../kernel/values.ts'

const ROWS_PER_STATEMENT = 200
/** Texts may be large. */
const TEXTS_PER_STATEMENT = 20

/** The commits of a source whose READMEs were looked for. */
export async function selectReadmeCommits(db: Db, source: SourceId): Promise<Set<string>> {
  const rows = await db.selectFrom('source_readmes').select('commit_id').where('source_id', '=', source).execute()
  return new Set(rows.map((row) => row.commit_id))
}

/**
 * Stores texts once each and returns their ids by hash. Rows are written in the order of their hashes, and those that are there already are
 * held until the transaction ends, so that they are not collected meanwhile.
 */
export async function storeReadmes(db: Db, texts: ReadonlyMap<string, string>): Promise<Map<string, ReadmeId>> {
  const hashes = [...texts.keys()].toSorted()
  const ids = new Map<string, ReadmeId>()
  for (let start = 0; start < hashes.length; start += TEXTS_PER_STATEMENT) {
    const rows = await db
      .insertInto('readmes')
      .values(hashes.slice(start, start + TEXTS_PER_STATEMENT).map((sha256) => ({ sha256, body: texts.get(sha256) ?? '' })))
      .onConflict((conflict) => conflict.column('sha256').doUpdateSet((update) => ({ sha256: update.ref('excluded.sha256') })))
      .returning(['id', 'sha256'])
      .execute()
    for (const { id, sha256 } of rows) {
      ids.set(sha256, id)
    }
  }
  return ids
}

/** Writes what READMEs commits of a source have; null for none. */
export async function insertSourceReadmes(
  db: Db,
  source: SourceId,
  found: readonly { commit: string; readme: ReadmeId | null; path: string | null }[],
): Promise<void> {
  for (let start = 0; start < found.length; start += ROWS_PER_STATEMENT) {
    await db
      .insertInto('source_readmes')
      .values(
        found.slice(start, start + ROWS_PER_STATEMENT).map(({ commit, readme, path }) => ({
          source_id: source,
          commit_id: commit,
          readme_id: readme,
          path,
        })),
      )
      .onConflict((conflict) => conflict.columns(['source_id', 'commit_id']).doNothing())
      .execute()
  }
}

/** Forgets commits of a source that no ref points to any more. */
export async function deleteSourceReadmes(db: Db, source: SourceId, commits: readonly string[]): Promise<void> {
  for (let start = 0; start < commits.length; start += ROWS_PER_STATEMENT) {
    await db
      .deleteFrom('source_readmes')
      .where('source_id', '=', source)
      .where('commit_id', 'in', commits.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
  }
}

/** The text of a README, and where it lies in its repository; null where that was not noted. */
export interface StoredReadme {
  text: string
  path: string | null
}

/** The README of a version, or null. */
export async function findReadmeOfVersion(db: Db, version: VersionId): Promise<StoredReadme | null> {
  const row = await db
    .selectFrom('versions')
    .innerJoin('packages', 'packages.id', 'versions.package_id')
    .innerJoin('source_readmes', (join) =>
      join
        .onRef('source_readmes.source_id', '=', 'packages.source_id')
        .onRef('source_readmes.commit_id', '=', 'versions.reference'),
    )
    .innerJoin('readmes', 'readmes.id', 'source_readmes.readme_id')
    .select(['readmes.body as text', 'source_readmes.path'])
    .where('versions.id', '=', version)
    .executeTakeFirst()
  return row ?? null
}

function orphans(db: Db) {
  return db
    .selectFrom('readmes')
    .select('readmes.id')
    .where((where) =>
      where.not(
        where.exists(
          where.selectFrom('source_readmes').select('commit_id').whereRef('source_readmes.readme_id', '=', 'readmes.id'),
        ),
      ),
    )
}

/** Whether there is a text that belongs to no commit. */
export async function hasOrphanedReadmes(db: Db): Promise<boolean> {
  return (await orphans(db).limit(1).executeTakeFirst()) !== undefined
}

/** Removes the texts that belong to no commit; returns how many. */
export async function deleteOrphanedReadmes(db: Db): Promise<number> {
  const result = await db.deleteFrom('readmes').where('id', 'in', orphans(db)).executeTakeFirst()
  return Number(result.numDeletedRows)
}
