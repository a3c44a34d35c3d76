/**
 * The child process of `migrate.test.ts`: migrates the database at a place, and kills itself before the n-th statement it
 * sends when the third argument is a number. Prints the migrations that it applied.
 */
import { Database as SqliteDatabase } from 'bun:sqlite'
import { writeSync } from 'node:fs'
import pg from 'pg'
import { openPostgresDatabase, openSqliteDatabase } from '../../src/platform/db/database.ts'
import { migrate } from '../../src/platform/db/migrate.ts'

const [kind = '', location = '', limit = ''] = process.argv.slice(2)
let statements = 0

function count(): void {
  statements += 1
  if (limit !== '' && statements >= Number(limit)) {
    process.kill(process.pid, 'SIGKILL')
  }
}

/** Counts what goes through a driver below everything of the product. */
function countCalls(prototype: object, name: string): void {
  const original = Reflect.get(prototype, name) as (...values: unknown[]) => unknown
  Reflect.set(prototype, name, function counted(this: unknown, ...values: unknown[]) {
    count()
    return original.apply(this, values)
  })
}

countCalls(SqliteDatabase.prototype, 'query')
countCalls(pg.Client.prototype, 'query')

function fail(error: Error): void {
  throw error
}

const database = kind === 'postgres' ? openPostgresDatabase(location, 2, fail) : openSqliteDatabase(location)
const applied = await migrate(database)
writeSync(1, `${JSON.stringify({ applied, statements })}\n`)
await database.close()
// A process that used PostgreSQL would live on for two more seconds.
process.exit(0)
