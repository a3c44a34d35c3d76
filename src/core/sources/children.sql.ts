import type { Db } from '../kernel/schema.ts'
import type { ManifestId, PackageId, SourceId } from '../kernel/values.ts'

const ROWS_PER_STATEMENT = 200

/** A manifest that the patterns of a source found in a commit. `name` is null when nothing can be published of it, and `problem` says why. */
export interface TreeManifest {
  path: string
  name: string | null
  manifest: ManifestId | null
  problem: string | null
}

/** The manifests of every commit that refs of a source pointed to at its last sync; null for a commit with too many. */
export async function selectTrees(db: Db, source: SourceId): Promise<Map<string, TreeManifest[] | null>> {
  const rows = await db.selectFrom('source_trees').select(['commit_id', 'children']).where('source_id', '=', source).execute()
  return new Map(rows.map(({ commit_id, children }) => [commit_id, JSON.parse(children) as TreeManifest[] | null]))
}

/** Remembers the manifests of commits; a commit never changes. */
export async function insertTrees(
  db: Db,
  source: SourceId,
  trees: ReadonlyMap<string, readonly TreeManifest[] | null>,
): Promise<void> {
  const rows = [...trees].map(([commit, children]) => ({
    source_id: source,
    commit_id: commit,
    children: JSON.stringify(children),
  }))
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    await db
      .insertInto('source_trees')
      .values(rows.slice(start, start + ROWS_PER_STATEMENT))
      .onConflict((conflict) => conflict.columns(['source_id', 'commit_id']).doNothing())
      .execute()
  }
}

/** Forgets commits that no ref points to any more. */
export async function deleteTrees(db: Db, source: SourceId, commits: readonly string[]): Promise<void> {
  for (let start = 0; start < commits.length; start += ROWS_PER_STATEMENT) {
    await db
      .deleteFrom('source_trees')
      .where('source_id', '=', source)
      .where('commit_id', 'in', commits.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
  }
}

/** Where a package lies at a commit. */
export interface ChildDirectory {
  package: PackageId
  reference: string
  directory: string
}

/** Remembers for ever where packages lie at commits; what is known stays. */
export async function insertDirectories(db: Db, directories: readonly ChildDirectory[]): Promise<void> {
  for (let start = 0; start < directories.length; start += ROWS_PER_STATEMENT) {
    const rows = directories
      .slice(start, start + ROWS_PER_STATEMENT)
      .map(({ package: id, reference, directory }) => ({ package_id: id, reference, directory }))
    await db
      .insertInto('child_directories')
      .values(rows)
      .onConflict((conflict) => conflict.columns(['package_id', 'reference']).doNothing())
      .execute()
  }
}

/** Where a package lies at a commit, or null when that was never recorded. */
export async function findDirectory(db: Db, packageId: PackageId, reference: string): Promise<string | null> {
  const row = await db
    .selectFrom('child_directories')
    .select('directory')
    .where('package_id', '=', packageId)
    .where('reference', '=', reference)
    .executeTakeFirst()
  return row?.directory ?? null
}

/**
 * Sets the patterns of a source and makes it as one that was never read, under its row lock: everything is read again by the next sync, and no
 * hook is blamed for what that finds. False when the source is gone.
 */
export async function writeManifestGlobs(db: Db, source: SourceId, globs: string | null): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set((update) => ({
      manifest_globs: globs,
      sync_revision: update('sync_revision', '+', 1),
      state: 'new',
      synced_at: null,
      problem_code: null,
      problem: null,
    }))
    .where('id', '=', source)
    .executeTakeFirst()
  await db.deleteFrom('source_trees').where('source_id', '=', source).execute()
  await db.deleteFrom('source_refs').where('source_id', '=', source).execute()
  return result.numUpdatedRows > 0n
}

/** Whether a package was ever one of several of its repository. */
export async function wasChild(db: Db, id: PackageId): Promise<boolean> {
  const row = await db
    .selectFrom('child_directories')
    .select('directory')
    .where('package_id', '=', id)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
