import type { Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

/** Sources in Subversion and Mercurial: which system a source is in, and what it calls the commits of its mirror. */
export async function up(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .alterTable('sources')
    .addColumn('vcs', 'text', (column) => column.notNull().defaultTo('git'))
    .execute()
  await db.schema
    .createTable('source_revisions')
    .addColumn('source_id', int, (column) => column.notNull().references('sources.id').onDelete('cascade'))
    .addColumn('commit_id', 'text', (column) => column.notNull())
    .addColumn('reference', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('source_revisions_pkey', ['source_id', 'commit_id'])
    .execute()
}
