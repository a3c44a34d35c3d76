import type { ArchiveFormat, CustomDist } from '../../composer/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { CredentialId, Instant, OrganizationId, PackageId, SourceId } from '../kernel/values.ts'
import { NEVER } from './artifacts.sql.ts'
import { insertSource, type Source } from './sources.sql.ts'

/** Where a source of definitions says it comes from: the package that its first definition began with. */
export function customUrl(name: string): string {
  return `custom://${name}`
}

/** Stores a source of definitions, or returns null when the organization has one with this URL. */
export async function insertCustomSource(
  db: Db,
  input: { uid: string; organization: OrganizationId; url: string; credential: CredentialId | null; createdAt: Instant },
): Promise<Source | null> {
  return insertSource(db, { ...input, kind: 'custom', state: 'new', nextSyncAt: NEVER })
}

/** Writes what a custom source defines, instead of what it defined before. */
export async function writeDefinition(db: Db, source: SourceId, body: string, at: Instant): Promise<void> {
  await db
    .insertInto('custom_definitions')
    .values({ source_id: source, body, updated_at: at })
    .onConflict((conflict) => conflict.column('source_id').doUpdateSet({ body, updated_at: at }))
    .execute()
}

/** What a custom source defines, as JSON text; null for other sources. */
export async function findDefinition(db: Db, source: SourceId): Promise<string | null> {
  const row = await db.selectFrom('custom_definitions').select('body').where('source_id', '=', source).executeTakeFirst()
  return row?.body ?? null
}

/** Where the archive of a reference comes from. */
export type Upstream = Pick<CustomDist, 'type' | 'url' | 'shasum'>

/**
 * Writes where the archive of a reference is fetched from, and what format it is expected to have. An archive that was fetched stays what it is;
 * one that was not may be corrected.
 */
export async function writeUpstream(
  db: Db,
  key: { package: PackageId; reference: string },
  { type, url, shasum, format }: Upstream & { format: ArchiveFormat },
): Promise<void> {
  await db
    .insertInto('custom_dists')
    .values({ package_id: key.package, reference: key.reference, type, url, shasum })
    .onConflict((conflict) => conflict.columns(['package_id', 'reference']).doUpdateSet({ type, url, shasum }))
    .execute()
  await db
    .updateTable('dists')
    .set({ format })
    .where('package_id', '=', key.package)
    .where('reference', '=', key.reference)
    .where('sha256', 'is', null)
    .execute()
}

/** Where the archive of a reference is fetched from; null when the definitions never named one. */
export async function findUpstream(db: Db, packageId: PackageId, reference: string): Promise<Upstream | null> {
  const row = await db
    .selectFrom('custom_dists')
    .select(['type', 'url', 'shasum'])
    .where('package_id', '=', packageId)
    .where('reference', '=', reference)
    .executeTakeFirst()
  return row ?? null
}

/** Where the archives of a package are fetched from, by reference. */
export async function selectUpstreams(db: Db, packageId: PackageId): Promise<Map<string, Upstream>> {
  const rows = await db
    .selectFrom('custom_dists')
    .select(['reference', 'type', 'url', 'shasum'])
    .where('package_id', '=', packageId)
    .execute()
  return new Map(rows.map(({ reference, ...upstream }) => [reference, upstream]))
}

/** The archives of a custom source and that were not fetched yet, each once. */
export async function selectUnfetched(db: Db, source: SourceId): Promise<{ package: PackageId; reference: string }[]> {
  return db
    .selectFrom('custom_dists')
    .innerJoin('packages', 'packages.id', 'custom_dists.package_id')
    .innerJoin('dists', (join) =>
      join.onRef('dists.package_id', '=', 'custom_dists.package_id').onRef('dists.reference', '=', 'custom_dists.reference'),
    )
    .innerJoin('versions', (join) =>
      join.onRef('versions.package_id', '=', 'dists.package_id').onRef('versions.reference', '=', 'dists.reference'),
    )
    .select(['custom_dists.package_id as package', 'custom_dists.reference'])
    .distinct()
    .where('packages.source_id', '=', source)
    .where('dists.sha256', 'is', null)
    .where('versions.removed_at', 'is', null)
    .orderBy('custom_dists.package_id')
    .orderBy('custom_dists.reference')
    .execute()
}

/** Writes that every archive of a custom source is there. False when the source is gone. */
export async function recordFetched(db: Db, id: SourceId, at: Instant): Promise<boolean> {
  const result = await db
    .updateTable('sources')
    .set({ state: 'ready', problem_code: null, problem: null, synced_at: at })
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}
