import { Migrator, type Migration } from 'kysely/migration'
import type { Database } from './database.ts'
import * as foundation from './migrations/0001-foundation.ts'
import * as hooks from './migrations/0002-hooks.ts'
import * as artifacts from './migrations/0003-artifacts.ts'
import * as access from './migrations/0004-access.ts'
import * as vcsSystems from './migrations/0005-vcs-systems.ts'
import * as sourceKinds from './migrations/0006-source-kinds.ts'
import * as outgoingHooks from './migrations/0007-outgoing-hooks.ts'
import * as mail from './migrations/0008-mail.ts'
import * as statisticsAudit from './migrations/0009-statistics-audit.ts'
import * as rateLimits from './migrations/0010-rate-limits.ts'
import * as accounts from './migrations/0011-accounts.ts'
import * as organizations from './migrations/0012-organizations.ts'
import * as syncRecords from './migrations/0014-sync-records.ts'
import * as visibility from './migrations/0015-visibility.ts'
import * as credentialHealth from './migrations/0016-credential-health.ts'
import * as mirrors from './migrations/0017-mirrors.ts'
import * as advisories from './migrations/0018-advisories.ts'
import * as protocol from './migrations/0019-protocol.ts'

/** Every migration in order. Names are never changed and entries never removed once released. */
const MIGRATIONS = {
  '0001-foundation': foundation,
  '0002-hooks': hooks,
  '0003-artifacts': artifacts,
  '0004-access': access,
  '0005-vcs-systems': vcsSystems,
  '0006-source-kinds': sourceKinds,
  '0007-outgoing-hooks': outgoingHooks,
  '0008-mail': mail,
  '0009-statistics-audit': statisticsAudit,
  '0010-rate-limits': rateLimits,
  '0011-accounts': accounts,
  '0012-organizations': organizations,
  '0014-sync-records': syncRecords,
  '0015-visibility': visibility,
  '0016-credential-health': credentialHealth,
  '0017-mirrors': mirrors,
  '0018-advisories': advisories,
  '0019-protocol': protocol,
} as const

/** The names of all migrations of this release in order. */
export function listMigrations(): string[] {
  return Object.keys(MIGRATIONS)
}

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
 * With `last` it stops after that migration. Throws `DatabaseTooNew` rather than touching a newer schema.
 */
export async function migrate(database: Database, last?: string): Promise<string[]> {
  await refuseNewerSchema(database)
  const migrations: Record<string, Migration> = {}
  for (const [name, { up }] of Object.entries(MIGRATIONS)) {
    migrations[name] = { up: (db) => up(db, database.flags) }
  }
  const migrator = new Migrator({ db: database.write, provider: { getMigrations: async () => migrations } })
  const { error, results } = await (last === undefined ? migrator.migrateToLatest() : migrator.migrateTo(last))
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
