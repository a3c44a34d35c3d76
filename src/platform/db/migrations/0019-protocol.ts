import type { ColumnDefinitionBuilder, Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

type AnyDb = Kysely<unknown>

const required = (column: ColumnDefinitionBuilder) => column.notNull()
const belongsTo = (table: string) => (column: ColumnDefinitionBuilder) =>
  column.notNull().references(`${table}.id`).onDelete('cascade')

/** What other packages a package names, its keywords, who abandoned it, where READMEs lie, and the feed of changes. */
export async function up(db: AnyDb, flags: DialectFlags): Promise<void> {
  await createIndexes(db, flags)
  await createFeed(db, flags)
  await db.schema
    .alterTable('packages')
    .addColumn('abandoned_by', 'text', (column) => column.notNull().defaultTo('manifest'))
    .execute()
  await db.schema.alterTable('source_readmes').addColumn('path', 'text').execute()
  await fillIndexes(db as Kysely<Filled>)
}

async function createIndexes(db: AnyDb, { integer: int }: DialectFlags): Promise<void> {
  await db.schema
    .createTable('requirements')
    .addColumn('package_id', int, belongsTo('packages'))
    .addColumn('kind', 'text', required)
    .addColumn('name', 'text', required)
    .addPrimaryKeyConstraint('requirements_key', ['package_id', 'kind', 'name'])
    .execute()
  await db.schema.createIndex('requirements_name').on('requirements').columns(['name', 'kind']).execute()
  await db.schema
    .createTable('keywords')
    .addColumn('package_id', int, belongsTo('packages'))
    .addColumn('keyword', 'text', required)
    .addPrimaryKeyConstraint('keywords_key', ['package_id', 'keyword'])
    .execute()
  await db.schema.createIndex('keywords_keyword').on('keywords').column('keyword').execute()
}

async function createFeed(db: AnyDb, { integer: int }: DialectFlags): Promise<void> {
  await db.schema
    .createTable('change_feeds')
    .addColumn('organization_id', int, (column) => column.primaryKey().references('organizations.id').onDelete('cascade'))
    .addColumn('position', int, required)
    .addColumn('stamp', 'text', required)
    .execute()
  await db.schema
    .createTable('package_changes')
    .addColumn('organization_id', int, belongsTo('organizations'))
    .addColumn('name', 'text', required)
    .addColumn('package_uid', 'text', required)
    .addColumn('revision', int, required)
    .addColumn('position', int, required)
    .addColumn('deleted', int, required)
    .addPrimaryKeyConstraint('package_changes_key', ['organization_id', 'name'])
    .execute()
  await db.schema.createIndex('package_changes_position').on('package_changes').columns(['organization_id', 'position']).execute()
}

interface Filled {
  versions: { id: number; package_id: number; manifest_id: number; default_branch: number; removed_at: number | null }
  manifests: { id: number; body: string }
  requirements: { package_id: number; kind: string; name: string }
  keywords: { package_id: number; keyword: string }
}

const PACKAGES_PER_STEP = 200
const ROWS_PER_STATEMENT = 300
/** As in what publications write. */
const MAX_NAMES = 1000

/**
 * Fills the indexes of packages that are published already from their default branch, else from the version that came last. The next
 * change of a package writes its rows anew.
 */
async function fillIndexes(db: Kysely<Filled>): Promise<void> {
  for (let after = 0; ;) {
    const described = await selectDescribing(db, after)
    const last = described.at(-1)
    if (last === undefined) {
      return
    }
    after = last.package
    const rows = described.flatMap((one) => readNames(one.package, one.body))
    await insertAll(db, 'requirements', rows)
    await insertAll(
      db,
      'keywords',
      described.flatMap((one) => readKeywords(one.package, one.body)),
    )
  }
}

async function selectDescribing(db: Kysely<Filled>, after: number): Promise<{ package: number; body: string }[]> {
  const chosen = await db
    .selectFrom('versions')
    .select((select) => [
      'package_id',
      select.fn.max(select.case().when('default_branch', '=', 1).then(select.ref('id')).else(0).end()).as('branch'),
      select.fn.max('id').as('last'),
    ])
    .where('removed_at', 'is', null)
    .where('package_id', '>', after)
    .groupBy('package_id')
    .orderBy('package_id')
    .limit(PACKAGES_PER_STEP)
    .execute()
  const ids = chosen.map(({ branch, last }) => (Number(branch) > 0 ? Number(branch) : Number(last)))
  if (ids.length === 0) {
    return []
  }
  return db
    .selectFrom('versions')
    .innerJoin('manifests', 'manifests.id', 'versions.manifest_id')
    .select(['versions.package_id as package', 'manifests.body'])
    .where('versions.id', 'in', ids)
    .orderBy('versions.package_id')
    .execute()
}

function readNames(owner: number, body: string): Filled['requirements'][] {
  const manifest = JSON.parse(body) as Record<string, unknown>
  return ['require', 'require-dev', 'suggest'].flatMap((kind) =>
    [...new Set(Object.keys(manifest[kind] ?? {}).map((name) => name.toLowerCase()))]
      .slice(0, MAX_NAMES)
      .map((name) => ({ package_id: owner, kind, name })),
  )
}

function readKeywords(owner: number, body: string): Filled['keywords'][] {
  const { keywords } = JSON.parse(body) as { keywords?: unknown }
  const texts = Array.isArray(keywords) ? keywords.filter((one) => typeof one === 'string') : []
  return [...new Set(texts.map((one) => one.toLowerCase()))]
    .slice(0, MAX_NAMES)
    .map((keyword) => ({ package_id: owner, keyword }))
}

async function insertAll<Table extends 'requirements' | 'keywords'>(
  db: Kysely<Filled>,
  table: Table,
  rows: readonly Filled[Table][],
): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    const values = rows.slice(start, start + ROWS_PER_STATEMENT)
    await (db as Kysely<Record<string, object>>).insertInto(table).values(values).execute()
  }
}
