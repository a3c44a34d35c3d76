import type { Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

type AnyDb = Kysely<unknown>

/** What syncs leave besides versions: their log and READMEs; the rules by which a source's refs are read; hooks registered at Git hosts. */
export async function up(db: AnyDb, flags: DialectFlags): Promise<void> {
  await db.schema
    .alterTable('sources')
    .addColumn('ref_rules', 'text', (column) => column.notNull().defaultTo('composer'))
    .execute()
  await db.schema.alterTable('dists').addColumn('retired_at', flags.integer).execute()
  await createSyncRuns(db, flags)
  await createReadmes(db, flags)
  await createHookRegistrations(db, flags)
}

async function createSyncRuns(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('sync_runs')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('source_id', int, (column) => column.notNull().references('sources.id').onDelete('cascade'))
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('started_at', int, (column) => column.notNull())
    .addColumn('completed_at', int, (column) => column.notNull())
    .addColumn('error_code', 'text')
    .addColumn('error', 'text')
    .addColumn('added', int, (column) => column.notNull())
    .addColumn('updated', int, (column) => column.notNull())
    .addColumn('skipped', int, (column) => column.notNull())
    .addColumn('failed', int, (column) => column.notNull())
    .addColumn('removed', int, (column) => column.notNull())
    .addColumn('details', 'text')
    .execute()
  await db.schema.createIndex('sync_runs_source').on('sync_runs').columns(['source_id', 'id']).execute()
}

async function createReadmes(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('readmes')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('sha256', 'text', (column) => column.notNull().unique())
    .addColumn('body', 'text', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('source_readmes')
    .addColumn('source_id', int, (column) => column.notNull().references('sources.id').onDelete('cascade'))
    .addColumn('commit_id', 'text', (column) => column.notNull())
    .addColumn('readme_id', int, (column) => column.references('readmes.id'))
    .addPrimaryKeyConstraint('source_readmes_key', ['source_id', 'commit_id'])
    .execute()
  await db.schema.createIndex('source_readmes_readme').on('source_readmes').column('readme_id').execute()
}

async function createHookRegistrations(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('hook_registrations')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('source_id', int, (column) => column.unique().references('sources.id').onDelete('set null'))
    .addColumn('provider', 'text', (column) => column.notNull())
    .addColumn('api_url', 'text', (column) => column.notNull())
    .addColumn('project', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('remote_id', 'text')
    .addColumn('problem', 'text')
    .addColumn('credential', 'text')
    .addColumn('updated_at', int, (column) => column.notNull())
    .execute()
}
