import { sql, type Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

/** What tokens that were issued before scopes existed could do. */
const READ = '["composer","organization:read","package:read"]'
const UPDATE =
  '["composer","organization:read","package:read","package:write","package:delete","source:read","source:write","source:delete","mirror:read","hook:read","hook:write","statistics:read"]'

/** Scopes, address limits and rotation of tokens; descriptions, rules and deletion of organizations; disabled users. */
export async function up(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  for (const name of ['previous_hash', 'scopes', 'scope_labels', 'addresses'] as const) {
    await db.schema.alterTable('tokens').addColumn(name, 'text').execute()
  }
  await db.schema.alterTable('tokens').addColumn('previous_until', int).execute()
  await db.schema
    .alterTable('tokens')
    .addColumn('created_by', int, (column) => column.references('users.id').onDelete('set null'))
    .execute()
  await sql`update tokens set scopes = case when access = 'update' then ${UPDATE} else ${READ} end`.execute(db)
  await db.schema.alterTable('tokens').dropColumn('access').execute()
  await db.schema.createIndex('tokens_previous_hash').on('tokens').column('previous_hash').execute()
  await db.schema.createIndex('tokens_user').on('tokens').column('user_id').execute()
  await db.schema.createIndex('members_user').on('members').column('user_id').execute()
  await db.schema.alterTable('users').addColumn('disabled_at', int).execute()
  await db.schema.alterTable('organizations').addColumn('description', 'text').execute()
  await db.schema
    .alterTable('organizations')
    .addColumn('member_access', 'text', (column) => column.notNull().defaultTo('all'))
    .execute()
  await db.schema.alterTable('organizations').addColumn('deleted_at', int).execute()
}
