import type { Db } from '../kernel/schema.ts'
import type { OrganizationId } from '../kernel/values.ts'

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
  name: string
  type: string
  description: string
  abandoned: string | null
  sourceUrl: string
}

function listed(db: Db, organization: OrganizationId) {
  return db
    .selectFrom('packages')
    .innerJoin('sources', 'sources.id', 'packages.source_id')
    .select(['packages.name', 'packages.type', 'packages.description', 'packages.abandoned', 'sources.url as sourceUrl'])
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

/** Packages whose name or description contains every word, ignoring case. `words` are in lower case and not empty. */
export async function selectMatching(
  db: Db,
  organization: OrganizationId,
  filter: { words: readonly string[]; type: string | null; limit: number },
): Promise<ListedRow[]> {
  let query = listed(db, organization)
  if (filter.type !== null) {
    query = query.where('packages.type', '=', filter.type)
  }
  for (const word of filter.words) {
    const pattern = `%${word.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
    query = query.where((where) =>
      where.or([
        where(where.fn('lower', ['packages.name']), 'like', where.val(pattern)),
        where(where.fn('lower', ['packages.description']), 'like', where.val(pattern)),
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
