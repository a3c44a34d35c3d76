import type { ColumnDefinitionBuilder, CreateTableBuilder, Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

type AnyDb = Kysely<unknown>
type Reference = (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder

const required: Reference = (column) => column.notNull()

function belongsTo(table: string): Reference {
  return (column) => column.notNull().references(`${table}.id`).onDelete('cascade')
}

/** The tables of the foundation: organizations, people, tokens, sources, packages, jobs and events. */
export async function up(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await createPeople(db, flags)
  await createAccess(db, flags)
  await createSources(db, flags)
  await createPackages(db, flags)
  await createWork(db, flags)
  await createJobRecords(db, flags)
  await db.schema
    .createTable('download_counts')
    .addColumn('package_id', int, belongsTo('packages'))
    .addColumn('version', 'text', required)
    .addColumn('day', 'text', required)
    .addColumn('kind', 'text', required)
    .addColumn('count', int, required)
    .addPrimaryKeyConstraint('download_counts_key', ['package_id', 'version', 'day', 'kind'])
    .execute()
}

/** A table with the two ids that every exposed noun has (house.md §2). */
function noun(db: AnyDb, name: string, flags: DialectFlags): CreateTableBuilder<string, 'id' | 'uid'> {
  return db.schema
    .createTable(name)
    .addColumn('id', flags.integer, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
}

async function createPeople(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('settings')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', required)
    .execute()
  await noun(db, 'users', flags)
    .addColumn('email', 'text', (column) => column.notNull().unique())
    .addColumn('name', 'text', required)
    .addColumn('password_hash', 'text')
    .addColumn('is_operator', int, required)
    .addColumn('created_at', int, required)
    .execute()
  await noun(db, 'organizations', flags)
    .addColumn('slug', 'text', required)
    .addColumn('name', 'text', required)
    .addColumn('parent_id', int, (column) => column.references('organizations.id').onDelete('cascade'))
    .addColumn('revision', int, required)
    .addColumn('modified_at', int, required)
    .addColumn('created_at', int, required)
    .execute()
  await db.schema
    .createIndex('organizations_top_slug')
    .on('organizations')
    .column('slug')
    .unique()
    .where('parent_id' as never, 'is', null)
    .execute()
  await db.schema.createIndex('organizations_child_slug').on('organizations').columns(['parent_id', 'slug']).unique().execute()
  await db.schema
    .createTable('members')
    .addColumn('organization_id', int, belongsTo('organizations'))
    .addColumn('user_id', int, belongsTo('users'))
    .addColumn('role', 'text', required)
    .addColumn('created_at', int, required)
    .addPrimaryKeyConstraint('members_key', ['organization_id', 'user_id'])
    .execute()
}

async function createAccess(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await noun(db, 'tokens', flags)
    .addColumn('kind', 'text', required)
    .addColumn('organization_id', int, (column) => column.references('organizations.id').onDelete('cascade'))
    .addColumn('user_id', int, (column) => column.references('users.id').onDelete('cascade'))
    .addColumn('name', 'text', required)
    .addColumn('hint', 'text', required)
    .addColumn('secret_hash', 'text', (column) => column.notNull().unique())
    .addColumn('access', 'text', required)
    .addColumn('package_globs', 'text')
    .addColumn('expires_at', int)
    .addColumn('revoked_at', int)
    .addColumn('last_used_at', int)
    .addColumn('created_at', int, required)
    .execute()
  await db.schema.createIndex('tokens_organization').on('tokens').column('organization_id').execute()
}

async function createSources(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await noun(db, 'credentials', flags)
    .addColumn('organization_id', int, belongsTo('organizations'))
    .addColumn('kind', 'text', required)
    .addColumn('origin', 'text', required)
    .addColumn('username', 'text')
    .addColumn('secret', 'text', required)
    .addColumn('created_at', int, required)
    .execute()
  await db.schema
    .createTable('manifests')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('sha256', 'text', (column) => column.notNull().unique())
    .addColumn('body', 'text', required)
    .execute()
  await noun(db, 'sources', flags)
    .addColumn('organization_id', int, belongsTo('organizations'))
    .addColumn('kind', 'text', required)
    .addColumn('url', 'text', required)
    .addColumn('credential_id', int, (column) => column.references('credentials.id').onDelete('set null'))
    .addColumn('state', 'text', required)
    .addColumn('default_branch', 'text')
    .addColumn('sync_revision', int, required)
    .addColumn('problem_code', 'text')
    .addColumn('problem', 'text')
    .addColumn('synced_at', int)
    .addColumn('created_at', int, required)
    .addUniqueConstraint('sources_url', ['organization_id', 'url'])
    .execute()
  await db.schema
    .createTable('source_refs')
    .addColumn('source_id', int, belongsTo('sources'))
    .addColumn('kind', 'text', required)
    .addColumn('name', 'text', required)
    .addColumn('commit_id', 'text', required)
    .addColumn('object_type', 'text', required)
    .addColumn('committed_at', int, required)
    .addColumn('authored_at', int, required)
    .addColumn('manifest_state', 'text', required)
    .addColumn('manifest_id', int, (column) => column.references('manifests.id'))
    .addColumn('manifest_note', 'text')
    .addColumn('skip_code', 'text')
    .addColumn('skip_reason', 'text')
    .addPrimaryKeyConstraint('source_refs_key', ['source_id', 'kind', 'name'])
    .execute()
}

async function createPackages(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await noun(db, 'packages', flags)
    .addColumn('organization_id', int, belongsTo('organizations'))
    .addColumn('source_id', int, belongsTo('sources'))
    .addColumn('name', 'text', required)
    .addColumn('type', 'text', required)
    .addColumn('description', 'text', required)
    .addColumn('abandoned', 'text')
    .addColumn('revision', int, required)
    .addColumn('modified_at', int, required)
    .addColumn('created_at', int, required)
    .addUniqueConstraint('packages_name', ['organization_id', 'name'])
    .execute()
  await db.schema.createIndex('packages_source').on('packages').column('source_id').execute()
  await noun(db, 'versions', flags)
    .addColumn('package_id', int, belongsTo('packages'))
    .addColumn('version', 'text', required)
    .addColumn('normalized', 'text', required)
    .addColumn('type', 'text', required)
    .addColumn('stability', 'text', required)
    .addColumn('ref', 'text', required)
    .addColumn('reference', 'text', required)
    .addColumn('default_branch', int, required)
    .addColumn('manifest_id', int, (column) => column.notNull().references('manifests.id'))
    .addColumn('time', 'text')
    .addColumn('published_at', int, required)
    .addColumn('updated_at', int, required)
    .addColumn('removed_at', int)
    .addUniqueConstraint('versions_normalized', ['package_id', 'normalized'])
    .execute()
  await noun(db, 'dists', flags)
    .addColumn('package_id', int, belongsTo('packages'))
    .addColumn('reference', 'text', required)
    .addColumn('sha1', 'text')
    .addColumn('sha256', 'text')
    .addColumn('size', int)
    .addColumn('created_at', int, required)
    .addColumn('built_at', int)
    .addUniqueConstraint('dists_reference', ['package_id', 'reference'])
    .execute()
  await db.schema
    .createTable('provided_names')
    .addColumn('package_id', int, belongsTo('packages'))
    .addColumn('name', 'text', required)
    .addPrimaryKeyConstraint('provided_names_key', ['name', 'package_id'])
    .execute()
  await db.schema.createIndex('provided_names_package').on('provided_names').column('package_id').execute()
  await db.schema.createIndex('dists_blob').on('dists').column('sha256').execute()
}

async function createWork(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await noun(db, 'jobs', flags)
    .addColumn('kind', 'text', required)
    .addColumn('organization_id', int, (column) => column.references('organizations.id').onDelete('cascade'))
    .addColumn('dedupe_key', 'text')
    .addColumn('payload', 'text', required)
    .addColumn('lane', 'text', required)
    .addColumn('state', 'text', required)
    .addColumn('attempts', int, required)
    .addColumn('max_attempts', int, required)
    .addColumn('run_at', int, required)
    .addColumn('lease_owner', 'text')
    .addColumn('lease_until', int)
    .addColumn('progress', 'text')
    .addColumn('error_code', 'text')
    .addColumn('error', 'text')
    .addColumn('created_at', int, required)
    .addColumn('started_at', int)
    .addColumn('finished_at', int)
    .execute()
  await db.schema.createIndex('jobs_due').on('jobs').columns(['state', 'lane', 'run_at']).execute()
  await db.schema
    .createIndex('jobs_dedupe')
    .on('jobs')
    .column('dedupe_key')
    .unique()
    .where('state' as never, '=', 'queued')
    .execute()
  await db.schema
    .createIndex('jobs_running_key')
    .on('jobs')
    .column('dedupe_key')
    .unique()
    .where('state' as never, '=', 'running')
    .execute()
  await db.schema.createIndex('jobs_organization').on('jobs').columns(['organization_id', 'id']).execute()
}

async function createJobRecords(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('job_logs')
    .addColumn('job_id', int, belongsTo('jobs'))
    .addColumn('sequence', int, required)
    .addColumn('at', int, required)
    .addColumn('level', 'text', required)
    .addColumn('line', 'text', required)
    .addPrimaryKeyConstraint('job_logs_key', ['job_id', 'sequence'])
    .execute()
  await db.schema
    .createTable('schedules')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('next_at', int, required)
    .execute()
  await noun(db, 'events', flags)
    .addColumn('type', 'text', required)
    .addColumn('organization_id', int)
    .addColumn('actor_kind', 'text', required)
    .addColumn('actor_id', int)
    .addColumn('origin', 'text', required)
    .addColumn('data', 'text', required)
    .addColumn('created_at', int, required)
    .execute()
  await db.schema.createIndex('events_organization').on('events').columns(['organization_id', 'id']).execute()
}
