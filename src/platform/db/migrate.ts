import { Migrator, type Migration } from 'kysely/migration'
import type { Database } from './database.ts'
import * as foundation from './migrations/0001-foundation.ts'
import * as hooks from './migrations/0002-hooks.ts'
import * as artifacts from './migrations/0003-artifacts.ts'

/** Every migration in order. Names are never changed and entries never removed once released. */
const MIGRATIONS = {
  '0001-foundation': foundation,
  '0002-hooks': hooks,
  '0003-artifacts': artifacts,
} as const

/** The database was written by a newer release; nothing was changed. */
export class DatabaseTooNew extends Error {
  constructor(unknown: string) {
    super(
      `The database was migrated by a newer release ("${unknown}" is not known here). Start that release again, or restore a backup made before the upgrade.`,
    )
    this.name = 'DatabaseTooNew'
  }
}

/**
 * Brings the schema up to this release, each migration in a transaction of its own kind: interrupted, it leaves the old
 * state and is run again. Processes that start together wait for each other. Returns the names that were applied.
 * Throws `DatabaseTooNew` rather than touching a newer schema.
 */
export async function migrate(database: Database): Promise<string[]> {
  await refuseNewerSchema(database)
  const migrations: Record<string, Migration> = {}
  for (const [name, { up }] of Object.entries(MIGRATIONS)) {
    migrations[name] = { up: (db) => up(db, database.flags) }
  }
  const migrator = new Migrator({ db: database.write, provider: { getMigrations: async () => migrations } })
  const { error, results } = await migrator.migrateToLatest()
  if (error !== undefined) {
    throw error
  }
  return (results ?? []).map((result) => result.migrationName)
}

async function refuseNewerSchema(database: Database): Promise<void> {
  const tables = await database.write.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some((table) => table.name === 'kysely_migration')) {
    return
  }
  const applied = await database.write
    .selectFrom('kysely_migration' as never)
    .select('name' as never)
    .execute()
  for (const { name } of applied as { name: string }[]) {
    if (!(name in MIGRATIONS)) {
      throw new DatabaseTooNew(name)
    }
  }
}
