import type { ColumnDefinitionBuilder, Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

function ofUser(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder {
  return column.notNull().references('users.id').onDelete('cascade')
}

/** Sessions, one-time links, second factors and passkeys of people. */
export async function up(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema.alterTable('users').addColumn('email_verified_at', int).execute()
  await db.schema
    .createTable('sessions')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('user_id', int, ofUser)
    .addColumn('secret_hash', 'text', (column) => column.notNull().unique())
    .addColumn('agent', 'text')
    .addColumn('address', 'text')
    .addColumn('created_at', int, (column) => column.notNull())
    .addColumn('seen_at', int, (column) => column.notNull())
    .addColumn('confirmed_at', int, (column) => column.notNull())
    .addColumn('expires_at', int, (column) => column.notNull())
    .execute()
  await db.schema.createIndex('sessions_user').on('sessions').column('user_id').execute()
  await db.schema.createIndex('sessions_expiry').on('sessions').column('expires_at').execute()
  await db.schema
    .createTable('account_links')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('purpose', 'text', (column) => column.notNull())
    .addColumn('secret_hash', 'text', (column) => column.notNull().unique())
    .addColumn('user_id', int, (column) => column.references('users.id').onDelete('cascade'))
    .addColumn('email', 'text')
    .addColumn('created_at', int, (column) => column.notNull())
    .addColumn('expires_at', int, (column) => column.notNull())
    .execute()
  await db.schema.createIndex('account_links_user').on('account_links').column('user_id').execute()
  await db.schema.createIndex('account_links_expiry').on('account_links').column('expires_at').execute()
  await createFactors(db, flags)
}

async function createFactors(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('totp_secrets')
    .addColumn('user_id', int, (column) => ofUser(column).primaryKey())
    .addColumn('secret', 'text', (column) => column.notNull())
    .addColumn('last_step', int, (column) => column.notNull())
    .addColumn('created_at', int, (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('recovery_codes')
    .addColumn('user_id', int, ofUser)
    .addColumn('code_hash', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('recovery_codes_key', ['user_id', 'code_hash'])
    .execute()
  await db.schema
    .createTable('passkeys')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('user_id', int, ofUser)
    .addColumn('credential_id', 'text', (column) => column.notNull().unique())
    .addColumn('public_key', 'text', (column) => column.notNull())
    .addColumn('counter', int, (column) => column.notNull())
    .addColumn('transports', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('created_at', int, (column) => column.notNull())
    .addColumn('last_used_at', int)
    .execute()
  await db.schema.createIndex('passkeys_user').on('passkeys').column('user_id').execute()
  await db.schema
    .createTable('used_challenges')
    .addColumn('challenge_hash', 'text', (column) => column.primaryKey())
    .addColumn('expires_at', int, (column) => column.notNull())
    .execute()
}
