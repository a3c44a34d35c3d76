import type { ArchiveFormat } from '../../composer/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { PackageId } from '../kernel/values.ts'

/** Where the archive of a reference is, as an upstream says it now. */
export interface OfferedDist {
  reference: string
  url: string
  type: 'zip' | 'tar'
  format: ArchiveFormat
  shasum: string | null
}

/** As it is known; `isKept` when the bytes were fetched once. */
export interface KnownDist {
  reference: string
  url: string
  type: 'zip' | 'tar'
  shasum: string | null
  isKept: boolean
}

const ROWS_PER_STATEMENT = 200

/** Where the archives of a package come from, by reference. */
export async function selectKnownDists(db: Db, id: PackageId): Promise<Map<string, KnownDist>> {
  const rows = await db
    .selectFrom('custom_dists')
    .leftJoin('dists', (join) =>
      join.onRef('dists.package_id', '=', 'custom_dists.package_id').onRef('dists.reference', '=', 'custom_dists.reference'),
    )
    .select(['custom_dists.reference', 'custom_dists.url', 'custom_dists.type', 'custom_dists.shasum', 'dists.sha256'])
    .where('custom_dists.package_id', '=', id)
    .execute()
  return new Map(rows.map(({ sha256, ...row }) => [row.reference, { ...row, isKept: sha256 !== null }]))
}

/** Writes where archives that were not known come from, and what format they are expected to have. */
export async function insertDists(db: Db, id: PackageId, dists: readonly OfferedDist[]): Promise<void> {
  for (let start = 0; start < dists.length; start += ROWS_PER_STATEMENT) {
    const some = dists.slice(start, start + ROWS_PER_STATEMENT)
    await db
      .insertInto('custom_dists')
      .values(some.map(({ reference, url, type, shasum }) => ({ package_id: id, reference, url, type, shasum })))
      .onConflict((conflict) => conflict.columns(['package_id', 'reference']).doNothing())
      .execute()
  }
  // A zip is what archives are unless somebody says otherwise.
  for (const format of ['tar', 'tar.gz', 'tar.bz2'] as const) {
    const references = dists.filter((dist) => dist.format === format).map(({ reference }) => reference)
    for (let start = 0; start < references.length; start += ROWS_PER_STATEMENT) {
      await db
        .updateTable('dists')
        .set({ format })
        .where('package_id', '=', id)
        .where('reference', 'in', references.slice(start, start + ROWS_PER_STATEMENT))
        .where('sha256', 'is', null)
        .execute()
    }
  }
}

/** Corrects where an archive comes from that was never fetched. */
export async function updateDist(db: Db, id: PackageId, { reference, url, type, shasum }: OfferedDist): Promise<void> {
  await db
    .updateTable('custom_dists')
    .set({ url, type, shasum })
    .where('package_id', '=', id)
    .where('reference', '=', reference)
    .execute()
}
