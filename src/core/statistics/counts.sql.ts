import type { Db } from '../kernel/schema.ts'
import type { Instant, OrganizationId, PackageId } from '../kernel/values.ts'

const ROWS_PER_STATEMENT = 200

/** A number of downloads or installs of one version on one day. */
export interface Count {
  package: PackageId
  version: string
  day: string
  kind: 'download' | 'install'
  count: number
}

/** The same of one package by who asked; see `AudienceCountsTable`. */
export interface AudienceCount {
  package: PackageId
  audience: string
  day: string
  kind: 'download' | 'install'
  count: number
}

/** Installs of a name that an organization has no package for. */
export interface UnknownInstall {
  organization: OrganizationId
  name: string
  count: number
  lastAt: Instant
}

/** Adds counts to what is stored. Packages that were deleted meanwhile are left out. */
export async function addCounts(db: Db, counts: readonly Count[], audiences: readonly AudienceCount[]): Promise<void> {
  const existing = await selectExisting(db, [...new Set([...counts, ...audiences].map((count) => count.package))])
  await addVersionCounts(
    db,
    counts.filter((count) => existing.has(count.package)),
  )
  await addAudienceCounts(
    db,
    audiences.filter((count) => existing.has(count.package)),
  )
}

async function selectExisting(db: Db, ids: readonly PackageId[]): Promise<Set<PackageId>> {
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
  return existing
}

/** Adds counts of versions of packages that exist. */
export async function addVersionCounts(db: Db, kept: readonly Count[]): Promise<void> {
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

/** Adds counts of audiences of packages that exist. */
export async function addAudienceCounts(db: Db, kept: readonly AudienceCount[]): Promise<void> {
  for (let start = 0; start < kept.length; start += ROWS_PER_STATEMENT) {
    const rows = kept.slice(start, start + ROWS_PER_STATEMENT).map((count) => ({
      package_id: count.package,
      day: count.day,
      audience: count.audience,
      kind: count.kind,
      count: count.count,
    }))
    await db
      .insertInto('audience_counts')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['package_id', 'day', 'audience', 'kind']).doUpdateSet((update) => ({
          count: update('audience_counts.count', '+', update.ref('excluded.count')),
        })),
      )
      .execute()
  }
}

/** A version that a report may mean. */
export interface CountableVersion {
  package: PackageId
  version: string
  normalized: string
  isDefault: boolean
}

/** Versions that may be counted: of these packages those with one of these versions, in either form, and the default branches. */
export async function selectCountable(
  db: Db,
  reported: { packages: readonly PackageId[]; versions: readonly string[] },
): Promise<CountableVersion[]> {
  const found: CountableVersion[] = []
  for (let start = 0; start < reported.packages.length; start += ROWS_PER_STATEMENT) {
    const batch = {
      packages: reported.packages.slice(start, start + ROWS_PER_STATEMENT),
      versions: reported.versions.slice(start, start + ROWS_PER_STATEMENT),
    }
    const rows = await db
      .selectFrom('versions')
      .select(['package_id', 'version', 'normalized', 'default_branch'])
      .where('package_id', 'in', batch.packages)
      .where((where) =>
        where.or([
          where('normalized', 'in', batch.versions),
          where('version', 'in', batch.versions),
          where('default_branch', '=', 1),
        ]),
      )
      .execute()
    found.push(
      ...rows.map((row) => ({
        package: row.package_id,
        version: row.version,
        normalized: row.normalized,
        isDefault: row.default_branch === 1,
      })),
    )
  }
  return found
}

/** The normalized form of a version that the package has, or of one that is gone and has counts; else null. */
export async function findNormalized(db: Db, target: PackageId, version: string): Promise<string | null> {
  const found = await db
    .selectFrom('versions')
    .select('normalized')
    .where('package_id', '=', target)
    .where((where) => where.or([where('version', '=', version), where('normalized', '=', version)]))
    .executeTakeFirst()
  if (found !== undefined) {
    return found.normalized
  }
  const counted = await db
    .selectFrom('download_counts')
    .select('version')
    .where('package_id', '=', target)
    .where('version', '=', version)
    .executeTakeFirst()
  return counted?.version ?? null
}
