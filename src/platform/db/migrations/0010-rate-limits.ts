import type { Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

/** What the processes of an installation tell each other about limits, and the failed tries to sign in. */
export async function up(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('rate_counts')
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('window_start', int, (column) => column.notNull())
    .addColumn('count', int, (column) => column.notNull())
    .addColumn('expires_at', int, (column) => column.notNull())
    .addPrimaryKeyConstraint('rate_counts_key', ['key', 'window_start'])
    .execute()
  await db.schema.createIndex('rate_counts_expiry').on('rate_counts').column('expires_at').execute()
  await db.schema
    .createTable('attempts')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('failures', int, (column) => column.notNull())
    .addColumn('blocked_until', int, (column) => column.notNull())
    .addColumn('trusted_until', int, (column) => column.notNull())
    .addColumn('expires_at', int, (column) => column.notNull())
    .execute()
  await db.schema.createIndex('attempts_expiry').on('attempts').column('expires_at').execute()
}
