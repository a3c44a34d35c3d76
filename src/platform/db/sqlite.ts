/**
 * SQLite through bun:sqlite. The driver is synchronous, so waiting for another writer inside SQLite would stop the
 * whole event loop; `busy_timeout` is therefore zero where transactions begin, and the wait happens here, in turns of
 * the event loop. Kysely hands out the only connection of a handle to one user at a time.
 */
import { Database as SqliteDatabase, SQLiteError, type SQLQueryBindings } from 'bun:sqlite'
import {
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely'
import type { Db, Schema } from '../../core/kernel/schema.ts'
import { onDatabaseFile } from './sqlite-errors.ts'

const BUSY_DEADLINE = 20_000
const BUSY_PAUSE = 4
/** Below `busy_timeout` for single statements and commits, which another process holds up for a moment at most. */
const STATEMENT_BUSY_TIMEOUT = 5_000

/** One open SQLite connection and the Kysely handle over it. */
export interface SqliteHandle {
  db: Db
  raw: SqliteDatabase
}

/**
 * Opens a SQLite file: WAL, `synchronous=FULL`, foreign keys on. A reader refuses every write. Here and in every statement a
 * disk or file that refuses becomes `storage_unavailable`.
 */
export function openSqlite(path: string, role: 'writer' | 'reader'): SqliteHandle {
  const raw = onDatabaseFile(() => openFile(path, role))
  return { db: new Kysely<Schema>({ dialect: new SqliteDialect(raw) }), raw }
}

function openFile(path: string, role: 'writer' | 'reader'): SqliteDatabase {
  const raw = new SqliteDatabase(path, { create: role === 'writer', readwrite: true, strict: true })
  try {
    configure(raw, role)
  } catch (error) {
    raw.close()
    throw error
  }
  return raw
}

function configure(raw: SqliteDatabase, role: 'writer' | 'reader'): void {
  raw.run(`PRAGMA busy_timeout = ${STATEMENT_BUSY_TIMEOUT}`)
  raw.run('PRAGMA journal_mode = WAL')
  raw.run('PRAGMA synchronous = FULL')
  raw.run('PRAGMA foreign_keys = ON')
  raw.run('PRAGMA temp_store = MEMORY')
  raw.run('PRAGMA cache_size = -32000')
  if (role === 'reader') {
    raw.run('PRAGMA query_only = ON')
  }
}

class SqliteDialect implements Dialect {
  readonly #raw: SqliteDatabase

  constructor(raw: SqliteDatabase) {
    this.#raw = raw
  }

  createDriver(): Driver {
    return new BunSqliteDriver(this.#raw)
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler()
  }

  createAdapter(): SqliteAdapter {
    return new TransactionalDdlAdapter()
  }

  createIntrospector(db: Kysely<Schema>): SqliteIntrospector {
    return new SqliteIntrospector(db)
  }
}

/** SQLite does roll back DDL, so a migration that is interrupted leaves nothing behind. */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class BunSqliteDriver implements Driver {
  readonly #raw: SqliteDatabase
  readonly #connection: BunSqliteConnection

  constructor(raw: SqliteDatabase) {
    this.#raw = raw
    this.#connection = new BunSqliteConnection(raw)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection
  }

  async beginTransaction(): Promise<void> {
    const deadline = performance.now() + BUSY_DEADLINE
    this.#raw.run('PRAGMA busy_timeout = 0')
    try {
      while (!this.#tryBegin()) {
        if (performance.now() > deadline) {
          throw new Error('The database stayed locked by another writer.')
        }
        await Bun.sleep(BUSY_PAUSE)
      }
    } finally {
      this.#raw.run(`PRAGMA busy_timeout = ${STATEMENT_BUSY_TIMEOUT}`)
    }
  }

  /** `immediate` takes the write lock at once: a transaction that reads first could not be upgraded later. */
  #tryBegin(): boolean {
    try {
      onDatabaseFile(() => this.#raw.run('BEGIN IMMEDIATE'))
      return true
    } catch (error) {
      if (error instanceof SQLiteError && error.code?.startsWith('SQLITE_BUSY')) {
        return false
      }
      throw error
    }
  }

  async commitTransaction(): Promise<void> {
    onDatabaseFile(() => this.#raw.run('COMMIT'))
  }

  async rollbackTransaction(): Promise<void> {
    // SQLite ends the transaction by itself after some errors, such as a full disk.
    if (this.#raw.inTransaction) {
      this.#raw.run('ROLLBACK')
    }
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#raw.close()
  }
}

class BunSqliteConnection implements DatabaseConnection {
  readonly #raw: SqliteDatabase

  constructor(raw: SqliteDatabase) {
    this.#raw = raw
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    return onDatabaseFile(() => this.#execute<Row>(query))
  }

  #execute<Row>(query: CompiledQuery): QueryResult<Row> {
    const statement = this.#raw.query(query.sql)
    const parameters = query.parameters as SQLQueryBindings[]
    if (statement.columnNames.length > 0) {
      const rows = statement.all(...parameters) as Row[]
      return { rows, numAffectedRows: BigInt(rows.length) }
    }
    const { changes, lastInsertRowid } = statement.run(...parameters)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }

  async *streamQuery<Row>(query: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    const statement = this.#raw.query(query.sql)
    for (const row of statement.iterate(...(query.parameters as SQLQueryBindings[]))) {
      yield { rows: [row as Row] }
    }
  }
}
