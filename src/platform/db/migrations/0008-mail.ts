import type { Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

/** Mails to be sent, and what administrators are told by mail. */
export async function up(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('mails')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('organization_id', int, (column) => column.references('organizations.id').onDelete('cascade'))
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('recipient', 'text', (column) => column.notNull())
    .addColumn('content', 'text')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('problem', 'text')
    .addColumn('created_at', int, (column) => column.notNull())
    .addColumn('ended_at', int)
    .execute()
  await db.schema.createIndex('mails_recipient').on('mails').columns(['recipient', 'created_at']).execute()
  await db.schema.createIndex('mails_created').on('mails').column('created_at').execute()
  await db.schema.createIndex('mails_organization').on('mails').column('organization_id').execute()
  await db.schema
    .createTable('notices')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('organization_id', int, (column) => column.notNull().references('organizations.id').onDelete('cascade'))
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('created_at', int, (column) => column.notNull())
    .addColumn('sent_at', int)
    .addUniqueConstraint('notices_subject', ['organization_id', 'kind', 'subject'])
    .execute()
  await db.schema
    .createTable('notice_mutes')
    .addColumn('organization_id', int, (column) => column.notNull().unique().references('organizations.id').onDelete('cascade'))
    .addColumn('created_at', int, (column) => column.notNull())
    .execute()
}
