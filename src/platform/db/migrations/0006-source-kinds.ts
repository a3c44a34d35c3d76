import type { Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

/** Sources whose packages are defined by hand, and repositories with several packages. */
export async function up(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema.alterTable('sources').addColumn('manifest_globs', 'text').execute()
  await db.schema
    .createTable('custom_definitions')
    .addColumn('source_id', int, (column) => column.primaryKey().references('sources.id').onDelete('cascade'))
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('updated_at', int, (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('custom_dists')
    .addColumn('package_id', int, (column) => column.notNull().references('packages.id').onDelete('cascade'))
    .addColumn('reference', 'text', (column) => column.notNull())
    .addColumn('url', 'text', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('shasum', 'text')
    .addPrimaryKeyConstraint('custom_dists_key', ['package_id', 'reference'])
    .execute()
  await db.schema
    .createTable('source_trees')
    .addColumn('source_id', int, (column) => column.notNull().references('sources.id').onDelete('cascade'))
    .addColumn('commit_id', 'text', (column) => column.notNull())
    .addColumn('children', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('source_trees_key', ['source_id', 'commit_id'])
    .execute()
  await db.schema
    .createTable('child_directories')
    .addColumn('package_id', int, (column) => column.notNull().references('packages.id').onDelete('cascade'))
    .addColumn('reference', 'text', (column) => column.notNull())
    .addColumn('directory', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('child_directories_key', ['package_id', 'reference'])
    .execute()
}
