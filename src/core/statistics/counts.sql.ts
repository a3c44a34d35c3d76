import type { Db } from '../kernel/schema.ts'
import type { PackageId } from '../kernel/values.ts'

const ROWS_PER_STATEMENT = 200

/** A number of downloads or installs of one version on one day. */
export interface Count {
  package: PackageId
  version: string
  day: string
  kind: 'download' | 'install'
  count: number
}

/** Adds counts to what is stored. Packages that were deleted meanwhile are left out. */
export async function addCounts(db: Db, counts: readonly Count[]): Promise<void> {
  const ids = [...new Set(counts.map((count) => count.package))]
  const existing = new Set<PackageId>()
  for (let start = 0; start < ids.length; start += ROWS_PER_STATEMENT) {
    const rows = await db
      .selectFrom('packages')
      .select('id')
      .where('id', 'in', ids.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
    for (const { id } of rows) {
      existing.add(id)
    }
  }
  const kept = counts.filter((count) => existing.has(count.package))
  for (let start = 0; start < kept.length; start += ROWS_PER_STATEMENT) {
    const rows = kept.slice(start, start + ROWS_PER_STATEMENT).map((count) => ({
      package_id: count.package,
      version: count.version,
      day: count.day,
      kind: count.kind,
      count: count.count,
    }))
    await db
      .insertInto('download_counts')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['package_id', 'version', 'day', 'kind']).doUpdateSet((update) => ({
          count: update('download_counts.count', '+', update.ref('excluded.count')),
        })),
      )
      .execute()
  }
}

/**
 * Versions that may be counted: of these packages those with one of these normalized forms, and the default branches. The lists go
 * together, item by item.
 */
export async function selectCountable(
  db: Db,
  reported: { packages: readonly PackageId[]; normalized: readonly string[] },
): Promise<{ package: PackageId; normalized: string; isDefault: boolean }[]> {
  const found: { package: PackageId; normalized: string; isDefault: boolean }[] = []
  for (let start = 0; start < reported.packages.length; start += ROWS_PER_STATEMENT) {
    const batch = {
      packages: reported.packages.slice(start, start + ROWS_PER_STATEMENT),
      normalized: reported.normalized.slice(start, start + ROWS_PER_STATEMENT),
    }
    const rows = await db
      .selectFrom('versions')
      .select(['package_id', 'normalized', 'default_branch'])
      .where('package_id', 'in', batch.packages)
      .where((where) => where.or([where('normalized', 'in', batch.normalized), where('default_branch', '=', 1)]))
      .execute()
    found.push(
      ...rows.map((row) => ({ package: row.package_id, normalized: row.normalized, isDefault: row.default_branch === 1 })),
    )
  }
  return found
}
