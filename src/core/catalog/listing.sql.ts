import { sql } from 'kysely'
import { openMirrors, type PackageVisibility } from '../access/index.ts'
import type { Db, Visibility } from '../kernel/schema.ts'
import type { OrganizationId, PackageId, SourceId } from '../kernel/values.ts'
import { namesOfTeams } from '../organizations/index.ts'
import { escapeLike, toLikePattern } from '../kernel/like-pattern.ts'

/** The names of an organization's packages, sorted. */
export async function selectPackageNames(db: Db, organization: OrganizationId): Promise<string[]> {
  const rows = await db
    .selectFrom('packages')
    .select('name')
    .where('organization_id', '=', organization)
    .orderBy('name')
    .execute()
  return rows.map((row) => row.name)
}

/** What listings and search show of a package. `abandoned` is JSON or null. */
export interface ListedRow {
  id: PackageId
  name: string
  type: string
  description: string
  abandoned: string | null
  source: SourceId
}

function listed(db: Db, organization: OrganizationId) {
  return db
    .selectFrom('packages')
    .select([
      'packages.id',
      'packages.name',
      'packages.type',
      'packages.description',
      'packages.abandoned',
      'packages.source_id as source',
    ])
    .where('packages.organization_id', '=', organization)
}

/** Packages of an organization by name; `vendor` and `type` limit them. */
export async function selectListed(
  db: Db,
  organization: OrganizationId,
  filter: { vendor: string | null; type: string | null },
): Promise<ListedRow[]> {
  let query = listed(db, organization)
  if (filter.vendor !== null) {
    // '0' follows '/' in both databases' byte order, so this is the range of all names of the vendor.
    query = query.where('packages.name', '>', `${filter.vendor}/`).where('packages.name', '<', `${filter.vendor}0`)
  }
  if (filter.type !== null) {
    query = query.where('packages.type', '=', filter.type)
  }
  return query.orderBy('packages.name').execute()
}

/** The sources of an organization that are seen so widely, as a subquery. */
export function openSources(db: Db, organization: OrganizationId, visibilities: readonly Visibility[]) {
  return db
    .selectFrom('sources')
    .select('sources.id')
    .where('sources.organization_id', '=', organization)
    .where('sources.visibility', 'in', visibilities)
}

/** The names of the packages of those sources of an organization that are seen so widely. */
export async function selectOpenNames(
  db: Db,
  organization: OrganizationId,
  visibilities: readonly Visibility[],
): Promise<string[]> {
  const rows = await db
    .selectFrom('packages')
    .select('name')
    .where('organization_id', '=', organization)
    .where('source_id', 'in', openSources(db, organization, visibilities))
    .execute()
  return rows.map(({ name }) => name)
}

/**
 * Packages that are visible and whose name or description contains every word, ignoring case, with one of the tags if there are any. Words and tags
 * are in lower case, and words not empty.
 */
export async function selectMatching(
  db: Db,
  organization: OrganizationId,
  filter: { words: readonly string[]; tags: readonly string[]; type: string | null; visible: PackageVisibility; limit: number },
): Promise<ListedRow[]> {
  let query = listed(db, organization)
  const { globs, teams, sources } = filter.visible
  if (teams !== null) {
    query = query.where((where) =>
      where.or([where('packages.name', 'in', namesOfTeams(db, teams.ids)), where('packages.source_id', 'in', openMirrors(db))]),
    )
  }
  if (sources !== null) {
    const { only } = sources
    query =
      typeof only === 'number'
        ? query.where('packages.source_id', '=', only)
        : query.where('packages.source_id', 'in', openSources(db, organization, only))
  }
  if (globs !== null) {
    query = query.where((where) =>
      where.or(globs.map((glob) => sql<boolean>`${where.ref('packages.name')} like ${toLikePattern(glob)} escape '!'`)),
    )
  }
  if (filter.type !== null) {
    query = query.where('packages.type', '=', filter.type)
  }
  if (filter.tags.length > 0) {
    const tagged = db.selectFrom('keywords').select('keywords.package_id').where('keywords.keyword', 'in', filter.tags)
    query = query.where('packages.id', 'in', tagged)
  }
  for (const word of filter.words) {
    const pattern = `%${escapeLike(word)}%`
    query = query.where((where) =>
      where.or([
        sql<boolean>`lower(${where.ref('packages.name')}) like ${pattern} escape '!'`,
        sql<boolean>`lower(${where.ref('packages.description')}) like ${pattern} escape '!'`,
      ]),
    )
  }
  return query.orderBy('packages.name').limit(filter.limit).execute()
}

/** Packages that provide a name (lower case). */
export async function selectProviders(db: Db, organization: OrganizationId, name: string): Promise<ListedRow[]> {
  return listed(db, organization)
    .innerJoin('provided_names', 'provided_names.package_id', 'packages.id')
    .where('provided_names.name', '=', name)
    .where('packages.name', '!=', name)
    .orderBy('packages.name')
    .execute()
}

/** What packages of an organization require or suggest a name (lower case), by name; each once. */
export async function selectRequiring(
  db: Db,
  organization: OrganizationId,
  { name, kinds }: { name: string; kinds: readonly RequirementKind[] },
): Promise<ListedRow[]> {
  const requiring = db
    .selectFrom('requirements')
    .select('requirements.package_id')
    .where('requirements.name', '=', name)
    .where('requirements.kind', 'in', kinds)
  return listed(db, organization).where('packages.id', 'in', requiring).orderBy('packages.name').execute()
}

/** In which section of a manifest a package is named. */
export type RequirementKind = 'require' | 'require-dev' | 'suggest'

/** Names with a vendor that packages provide, with who provides them and whether a package has that name; those that contain every word. */
export async function selectVirtual(
  db: Db,
  organization: OrganizationId,
  { words, limit }: { words: readonly string[]; limit: number },
): Promise<{ name: string; provider: string; real: PackageId | null }[]> {
  let query = db
    .selectFrom('provided_names')
    .innerJoin('packages', 'packages.id', 'provided_names.package_id')
    .leftJoin('packages as real', (join) =>
      join.onRef('real.name', '=', 'provided_names.name').onRef('real.organization_id', '=', 'packages.organization_id'),
    )
    .select(['provided_names.name', 'packages.name as provider', 'real.id as real'])
    .where('packages.organization_id', '=', organization)
    .where('provided_names.name', 'like', '%/%')
  for (const word of words) {
    const pattern = `%${escapeLike(word)}%`
    query = query.where((where) => sql<boolean>`${where.ref('provided_names.name')} like ${pattern} escape '!'`)
  }
  return query.orderBy('provided_names.name').limit(limit).execute()
}
