import type { Db } from '../kernel/schema.ts'

const HASHES_PER_STATEMENT = 200

/** Published manifests by the hash of their text. */
export async function selectManifestTexts(db: Db, hashes: readonly string[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  for (let start = 0; start < hashes.length; start += HASHES_PER_STATEMENT) {
    const rows = await db
      .selectFrom('manifests')
      .select(['sha256', 'body'])
      .where('sha256', 'in', hashes.slice(start, start + HASHES_PER_STATEMENT))
      .execute()
    for (const { sha256, body } of rows) {
      texts.set(sha256, body)
    }
  }
  return texts
}
