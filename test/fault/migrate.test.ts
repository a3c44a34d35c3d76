/** Abuse 53 and 61: migrations that are cut off, that start twice at once, and that meet a newer schema. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import pg from 'pg'
import { scratchDirectory, type DatabaseKind } from '../kit/database.ts'
import { openPostgresDatabase, openSqliteDatabase, type Database } from '../../src/platform/db/database.ts'
import { DatabaseTooNew, migrate } from '../../src/platform/db/migrate.ts'
import { configOf, openInstallation } from './installation.ts'

const KILLS = 20
/** Statements that only the first start sends: they make the tables in which migrations are noted. */
const BOOKKEEPING = 4
const CHILD = join(import.meta.dir, 'migrate-child.ts')
const MIGRATIONS = readdirSync(join(import.meta.dir, '../../src/platform/db/migrations'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace(/\.ts$/, ''))
  .sort()

let directory: string
const created: string[] = []
beforeEach(() => {
  directory = scratchDirectory('migrate')
})
afterEach(async () => {
  rmSync(directory, { recursive: true, force: true })
  for (const name of created.splice(0)) {
    await administer(`DROP DATABASE "${name}" WITH (FORCE)`)
  }
})

function serverUrl(name: string): string {
  const base = process.env['TEST_POSTGRES_URL']
  if (base === undefined) {
    throw new Error('TEST_POSTGRES_URL is not set; `npm test` starts a PostgreSQL and sets it.')
  }
  const url = new URL(base)
  url.pathname = `/${name}`
  return url.href
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl('postgres') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Where an empty database of that kind is. */
async function createEmpty(kind: DatabaseKind): Promise<string> {
  if (kind === 'sqlite') {
    return join(directory, `${crypto.randomUUID()}.db`)
  }
  const name = `migrate_${crypto.randomUUID()}`
  await administer(`CREATE DATABASE "${name}"`)
  created.push(name)
  return serverUrl(name)
}

function open(kind: DatabaseKind, location: string): Database {
  const fail = (error: Error) => {
    throw error
  }
  return kind === 'postgres' ? openPostgresDatabase(location, 2, fail) : openSqliteDatabase(location)
}

async function readSchema(kind: DatabaseKind, location: string): Promise<string[]> {
  const database = open(kind, location)
  const tables = await database.read.introspection.getTables({ withInternalKyselyTables: true })
  await database.close()
  return tables
    .flatMap((table) => table.columns.map((column) => `${table.name}.${column.name} ${column.dataType} ${column.isNullable}`))
    .sort()
}

function startChild(kind: DatabaseKind, location: string, limit = ''): Bun.Subprocess<'ignore', 'pipe', 'inherit'> {
  return Bun.spawn([process.execPath, CHILD, kind, location, limit], { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
}

async function expectApplied(
  child: Bun.Subprocess<'ignore', 'pipe', 'inherit'>,
): Promise<{ applied: string[]; statements: number }> {
  const printed = await child.stdout.text()
  expect(await child.exited).toBe(0)
  return JSON.parse(printed) as { applied: string[]; statements: number }
}

describe.each(['sqlite', 'postgres'] as const)('on %s', (kind) => {
  test('abuse 53: a migration that is killed twenty times leaves the old schema, and the next start completes it', async () => {
    const undisturbed = await createEmpty(kind)
    const { applied, statements } = await expectApplied(startChild(kind, undisturbed))
    expect(applied).toEqual(MIGRATIONS)
    const location = await createEmpty(kind)

    for (let kill = 1; kill <= KILLS; kill += 1) {
      const child = startChild(kind, location, String(Math.ceil(((statements - BOOKKEEPING) * kill) / KILLS)))
      await child.exited
      expect(child.signalCode).toBe('SIGKILL')
      const columns = await readSchema(kind, location)
      const isDone = columns.length === (await readSchema(kind, undisturbed)).length
      expect(isDone || columns.every((column) => column.startsWith('kysely_migration'))).toBe(true)
    }

    await expectApplied(startChild(kind, location))
    expect(await readSchema(kind, location)).toEqual(await readSchema(kind, undisturbed))
    expect((await expectApplied(startChild(kind, location))).applied).toEqual([])
  }, 60_000)

  test('processes that migrate at once make one schema and all succeed', async () => {
    const undisturbed = await createEmpty(kind)
    await expectApplied(startChild(kind, undisturbed))

    for (let round = 0; round < 4; round += 1) {
      const location = await createEmpty(kind)
      const results = await Promise.all([1, 2, 3].map(() => expectApplied(startChild(kind, location))))

      expect(results.flatMap((result) => result.applied)).toEqual(MIGRATIONS)
      expect(await readSchema(kind, location)).toEqual(await readSchema(kind, undisturbed))
    }
  }, 60_000)

  test('abuse 61: a database of a newer release is refused with a sentence and left as it is', async () => {
    const location = await createEmpty(kind)
    const database = open(kind, location)
    await migrate(database)
    await sql`insert into kysely_migration (name, timestamp) values ('0999-later', '2030-01-01T00:00:00.000Z')`.execute(
      database.write,
    )
    await sql`create table later (id integer)`.execute(database.write)
    await database.close()
    const before = await readSchema(kind, location)

    const older = open(kind, location)
    const failure: unknown = await migrate(older).catch((error: unknown) => error)
    await older.close()

    expect(failure).toBeInstanceOf(DatabaseTooNew)
    expect(String(failure)).toContain(
      'The database was migrated by a newer release ("0999-later" is not known here). Start that release again, or restore a backup',
    )
    expect(await readSchema(kind, location)).toEqual(before)
  })
})

test('abuse 61: an installation of a newer release is refused at the start and not one byte of its database changes', async () => {
  const app = await openInstallation(configOf(directory))
  await sql`insert into kysely_migration (name, timestamp) values ('0999-later', '2030-01-01T00:00:00.000Z')`.execute(
    app.ports.database.write,
  )
  await app.close()
  const read = () => readFileSync(join(directory, 'repertoire.db'))
  const before = { bytes: Bun.SHA256.hash(read(), 'hex'), files: readdirSync(directory) }

  await expect(openInstallation(configOf(directory))).rejects.toThrow(DatabaseTooNew)

  expect({ bytes: Bun.SHA256.hash(read(), 'hex'), files: readdirSync(directory) }).toEqual(before)
})
