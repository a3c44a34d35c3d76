import type { Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

/** When credentials of sources end, and how long hosts that limit requests are left alone. */
export async function up(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema.alterTable('credentials').addColumn('expires_at', int).execute()
  await db.schema.alterTable('credentials').addColumn('expiry_read_at', int).execute()
  await db.schema
    .createTable('source_pauses')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('paused_until', int, (column) => column.notNull())
    .addColumn('strikes', int, (column) => column.notNull())
    .execute()
}
