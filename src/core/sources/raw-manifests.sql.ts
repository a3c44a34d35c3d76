import type { Db } from '../kernel/schema.ts'
import type { PackageId, SourceId } from '../kernel/values.ts'
import { SOURCE_COLUMNS, type Source } from './sources.sql.ts'

/**
 * The texts of composer.json as they were read, by ref and reference: `refs/tags/1.0.0 <commit>`, or `artifact <SHA-1>`. What is not among
 * them is known by its published form alone: packages of a repository with several, and definitions.
 */
export async function selectRawManifests(db: Db, target: { id: PackageId; source: SourceId }): Promise<Map<string, string>> {
  const refs = await db
    .selectFrom('source_refs')
    .innerJoin('manifests', 'manifests.id', 'source_refs.manifest_id')
    .select(['source_refs.kind', 'source_refs.name', 'source_refs.commit_id as commit', 'manifests.body'])
    .where('source_refs.source_id', '=', target.source)
    .execute()
  const uploads = await db
    .selectFrom('artifacts')
    .innerJoin('manifests', 'manifests.id', 'artifacts.manifest_id')
    .select(['artifacts.reference', 'manifests.body'])
    .where('artifacts.package_id', '=', target.id)
    .execute()
  return new Map([
    ...refs.map(({ kind, name, commit, body }): [string, string] => [
      `refs/${kind === 'tag' ? 'tags' : 'heads'}/${name} ${commit}`,
      body,
    ]),
    ...uploads.map(({ reference, body }): [string, string] => [`artifact ${reference}`, body]),
  ])
}

const IDS_PER_STATEMENT = 500

/** The sources with these ids, by id. */
export async function selectSourcesById(db: Db, ids: readonly SourceId[]): Promise<Map<SourceId, Source>> {
  const sources = new Map<SourceId, Source>()
  for (let start = 0; start < ids.length; start += IDS_PER_STATEMENT) {
    const some = ids.slice(start, start + IDS_PER_STATEMENT)
    for (const row of await db.selectFrom('sources').select(SOURCE_COLUMNS).where('id', 'in', some).execute()) {
      sources.set(row.id, row)
    }
  }
  return sources
}
