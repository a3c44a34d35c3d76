import { sql, type ColumnDefinitionBuilder, type Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

type AnyDb = Kysely<unknown>

const required = (column: ColumnDefinitionBuilder) => column.notNull()
const refersTo = (table: string) => (column: ColumnDefinitionBuilder) => column.references(`${table}.id`).onDelete('cascade')
const belongsTo = (table: string) => (column: ColumnDefinitionBuilder) => refersTo(table)(column.notNull())
const keyOf = (table: string) => (column: ColumnDefinitionBuilder) => refersTo(table)(column.primaryKey())

/** Upstream Composer repositories, what is known of them, and how an organization's repository presents itself. */
export async function up(db: AnyDb, flags: DialectFlags): Promise<void> {
  await createMirrors(db, flags)
  await createMirroredPackages(db, flags)
  await createRecords(db, flags)
  await createPresentation(db, flags)
  await reserveExistingNames(db)
}

async function createMirrors(db: AnyDb, { integer: int }: DialectFlags): Promise<void> {
  await db.schema
    .createTable('mirrors')
    .addColumn('source_id', int, keyOf('sources'))
    .addColumn('name', 'text', required)
    .addColumn('behavior', 'text', required)
    .addColumn('position', int, required)
    .addColumn('timeout_ms', int, required)
    .addColumn('only_names', 'text')
    .addColumn('except_names', 'text')
    .addColumn('keeps_archives', int, required)
    .addColumn('takes_all', int, required)
    .addColumn('root', 'text')
    .addColumn('root_modified', 'text')
    .addColumn('root_etag', 'text')
    .addColumn('root_checked_at', int)
    .addColumn('feed_since', 'text')
    .addColumn('failing_since', int)
    .addColumn('holds_suspects', int, required)
    .execute()
  await db.schema
    .createTable('upstream_packages')
    .addColumn('source_id', int, belongsTo('sources'))
    .addColumn('name', 'text', required)
    .addColumn('sha256', 'text')
    .addColumn('body', 'text')
    .addPrimaryKeyConstraint('upstream_packages_key', ['source_id', 'name'])
    .execute()
  await db.schema
    .createTable('upstream_leases')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('holder', 'text', required)
    .addColumn('leased_until', int, required)
    .execute()
}

async function createMirroredPackages(db: AnyDb, { integer: int }: DialectFlags): Promise<void> {
  await db.schema
    .createTable('mirrored_packages')
    .addColumn('package_id', int, keyOf('packages'))
    .addColumn('source_id', int, belongsTo('sources'))
    .addColumn('upstream', 'text', (column) => column.notNull().defaultTo('present'))
    .addColumn('gone_at', int)
    .addColumn('stable_modified', 'text')
    .addColumn('stable_etag', 'text')
    .addColumn('stable_sha256', 'text')
    .addColumn('dev_modified', 'text')
    .addColumn('dev_etag', 'text')
    .addColumn('dev_sha256', 'text')
    .addColumn('checked_at', int, required)
    .addColumn('changed_at', int, required)
    .addColumn('failing_since', int)
    .addColumn('problem', 'text')
    .execute()
  await db.schema.createIndex('mirrored_packages_source').on('mirrored_packages').columns(['source_id', 'checked_at']).execute()
  await db.schema
    .createTable('mirror_absences')
    .addColumn('source_id', int, belongsTo('sources'))
    .addColumn('name', 'text', required)
    .addColumn('seen_at', int, required)
    .addPrimaryKeyConstraint('mirror_absences_key', ['source_id', 'name'])
    .execute()
}

async function createRecords(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('name_reservations')
    .addColumn('organization_id', int, belongsTo('organizations'))
    .addColumn('pattern', 'text', required)
    .addColumn('kind', 'text', required)
    .addColumn('created_at', int, required)
    .addPrimaryKeyConstraint('name_reservations_key', ['organization_id', 'pattern'])
    .execute()
  await db.schema
    .createTable('mirror_incidents')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('source_id', int, belongsTo('sources'))
    .addColumn('kind', 'text', required)
    .addColumn('subject', 'text', required)
    .addColumn('detail', 'text', required)
    .addColumn('first_at', int, required)
    .addColumn('last_at', int, required)
    .addColumn('count', int, required)
    .addColumn('dismissed_at', int)
    .addUniqueConstraint('mirror_incidents_subject', ['source_id', 'kind', 'subject'])
    .execute()
}

async function createPresentation(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('repository_options')
    .addColumn('organization_id', int, keyOf('organizations'))
    .addColumn('archive_urls', 'text', (column) => column.notNull().defaultTo('registry'))
    .addColumn('hidden_sources', 'text', (column) => column.notNull().defaultTo('mirrored'))
    .addColumn('blocks_malware', int, (column) => column.notNull().defaultTo(1))
    .addColumn('audits', int, (column) => column.notNull().defaultTo(1))
    .addColumn('audit_notices', int, (column) => column.notNull().defaultTo(1))
    .execute()
  await db.schema
    .createTable('repository_messages')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('organization_id', int, belongsTo('organizations'))
    .addColumn('kind', 'text', required)
    .addColumn('message', 'text', required)
    .addColumn('versions', 'text', required)
    .addColumn('created_at', int, required)
    .execute()
  await db.schema.createIndex('repository_messages_organization').on('repository_messages').column('organization_id').execute()
}

/** Everything that exists before there are mirrors is private, and so are its vendors. */
async function reserveExistingNames(db: AnyDb): Promise<void> {
  await sql`
    insert into name_reservations (organization_id, pattern, kind, created_at)
    select coalesce(organizations.parent_id, organizations.id), packages.name, 'name', min(packages.created_at)
    from packages inner join organizations on organizations.id = packages.organization_id
    group by coalesce(organizations.parent_id, organizations.id), packages.name`.execute(db)
  const vendor = sql.raw(`rtrim(rtrim(pattern, 'abcdefghijklmnopqrstuvwxyz0123456789_.-'), '/')`)
  await sql`
    insert into name_reservations (organization_id, pattern, kind, created_at)
    select organization_id, ${vendor} || '/*', 'vendor', min(created_at)
    from name_reservations where kind = 'name' group by organization_id, ${vendor}`.execute(db)
}
