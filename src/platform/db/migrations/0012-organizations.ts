import type { ColumnDefinitionBuilder, Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

type Reference = (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder

const required: Reference = (column) => column.notNull()

function belongsTo(table: string): Reference {
  return (column) => column.notNull().references(`${table}.id`).onDelete('cascade')
}

/** Teams with their members, packages and sources; teams in suborganizations; invitations. */
export async function up(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  await createTeams(db, flags)
  await createInvitations(db, flags)
  await db.schema.createIndex('organizations_deleted').on('organizations').column('deleted_at').execute()
}

async function createTeams(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('teams')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('organization_id', int, belongsTo('organizations'))
    .addColumn('name', 'text', required)
    .addColumn('permissions', 'text', required)
    .addColumn('all_packages', int, required)
    .addColumn('created_at', int, required)
    .addUniqueConstraint('teams_name', ['organization_id', 'name'])
    .execute()
  // Leaving the organization takes a person out of its teams, whoever deletes the row of the member.
  await db.schema
    .createTable('team_members')
    .addColumn('team_id', int, belongsTo('teams'))
    .addColumn('organization_id', int, required)
    .addColumn('user_id', int, required)
    .addColumn('created_at', int, required)
    .addPrimaryKeyConstraint('team_members_key', ['team_id', 'user_id'])
    .addForeignKeyConstraint(
      'team_members_member',
      ['organization_id', 'user_id'],
      'members',
      ['organization_id', 'user_id'],
      (constraint) => constraint.onDelete('cascade'),
    )
    .execute()
  await db.schema.createIndex('team_members_user').on('team_members').columns(['user_id', 'organization_id']).execute()
  await db.schema
    .createTable('team_packages')
    .addColumn('team_id', int, belongsTo('teams'))
    .addColumn('name', 'text', required)
    .addColumn('created_at', int, required)
    .addPrimaryKeyConstraint('team_packages_key', ['team_id', 'name'])
    .execute()
  await db.schema
    .createTable('team_sources')
    .addColumn('source_id', int, belongsTo('sources'))
    .addColumn('team_id', int, belongsTo('teams'))
    .addPrimaryKeyConstraint('team_sources_key', ['source_id', 'team_id'])
    .execute()
  await db.schema.createIndex('team_sources_team').on('team_sources').column('team_id').execute()
  await db.schema
    .createTable('organization_teams')
    .addColumn('organization_id', int, belongsTo('organizations'))
    .addColumn('team_id', int, belongsTo('teams'))
    .addColumn('role', 'text', required)
    .addColumn('created_at', int, required)
    .addPrimaryKeyConstraint('organization_teams_key', ['organization_id', 'team_id'])
    .execute()
  await db.schema.createIndex('organization_teams_team').on('organization_teams').column('team_id').execute()
}

async function createInvitations(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createTable('invitations')
    .addColumn('id', int, (column) => flags.identity(column))
    .addColumn('uid', 'text', (column) => column.notNull().unique())
    .addColumn('organization_id', int, belongsTo('organizations'))
    .addColumn('email', 'text', required)
    .addColumn('role', 'text', required)
    .addColumn('teams', 'text', required)
    .addColumn('secret_hash', 'text', (column) => column.notNull().unique())
    .addColumn('invited_by', int, (column) => column.references('users.id').onDelete('cascade'))
    .addColumn('mailed', int, required)
    .addColumn('created_at', int, required)
    .addColumn('expires_at', int, required)
    .addColumn('accepted_at', int)
    .addColumn('accepted_by', int, (column) => column.references('users.id').onDelete('set null'))
    .addColumn('cancelled_at', int)
    .execute()
  await db.schema
    .createIndex('invitations_open')
    .on('invitations')
    .columns(['organization_id', 'email'])
    .unique()
    .where('accepted_at' as never, 'is', null)
    .where('cancelled_at' as never, 'is', null)
    .execute()
  await db.schema.createIndex('invitations_organization').on('invitations').columns(['organization_id', 'id']).execute()
  await db.schema.createIndex('invitations_inviter').on('invitations').column('invited_by').execute()
}
