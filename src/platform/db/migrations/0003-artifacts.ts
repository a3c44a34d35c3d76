import type { Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

/** Uploaded archives: what format an archive has, and which files were uploaded. */
export async function up(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .alterTable('dists')
    .addColumn('format', 'text', (column) => column.notNull().defaultTo('zip'))
    .execute()
  await db.schema
    .createTable('artifacts')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('package_id', int, (column) => column.notNull().references('packages.id').onDelete('cascade'))
    .addColumn('version', 'text', (column) => column.notNull())
    .addColumn('normalized', 'text', (column) => column.notNull())
    .addColumn('reference', 'text', (column) => column.notNull())
    .addColumn('file_name', 'text', (column) => column.notNull())
    .addColumn('manifest_id', int, (column) => column.notNull().references('manifests.id'))
    .addColumn('created_at', int, (column) => column.notNull())
    .addUniqueConstraint('artifacts_version', ['package_id', 'normalized', 'reference'])
    .execute()
}
