import type { ArchiveFormat } from '../../composer/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { StoredBlob } from '../kernel/ports.ts'
import type { DistId, Instant, PackageId } from '../kernel/values.ts'
import type { Dist } from './package-reading.sql.ts'

const ROWS_PER_STATEMENT = 500

/**
 * Writes that an archive was built. Returns false, and writes nothing, when other bytes were recorded before: what
 * lock files hold a checksum of never changes.
 */
export async function recordBuilt(db: Db, id: DistId, blob: StoredBlob, at: Instant): Promise<boolean> {
  const result = await db
    .updateTable('dists')
    .set({ sha1: blob.sha1, sha256: blob.sha256, size: blob.size, built_at: at, retired_at: null })
    .where('id', '=', id)
    .where((where) => where.or([where('sha256', 'is', null), where('sha256', '=', blob.sha256)]))
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Says what format an archive has that is not built here. Part of the transaction that records its bytes for the first time. */
export async function setDistFormat(db: Db, id: DistId, format: ArchiveFormat): Promise<void> {
  await db.updateTable('dists').set({ format }).where('id', '=', id).execute()
}

/**
 * The references of a package that clients are likely to ask for next and whose archives were not built: the
 * default branch, then releases, newest first by the time of their publication and by version.
 */
export async function selectUnbuilt(
  db: Db,
  packageId: PackageId,
  limit: number,
): Promise<{ reference: string; normalized: string }[]> {
  return db
    .selectFrom('versions')
    .innerJoin('dists', (join) =>
      join.onRef('dists.package_id', '=', 'versions.package_id').onRef('dists.reference', '=', 'versions.reference'),
    )
    .select(['versions.reference', 'versions.normalized'])
    .where('versions.package_id', '=', packageId)
    .where('versions.removed_at', 'is', null)
    .where('dists.sha256', 'is', null)
    .where((where) => where.or([where('versions.stability', '!=', 'dev'), where('versions.default_branch', '=', 1)]))
    .orderBy('versions.default_branch', 'desc')
    .orderBy('versions.time', 'desc')
    .limit(limit)
    .execute()
}

/** Which of these blobs are the bytes of an archive that is to be kept. */
export async function selectReferencedBlobs(db: Db, sha256: readonly string[]): Promise<Set<string>> {
  const referenced = new Set<string>()
  for (let start = 0; start < sha256.length; start += ROWS_PER_STATEMENT) {
    const rows = await db
      .selectFrom('dists')
      .select('sha256')
      .where('sha256', 'in', sha256.slice(start, start + ROWS_PER_STATEMENT))
      .where('retired_at', 'is', null)
      .execute()
    for (const row of rows) {
      if (row.sha256 !== null) {
        referenced.add(row.sha256)
      }
    }
  }
  return referenced
}

/** Built archives that are to be kept after a cursor, in the order of their ids. */
export async function selectBuiltDists(db: Db, after: number, limit: number): Promise<(Dist & { sha256: string })[]> {
  const rows = await db
    .selectFrom('dists')
    .select(['id', 'package_id as package', 'reference', 'format', 'sha1', 'sha256', 'size'])
    .where('sha256', 'is not', null)
    .where('retired_at', 'is', null)
    .where('id', '>', after as DistId)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.flatMap((row) => (row.sha256 === null ? [] : [{ ...row, sha256: row.sha256 }]))
}

/** A version with its archive. */
export interface ArchivedVersion {
  dist: DistId
  normalized: string
  stability: string
  /** When the archive was built that is kept; null when none is. */
  builtAt: Instant | null
}

/** The versions of a package that metadata shows with their archives, in no order. */
export async function selectArchivedVersions(db: Db, packageId: PackageId): Promise<ArchivedVersion[]> {
  const rows = await db
    .selectFrom('versions')
    .innerJoin('dists', (join) =>
      join.onRef('dists.package_id', '=', 'versions.package_id').onRef('dists.reference', '=', 'versions.reference'),
    )
    .select([
      'dists.id as dist',
      'versions.normalized',
      'versions.stability',
      'dists.built_at as builtAt',
      'dists.retired_at as retiredAt',
    ])
    .where('versions.package_id', '=', packageId)
    .where('versions.removed_at', 'is', null)
    .execute()
  return rows.map(({ builtAt, retiredAt, ...row }) => ({ ...row, builtAt: retiredAt === null ? builtAt : null }))
}

/** Says of archives that their bytes need not be kept; what they were is remembered, so that they can only be built again equal. */
export async function retireDists(db: Db, ids: readonly DistId[], at: Instant): Promise<void> {
  for (let start = 0; start < ids.length; start += ROWS_PER_STATEMENT) {
    await db
      .updateTable('dists')
      .set({ retired_at: at })
      .where('id', 'in', ids.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
  }
}
