import { sql } from 'kysely'
import { escapeLike } from '../kernel/like-pattern.ts'
import type { Db } from '../kernel/schema.ts'
import type { Instant, OrganizationId, PackageId, SourceId } from '../kernel/values.ts'
import type { PackageValidators } from './upstream/index.ts'

const IDS_PER_STATEMENT = 500

/** The upstream side of a mirrored package. */
export interface MirroredPackage extends PackageValidators {
  id: PackageId
  name: string
  upstream: 'present' | 'gone'
  checkedAt: Instant
  changedAt: Instant
  failingSince: Instant | null
  problem: string | null
}

function selectColumns(db: Db) {
  return db
    .selectFrom('mirrored_packages')
    .innerJoin('packages', 'packages.id', 'mirrored_packages.package_id')
    .select([
      'packages.id',
      'packages.name',
      'upstream',
      'checked_at',
      'changed_at',
      'failing_since',
      'problem',
      'stable_modified',
      'stable_etag',
      'stable_sha256',
      'dev_modified',
      'dev_etag',
      'dev_sha256',
    ])
}

type Row = Awaited<ReturnType<ReturnType<typeof selectColumns>['executeTakeFirstOrThrow']>>

function toMirrored(row: Row): MirroredPackage {
  return {
    id: row.id,
    name: row.name,
    upstream: row.upstream,
    checkedAt: row.checked_at,
    changedAt: row.changed_at,
    failingSince: row.failing_since,
    problem: row.problem,
    stable: { modified: row.stable_modified, etag: row.stable_etag, sha256: row.stable_sha256 },
    dev: { modified: row.dev_modified, etag: row.dev_etag, sha256: row.dev_sha256 },
  }
}

/** The upstream side of a package of a mirror by its name, or null when the mirror has no such package. */
export async function findMirroredPackage(db: Db, source: SourceId, name: string): Promise<MirroredPackage | null> {
  const row = await selectColumns(db)
    .where('mirrored_packages.source_id', '=', source)
    .where('packages.name', '=', name)
    .executeTakeFirst()
  return row === undefined ? null : toMirrored(row)
}

/** The packages of a mirror by name, after a name. */
export async function selectMirroredPackages(
  db: Db,
  source: SourceId,
  page: { after: string; limit: number },
): Promise<MirroredPackage[]> {
  const rows = await selectColumns(db)
    .where('mirrored_packages.source_id', '=', source)
    .where('packages.name', '>', page.after)
    .orderBy('packages.name')
    .limit(page.limit)
    .execute()
  return rows.map(toMirrored)
}

/** The names of the packages of a mirror, those that were looked at longest ago first. */
export async function selectMirroredNames(db: Db, source: SourceId): Promise<string[]> {
  const rows = await db
    .selectFrom('mirrored_packages')
    .innerJoin('packages', 'packages.id', 'mirrored_packages.package_id')
    .select('packages.name')
    .where('mirrored_packages.source_id', '=', source)
    .orderBy('mirrored_packages.checked_at')
    .orderBy('packages.id')
    .execute()
  return rows.map((row) => row.name)
}

/** The names of those packages of a mirror that could not be looked at lately. */
export async function selectFailingNames(db: Db, source: SourceId): Promise<string[]> {
  const rows = await db
    .selectFrom('mirrored_packages')
    .innerJoin('packages', 'packages.id', 'mirrored_packages.package_id')
    .select('packages.name')
    .where('mirrored_packages.source_id', '=', source)
    .where('mirrored_packages.failing_since', 'is not', null)
    .orderBy('packages.id')
    .execute()
  return rows.map((row) => row.name)
}

/** `Last-Modified` of the two files of a package as the upstream sent it, and whether the upstream has it. */
export interface FileTimes {
  upstream: 'present' | 'gone'
  stable: string | null
  dev: string | null
}

/** Of these packages of a mirror what the upstream said of the times of their files, by name. */
export async function selectFileTimes(db: Db, source: SourceId, names: readonly string[]): Promise<Map<string, FileTimes>> {
  const times = new Map<string, FileTimes>()
  for (let start = 0; start < names.length; start += IDS_PER_STATEMENT) {
    const rows = await db
      .selectFrom('mirrored_packages')
      .innerJoin('packages', 'packages.id', 'mirrored_packages.package_id')
      .select(['packages.name', 'upstream', 'stable_modified as stable', 'dev_modified as dev'])
      .where('mirrored_packages.source_id', '=', source)
      .where('packages.name', 'in', names.slice(start, start + IDS_PER_STATEMENT))
      .execute()
    for (const { name, ...found } of rows) times.set(name, found)
  }
  return times
}

/** How many packages each mirror has, and how many of them could not be looked at lately. */
export async function countMirrored(
  db: Db,
  sources: readonly SourceId[],
): Promise<Map<SourceId, { packages: number; failing: number }>> {
  if (sources.length === 0) {
    return new Map()
  }
  const rows = await db
    .selectFrom('mirrored_packages')
    .select((select) => [
      'source_id as source',
      select.fn.countAll<number>().as('packages'),
      select.fn.count<number>('failing_since').as('failing'),
    ])
    .where('source_id', 'in', sources)
    .groupBy('source_id')
    .execute()
  return new Map(rows.map(({ source, packages, failing }) => [source, { packages, failing }]))
}

/** Writes a good answer about a package: what it was, and whether it told something new. */
export async function writeChecked(
  db: Db,
  input: { package: PackageId; source: SourceId; validators: PackageValidators; at: Instant; isNews: boolean },
): Promise<void> {
  const { stable, dev } = input.validators
  const answer = {
    upstream: 'present' as const,
    gone_at: null,
    stable_modified: stable.modified,
    stable_etag: stable.etag,
    stable_sha256: stable.sha256,
    dev_modified: dev.modified,
    dev_etag: dev.etag,
    dev_sha256: dev.sha256,
    checked_at: input.at,
    failing_since: null,
    problem: null,
  }
  await db
    .insertInto('mirrored_packages')
    .values({ package_id: input.package, source_id: input.source, changed_at: input.at, ...answer })
    .onConflict((conflict) =>
      conflict.column('package_id').doUpdateSet({ ...answer, ...(input.isNews ? { changed_at: input.at } : {}) }),
    )
    .execute()
}

/** Writes that the upstream says nothing new about these packages. */
export async function writeUnchanged(db: Db, ids: readonly PackageId[], at: Instant): Promise<void> {
  for (let start = 0; start < ids.length; start += IDS_PER_STATEMENT) {
    await db
      .updateTable('mirrored_packages')
      .set({ checked_at: at, failing_since: null, problem: null })
      .where('package_id', 'in', ids.slice(start, start + IDS_PER_STATEMENT))
      .execute()
  }
}

/** Writes that the upstream does not have a package any more; false when that was known. Validators are of no use then. */
export async function writeGone(db: Db, id: PackageId, at: Instant): Promise<boolean> {
  const none = {
    stable_modified: null,
    stable_etag: null,
    stable_sha256: null,
    dev_modified: null,
    dev_etag: null,
    dev_sha256: null,
  }
  const result = await db
    .updateTable('mirrored_packages')
    .set({ upstream: 'gone', gone_at: at, checked_at: at, changed_at: at, failing_since: null, problem: null, ...none })
    .where('package_id', '=', id)
    .where('upstream', '=', 'present')
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Writes that the upstream gives no good answer about a package, since when, and why. */
export async function writeProblem(db: Db, id: PackageId, { problem, at }: { problem: string; at: Instant }): Promise<void> {
  await db
    .updateTable('mirrored_packages')
    .set((set) => ({ failing_since: set.fn.coalesce('failing_since', set.val(at)), problem }))
    .where('package_id', '=', id)
    .execute()
}

/** Lets the next look at a package of a mirror be a complete one. */
export async function deleteValidators(db: Db, source: SourceId, name: string): Promise<void> {
  await db
    .updateTable('mirrored_packages')
    .set({ stable_modified: null, stable_etag: null, stable_sha256: null, dev_modified: null, dev_etag: null, dev_sha256: null })
    .where('source_id', '=', source)
    .where('package_id', 'in', db.selectFrom('packages').select('id').where('name', '=', name))
    .execute()
}

/** Forgets that packages are mirrored. */
export async function deleteMirrored(db: Db, id: PackageId): Promise<void> {
  await db.deleteFrom('mirrored_packages').where('package_id', '=', id).execute()
}

/** When upstreams said that they do not have a package of that name, by mirror. */
export async function selectAbsences(db: Db, sources: readonly SourceId[], name: string): Promise<Map<SourceId, Instant>> {
  if (sources.length === 0) {
    return new Map()
  }
  const rows = await db
    .selectFrom('mirror_absences')
    .select(['source_id as source', 'seen_at as seenAt'])
    .where('source_id', 'in', sources)
    .where('name', '=', name)
    .execute()
  return new Map(rows.map(({ source, seenAt }) => [source, seenAt]))
}

/** Remembers that an upstream does not have packages of these names (at most some hundred, each once). */
export async function writeAbsences(
  db: Db,
  source: SourceId,
  { names, at }: { names: readonly string[]; at: Instant },
): Promise<void> {
  await db
    .insertInto('mirror_absences')
    .values(names.map((name) => ({ source_id: source, name, seen_at: at })))
    .onConflict((conflict) => conflict.columns(['source_id', 'name']).doUpdateSet({ seen_at: at }))
    .execute()
}

/** Forgets that an upstream did not have packages of these names (at most some hundred). */
export async function deleteAbsences(db: Db, source: SourceId, names: readonly string[]): Promise<void> {
  if (names.length > 0) {
    await db.deleteFrom('mirror_absences').where('source_id', '=', source).where('name', 'in', names).execute()
  }
}

/** Forgets what an upstream did not have before a moment, and all but the latest of what it did not have since. */
export async function pruneAbsences(
  db: Db,
  source: SourceId,
  { before, keep }: { before: Instant; keep: number },
): Promise<void> {
  const oldest = await db
    .selectFrom('mirror_absences')
    .select('seen_at')
    .where('source_id', '=', source)
    .orderBy('seen_at', 'desc')
    .offset(keep)
    .limit(1)
    .executeTakeFirst()
  await db
    .deleteFrom('mirror_absences')
    .where('source_id', '=', source)
    .where('seen_at', '<=', Math.max(before, oldest?.seen_at ?? 0))
    .execute()
}

/** Whether an organization has a mirrored package of a vendor (`vendor`, without a slash). */
export async function hasMirroredOfVendor(db: Db, organizations: readonly OrganizationId[], vendor: string): Promise<boolean> {
  const row = await db
    .selectFrom('packages')
    .innerJoin('sources', 'sources.id', 'packages.source_id')
    .select('packages.id')
    .where('packages.organization_id', 'in', organizations)
    .where((where) => sql<boolean>`${where.ref('packages.name')} like ${`${escapeLike(vendor)}/%`} escape '!'`)
    .where('sources.kind', '=', 'mirror')
    .executeTakeFirst()
  return row !== undefined
}
