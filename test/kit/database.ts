/**
 * A database of its own for every test: a copy of a migrated template. `REPERTOIRE_TEST_DATABASE=postgres` runs the same
 * suites on the PostgreSQL at `TEST_POSTGRES_URL`; otherwise they run on SQLite files in memory-backed storage.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { openPostgresDatabase, openSqliteDatabase, type Database } from '../../src/platform/db/database.ts'
import { migrate } from '../../src/platform/db/migrate.ts'

export type DatabaseKind = 'sqlite' | 'postgres'

/** The kind of database that this run is about. */
export const testDatabaseKind: DatabaseKind = process.env['REPERTOIRE_TEST_DATABASE'] === 'postgres' ? 'postgres' : 'sqlite'

export interface TestDatabase {
  kind: DatabaseKind
  database: Database
  /** Opens the same database once more, as another process or thread would. */
  openAnother(): Database
  /** Closes every handle and removes the database. */
  drop(): Promise<void>
}

/** A directory in memory if the machine has one, so that tests do not measure its disk. */
export function scratchDirectory(prefix: string): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `repertoire-${prefix}-`))
}

export async function createTestDatabase(kind: DatabaseKind = testDatabaseKind): Promise<TestDatabase> {
  return kind === 'postgres' ? createPostgresTestDatabase() : createSqliteTestDatabase()
}

let sqliteTemplate: Promise<string> | null = null

async function buildSqliteTemplate(): Promise<string> {
  const directory = scratchDirectory('template')
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'template.db')
  const database = openSqliteDatabase(path)
  await migrate(database)
  await database.close()
  return path
}

async function createSqliteTestDatabase(): Promise<TestDatabase> {
  sqliteTemplate ??= buildSqliteTemplate()
  const directory = scratchDirectory('db')
  const path = join(directory, 'test.db')
  copyFileSync(await sqliteTemplate, path)
  const open: Database[] = []
  const openAnother = () => {
    const database = openSqliteDatabase(path)
    open.push(database)
    return database
  }
  return {
    kind: 'sqlite',
    database: openAnother(),
    openAnother,
    async drop() {
      await closeAll(open)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function closeAll(open: Database[]): Promise<void> {
  for (const database of open.splice(0)) {
    await database.close()
  }
}

let postgresTemplate: Promise<string> | null = null
let postgresCount = 0

function postgresUrl(database: string): string {
  const base = process.env['TEST_POSTGRES_URL']
  if (base === undefined) {
    throw new Error('TEST_POSTGRES_URL is not set; `npm test` starts a PostgreSQL and sets it.')
  }
  const url = new URL(base)
  url.pathname = `/${database}`
  return url.href
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl('postgres') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

function onIdleError(error: Error): void {
  throw error
}

async function buildPostgresTemplate(): Promise<string> {
  const name = `template_${process.pid}`
  await administer(`DROP DATABASE IF EXISTS "${name}"`)
  await administer(`CREATE DATABASE "${name}"`)
  const database = openPostgresDatabase(postgresUrl(name), 2, onIdleError)
  await migrate(database)
  await database.close()
  return name
}

/** A database is emptied and used again so many times; making one takes half a second, emptying one some milliseconds. */
const USES = 40

interface Reusable {
  name: string
  uses: number
}

const idle: Reusable[] = []

async function takePostgresDatabase(): Promise<Reusable> {
  const reusable = idle.pop()
  if (reusable !== undefined) {
    return { ...reusable, uses: reusable.uses + 1 }
  }
  postgresTemplate ??= buildPostgresTemplate()
  postgresCount += 1
  const name = `test_${process.pid}_${postgresCount}`
  await administer(`CREATE DATABASE "${name}" TEMPLATE "${await postgresTemplate}"`)
  return { name, uses: 1 }
}

async function returnPostgresDatabase(taken: Reusable): Promise<void> {
  if (taken.uses < USES && (await emptyPostgresDatabase(taken.name))) {
    idle.push(taken)
  } else {
    await administer(`DROP DATABASE "${taken.name}" WITH (FORCE)`)
  }
}

const TABLES = `select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%' order by 1`
const SEQUENCES = `select setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) from pg_sequences`

let knownTables: string | null = null

/** Leaves a database as it was made: without rows, and with ids that start anew. False when a test changed the tables themselves. */
async function emptyPostgresDatabase(name: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: postgresUrl(name) })
  await client.connect()
  try {
    const { rows } = await client.query<{ tablename: string }>(TABLES)
    const tables = rows.map(({ tablename }) => tablename)
    knownTables ??= tables.join()
    if (tables.join() !== knownTables) {
      return false
    }
    const deletions = tables.map((table) => `delete from "${table}";`).join('')
    await client.query(
      `begin; set local lock_timeout = '2s'; set local session_replication_role = replica; ${deletions} ${SEQUENCES}; commit`,
    )
    return true
  } catch {
    // Somebody still holds it, such as a child process that a test left to itself.
    return false
  } finally {
    await client.end()
  }
}

async function createPostgresTestDatabase(): Promise<TestDatabase> {
  const taken = await takePostgresDatabase()
  const open: Database[] = []
  const openAnother = () => {
    const database = openPostgresDatabase(postgresUrl(taken.name), 8, onIdleError)
    open.push(database)
    return database
  }
  return {
    kind: 'postgres',
    database: openAnother(),
    openAnother,
    async drop() {
      await closeAll(open)
      await returnPostgresDatabase(taken)
    },
  }
}
