import type { Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

type AnyDb = Kysely<unknown>

/** Incoming hooks with their receipts, and what the reconciler knows of each source. */
export async function up(db: AnyDb, flags: DialectFlags): Promise<void> {
  await addReconciling(db, flags)
  const int = flags.integer
  await db.schema
    .createTable('hooks')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('source_id', int, (column) => column.notNull().unique().references('sources.id').onDelete('cascade'))
    .addColumn('secret', 'text', (column) => column.notNull())
    .addColumn('previous_secret', 'text')
    .addColumn('previous_until', int)
    .addColumn('created_at', int, (column) => column.notNull())
    .addColumn('rotated_at', int)
    .execute()
  await db.schema
    .createTable('hook_receipts')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('source_id', int, (column) => column.notNull().references('sources.id').onDelete('cascade'))
    .addColumn('provider', 'text', (column) => column.notNull())
    .addColumn('delivery_id', 'text')
    .addColumn('event', 'text')
    .addColumn('outcome', 'text', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('job_id', int)
    .addColumn('body_sha256', 'text')
    .addColumn('received_at', int, (column) => column.notNull())
    .execute()
  await db.schema.createIndex('hook_receipts_source').on('hook_receipts').columns(['source_id', 'id']).execute()
  await db.schema.createIndex('hook_receipts_received').on('hook_receipts').column('received_at').execute()
  // Only deliveries that had their effect: whoever sends one of these again gets no second one.
  await db.schema
    .createIndex('hook_receipts_delivery')
    .on('hook_receipts')
    .columns(['source_id', 'provider', 'delivery_id'])
    .unique()
    .where('reason' as never, 'is', null)
    .execute()
}

/** Sources that are there already are due at once; the reconciler takes them in portions. */
async function addReconciling(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  const table = () => db.schema.alterTable('sources')
  await table().addColumn('sync_interval_seconds', int).execute()
  await table()
    .addColumn('next_sync_at', int, (column) => column.notNull().defaultTo(0))
    .execute()
  await table()
    .addColumn('overdue_syncs', int, (column) => column.notNull().defaultTo(0))
    .execute()
  for (const name of ['changed_since', 'changed_at', 'hooked_at', 'hook_seen_at', 'hook_missed_at']) {
    await table().addColumn(name, int).execute()
  }
  await db.schema.createIndex('sources_next_sync').on('sources').column('next_sync_at').execute()
}
