import type { Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

/** Outgoing hooks and what was or is to be delivered to them. */
export async function up(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('webhooks')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('organization_id', int, (column) => column.notNull().references('organizations.id').onDelete('cascade'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('url', 'text', (column) => column.notNull())
    .addColumn('secret', 'text', (column) => column.notNull())
    .addColumn('previous_secret', 'text')
    .addColumn('previous_until', int)
    .addColumn('events', 'text')
    .addColumn('package_globs', 'text')
    .addColumn('is_active', int, (column) => column.notNull())
    .addColumn('failing_since', int)
    .addColumn('disabled_reason', 'text')
    .addColumn('created_at', int, (column) => column.notNull())
    .execute()
  await db.schema.createIndex('webhooks_organization').on('webhooks').columns(['organization_id', 'id']).execute()
  await db.schema
    .createTable('webhook_deliveries')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    // No reference: somebody who removes a hook must not make a transaction fail that is about to write deliveries to it.
    .addColumn('webhook_id', int, (column) => column.notNull())
    .addColumn('event_uid', 'text')
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('attempts', int, (column) => column.notNull())
    .addColumn('next_attempt_at', int, (column) => column.notNull())
    .addColumn('attempted_at', int)
    .addColumn('status', int)
    .addColumn('answer', 'text')
    .addColumn('problem', 'text')
    .addColumn('duration', int)
    .addColumn('created_at', int, (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('webhook_deliveries_order')
    .on('webhook_deliveries')
    .columns(['webhook_id', 'state', 'id'])
    .execute()
  await db.schema.createIndex('webhook_deliveries_log').on('webhook_deliveries').columns(['webhook_id', 'id']).execute()
  await db.schema.createIndex('webhook_deliveries_created').on('webhook_deliveries').column('created_at').execute()
}
