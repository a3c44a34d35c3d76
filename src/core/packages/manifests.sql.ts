import { createHash } from 'node:crypto'
import type { Db } from '../kernel/schema.ts'
import type { ManifestId } from '../kernel/values.ts'

const ROWS_PER_STATEMENT = 200

/** The key under which a manifest text is stored: lower-case hex SHA-256 of its UTF-8 bytes. */
export function hashManifest(body: string): string {
  return createHash('sha256').update(body).digest('hex')
}

/**
 * Stores manifest texts once each and returns their ids by hash. Rows are written in the order of their hashes, so that two
 * transactions storing the same texts cannot wait for each other in a circle.
 */
export async function storeManifests(db: Db, bodies: ReadonlyMap<string, string>): Promise<Map<string, ManifestId>> {
  const hashes = [...bodies.keys()].sort()
  const ids = new Map<string, ManifestId>()
  for (let start = 0; start < hashes.length; start += ROWS_PER_STATEMENT) {
    const batch = hashes.slice(start, start + ROWS_PER_STATEMENT)
    await db
      .insertInto('manifests')
      .values(batch.map((sha256) => ({ sha256, body: bodies.get(sha256) ?? '' })))
      .onConflict((conflict) => conflict.column('sha256').doNothing())
      .execute()
    const rows = await db.selectFrom('manifests').select(['id', 'sha256']).where('sha256', 'in', batch).execute()
    for (const row of rows) {
      ids.set(row.sha256, row.id)
    }
  }
  return ids
}

/** Manifest texts by id. Ids that do not exist are left out. */
export async function selectManifests(db: Db, ids: readonly ManifestId[]): Promise<Map<ManifestId, string>> {
  const bodies = new Map<ManifestId, string>()
  for (let start = 0; start < ids.length; start += ROWS_PER_STATEMENT) {
    const rows = await db
      .selectFrom('manifests')
      .select(['id', 'body'])
      .where('id', 'in', ids.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
    for (const row of rows) {
      bodies.set(row.id, row.body)
    }
  }
  return bodies
}
