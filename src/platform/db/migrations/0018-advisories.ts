import type { ColumnDefinitionBuilder, Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

type AnyDb = Kysely<unknown>

const required = (column: ColumnDefinitionBuilder) => column.notNull()
const refersTo = (table: string) => (column: ColumnDefinitionBuilder) => column.references(`${table}.id`).onDelete('cascade')
const belongsTo = (table: string) => (column: ColumnDefinitionBuilder) => refersTo(table)(column.notNull())

/** Security advisories, where they come from, what they hit here, and filter lists. */
export async function up(db: AnyDb, flags: DialectFlags): Promise<void> {
  await createAdvisories(db, flags)
  await createFindings(db, flags)
  await createScans(db, flags)
  await createFilterEntries(db, flags)
}

async function createAdvisories(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('advisory_feeds')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('kind', 'text', required)
    .addColumn('source_id', int, refersTo('sources'))
    .addColumn('list', 'text', required)
    .addColumn('url', 'text', required)
    .addColumn('updated_since', int)
    .addColumn('fetched_at', int)
    .addColumn('attempted_at', int)
    .addColumn('full_at', int)
    .addColumn('next_fetch_at', int, required)
    .addColumn('failures', int, (column) => column.notNull().defaultTo(0))
    .addColumn('problem', 'text')
    .addColumn('modified', 'text')
    .execute()
  await db.schema
    .createTable('advisories')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('feed_id', int, refersTo('advisory_feeds'))
    .addColumn('organization_id', int, refersTo('organizations'))
    .addColumn('advisory_id', 'text', required)
    .addColumn('package_name', 'text', required)
    .addColumn('affected_versions', 'text', required)
    .addColumn('title', 'text', required)
    .addColumn('link', 'text')
    .addColumn('cve', 'text')
    .addColumn('severity', 'text')
    .addColumn('reported_at', int)
    .addColumn('sources', 'text', required)
    .addColumn('composer_repository', 'text')
    .addColumn('created_at', int, required)
    .addColumn('updated_at', int, required)
    .addColumn('withdrawn_at', int)
    .addUniqueConstraint('advisories_of_feed', ['feed_id', 'advisory_id', 'package_name'])
    .addUniqueConstraint('advisories_of_organization', ['organization_id', 'advisory_id'])
    .execute()
  await db.schema.createIndex('advisory_feeds_kind').on('advisory_feeds').columns(['kind', 'source_id']).execute()
  await db.schema.createIndex('advisories_package').on('advisories').column('package_name').execute()
}

async function createFindings(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('findings')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('organization_id', int, belongsTo('organizations'))
    .addColumn('package_id', int, belongsTo('packages'))
    .addColumn('advisory_id', int, belongsTo('advisories'))
    .addColumn('kind', 'text', required)
    .addColumn('branch', 'text', required)
    .addColumn('affected_package', 'text', required)
    .addColumn('affected_version', 'text')
    .addColumn('state', 'text', required)
    .addColumn('reason', 'text')
    .addColumn('changed_by', int, (column) => column.references('users.id').onDelete('set null'))
    .addColumn('found_at', int, required)
    .addColumn('changed_at', int, required)
    .addUniqueConstraint('findings_subject', ['package_id', 'advisory_id', 'kind', 'branch', 'affected_package'])
    .execute()
  await db.schema.createIndex('findings_organization').on('findings').columns(['organization_id', 'state']).execute()
  await db.schema.createIndex('findings_advisory').on('findings').column('advisory_id').execute()
  await db.schema
    .createTable('finding_versions')
    .addColumn('finding_id', int, belongsTo('findings'))
    .addColumn('version_id', int, belongsTo('versions'))
    .addPrimaryKeyConstraint('finding_versions_key', ['finding_id', 'version_id'])
    .execute()
  await db.schema.createIndex('finding_versions_version').on('finding_versions').column('version_id').execute()
}

async function createScans(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('package_scans')
    .addColumn('package_id', int, (column) => column.primaryKey().references('packages.id').onDelete('cascade'))
    .addColumn('revision', int, required)
    .addColumn('mark', int, required)
    .addColumn('scanned_mark', int, required)
    .execute()
  await db.schema
    .createTable('required_names')
    .addColumn('package_id', int, belongsTo('packages'))
    .addColumn('name', 'text', required)
    .addPrimaryKeyConstraint('required_names_key', ['name', 'package_id'])
    .execute()
  await db.schema.createIndex('required_names_package').on('required_names').column('package_id').execute()
}

async function createFilterEntries(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('filter_entries')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('feed_id', int, refersTo('advisory_feeds'))
    .addColumn('organization_id', int, refersTo('organizations'))
    .addColumn('list', 'text', required)
    .addColumn('package_name', 'text', required)
    .addColumn('affected_versions', 'text', required)
    .addColumn('reason', 'text')
    .addColumn('url', 'text')
    .addColumn('remote_id', 'text')
    .addColumn('created_at', int, required)
    .execute()
  await db.schema.createIndex('filter_entries_organization').on('filter_entries').columns(['organization_id', 'list']).execute()
  await db.schema.createIndex('filter_entries_package').on('filter_entries').column('package_name').execute()
}
