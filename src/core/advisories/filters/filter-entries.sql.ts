import { type Page, type Paged, toPaged } from '../../kernel/paging.ts'
import type { Db } from '../../kernel/schema.ts'
import type { AdvisoryFeedId, FilterEntryId, Instant, OrganizationId, SourceId } from '../../kernel/values.ts'

const NAMES_PER_STATEMENT = 500
const ROWS_PER_STATEMENT = 200

/** What a filter list says about a package. */
export interface FilterEntry {
  id: FilterEntryId
  uid: string
  list: string
  packageName: string
  /** A constraint. */
  affectedVersions: string
  reason: string | null
  url: string | null
  /** How the feed calls the entry. */
  remoteId: string | null
  createdAt: Instant
}

/** An entry with who says it. */
export interface ToldEntry extends FilterEntry {
  /** Whose own entry it is; null for one of a feed. */
  organization: OrganizationId | null
  /** The mirror whose feed says it; null for an own entry and for the feed of the installation. */
  mirror: SourceId | null
}

/** Where a package comes from. */
export interface PackageSource {
  source: SourceId
  isMirrored: boolean
}

const COLUMNS = [
  'filter_entries.id',
  'filter_entries.uid',
  'filter_entries.list',
  'package_name as packageName',
  'affected_versions as affectedVersions',
  'reason',
  'filter_entries.url',
  'remote_id as remoteId',
  'filter_entries.created_at as createdAt',
] as const

/** An organization and the one above it: what the parent lists holds in its suborganizations, too. */
function tellersOf(db: Db, organization: OrganizationId) {
  return db
    .selectFrom('organizations')
    .select((select) => select.fn.coalesce('parent_id', 'id').as('id'))
    .where('id', '=', organization)
    .union(db.selectFrom('organizations').select('id').where('id', '=', organization))
}

/** Entries that may concern an organization, those of its own and of every feed; the caller decides which feed counts for what. */
function toldEntries(db: Db, organization: OrganizationId) {
  return db
    .selectFrom('filter_entries')
    .leftJoin('advisory_feeds', 'advisory_feeds.id', 'filter_entries.feed_id')
    .select(COLUMNS)
    .select(['filter_entries.organization_id as organization', 'advisory_feeds.source_id as mirror'])
    .where((where) =>
      where.or([
        where('filter_entries.organization_id', 'in', tellersOf(db, organization)),
        where('filter_entries.feed_id', 'is not', null),
      ]),
    )
    .orderBy('filter_entries.list')
    .orderBy('filter_entries.id')
}

/** The entries about these names (lower case) that may concern an organization, oldest first. */
export async function selectEntriesOfNames(db: Db, organization: OrganizationId, names: readonly string[]): Promise<ToldEntry[]> {
  const entries: ToldEntry[] = []
  for (let start = 0; start < names.length; start += NAMES_PER_STATEMENT) {
    const some = names.slice(start, start + NAMES_PER_STATEMENT)
    entries.push(...(await toldEntries(db, organization).where('package_name', 'in', some).execute()))
  }
  return entries
}

/** The entries about packages that an organization has, with the sources of these. */
export async function selectEntriesOfPackages(db: Db, organization: OrganizationId): Promise<(ToldEntry & PackageSource)[]> {
  const rows = await toldEntries(db, organization)
    .innerJoin('packages', 'packages.name', 'filter_entries.package_name')
    .innerJoin('sources', 'sources.id', 'packages.source_id')
    .select(['packages.source_id as source', 'sources.kind as sourceKind'])
    .where('packages.organization_id', '=', organization)
    .orderBy('package_name')
    .execute()
  return rows.map(({ sourceKind, ...row }) => ({ ...row, isMirrored: sourceKind === 'mirror' }))
}

/** Where the packages of these names (lower case) in an organization come from, by name. */
export async function selectPackageSources(
  db: Db,
  organization: OrganizationId,
  names: readonly string[],
): Promise<Map<string, PackageSource>> {
  const found = new Map<string, PackageSource>()
  for (let start = 0; start < names.length; start += NAMES_PER_STATEMENT) {
    const rows = await db
      .selectFrom('packages')
      .innerJoin('sources', 'sources.id', 'packages.source_id')
      .select(['packages.name', 'packages.source_id as source', 'sources.kind'])
      .where('packages.organization_id', '=', organization)
      .where('packages.name', 'in', names.slice(start, start + NAMES_PER_STATEMENT))
      .execute()
    for (const { name, source, kind } of rows) {
      found.set(name, { source, isMirrored: kind === 'mirror' })
    }
  }
  return found
}

/** The names of lists in which an organization or its parent has an entry. */
export async function selectOwnLists(db: Db, organization: OrganizationId): Promise<string[]> {
  const rows = await db
    .selectFrom('filter_entries')
    .select('list')
    .distinct()
    .where('organization_id', 'in', tellersOf(db, organization))
    .orderBy('list')
    .execute()
  return rows.map(({ list }) => list)
}

/** The own entries of an organization in the order of their creation, of all lists or of one. */
export async function selectOwnEntries(
  db: Db,
  filter: { organization: OrganizationId; list: string | null },
  page: Page,
): Promise<Paged<FilterEntry>> {
  let query = db
    .selectFrom('filter_entries')
    .select(COLUMNS)
    .where('organization_id', '=', filter.organization)
    .where('id', '>', (page.after ?? 0) as FilterEntryId)
  if (filter.list !== null) {
    query = query.where('list', '=', filter.list)
  }
  const rows = await query
    .orderBy('id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows, page.limit)
}

/** How many own entries an organization has. */
export async function countOwnEntries(db: Db, organization: OrganizationId): Promise<number> {
  const row = await db
    .selectFrom('filter_entries')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('organization_id', '=', organization)
    .executeTakeFirstOrThrow()
  return row.count
}

/** The same entry of an organization, if it is there already. */
export async function findSameEntry(
  db: Db,
  input: { organization: OrganizationId; list: string; packageName: string; affectedVersions: string },
): Promise<FilterEntry | null> {
  const row = await db
    .selectFrom('filter_entries')
    .select(COLUMNS)
    .where('organization_id', '=', input.organization)
    .where('list', '=', input.list)
    .where('package_name', '=', input.packageName)
    .where('affected_versions', '=', input.affectedVersions)
    .executeTakeFirst()
  return row ?? null
}

/** What is written of an entry. */
export interface NewEntry {
  uid: string
  list: string
  packageName: string
  affectedVersions: string
  reason: string | null
  url: string | null
  remoteId: string | null
  createdAt: Instant
}

/** Stores an own entry of an organization. */
export async function insertOwnEntry(db: Db, organization: OrganizationId, entry: NewEntry): Promise<FilterEntry> {
  const row = await db
    .insertInto('filter_entries')
    .values({ ...toColumns(entry), feed_id: null, organization_id: organization })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { ...entry, id: row.id }
}

/** Deletes an own entry of an organization and returns it; null when there is none of that uid. */
export async function deleteOwnEntry(db: Db, organization: OrganizationId, uid: string): Promise<FilterEntry | null> {
  const row = await db
    .deleteFrom('filter_entries')
    .where('organization_id', '=', organization)
    .where('uid', '=', uid)
    .returning([
      'id',
      'uid',
      'list',
      'package_name as packageName',
      'affected_versions as affectedVersions',
      'reason',
      'url',
      'remote_id as remoteId',
      'created_at as createdAt',
    ])
    .executeTakeFirst()
  return row ?? null
}

/** All entries of a feed. */
export async function selectEntriesOfFeed(db: Db, feed: AdvisoryFeedId): Promise<FilterEntry[]> {
  return db.selectFrom('filter_entries').select(COLUMNS).where('feed_id', '=', feed).execute()
}

/** Stores entries of a feed. */
export async function insertFeedEntries(db: Db, feed: AdvisoryFeedId, entries: readonly NewEntry[]): Promise<void> {
  for (let start = 0; start < entries.length; start += ROWS_PER_STATEMENT) {
    const rows = entries.slice(start, start + ROWS_PER_STATEMENT)
    await db
      .insertInto('filter_entries')
      .values(rows.map((entry) => ({ ...toColumns(entry), feed_id: feed, organization_id: null })))
      .execute()
  }
}

/** Deletes entries. */
export async function deleteEntries(db: Db, ids: readonly FilterEntryId[]): Promise<void> {
  for (let start = 0; start < ids.length; start += ROWS_PER_STATEMENT) {
    await db
      .deleteFrom('filter_entries')
      .where('id', 'in', ids.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
  }
}

function toColumns(entry: NewEntry) {
  return {
    uid: entry.uid,
    list: entry.list,
    package_name: entry.packageName,
    affected_versions: entry.affectedVersions,
    reason: entry.reason,
    url: entry.url,
    remote_id: entry.remoteId,
    created_at: entry.createdAt,
  }
}
