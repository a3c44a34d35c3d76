import type { Db } from '../../core/kernel/schema.ts'
import { openPostgres } from '../db/postgres.ts'
import { openSqlite } from '../db/sqlite.ts'

/** Where a database is: the file of the embedded one, or the URL of a server. */
export type DatabasePlace = { kind: 'sqlite'; path: string } | { kind: 'postgres'; url: string }

/**
 * Runs `read` on one unchanging state of a database, over a connection of its own that refuses writes; others go on writing meanwhile. On
 * SQLite it is a read transaction on the log, on PostgreSQL one with REPEATABLE READ.
 */
export async function readSnapshot<Result>(place: DatabasePlace, read: (db: Db) => Promise<Result>): Promise<Result> {
  return place.kind === 'sqlite' ? readSqlite(place.path, read) : readPostgres(place.url, read)
}

async function readSqlite<Result>(path: string, read: (db: Db) => Promise<Result>): Promise<Result> {
  const { db, raw } = openSqlite(path, 'reader')
  try {
    raw.run('BEGIN')
    // The state is fixed by the first statement that reads, not by BEGIN.
    raw.query('SELECT count(*) FROM sqlite_schema').get()
    return await read(db)
  } finally {
    if (raw.inTransaction) {
      raw.run('ROLLBACK')
    }
    await db.destroy()
  }
}

async function readPostgres<Result>(url: string, read: (db: Db) => Promise<Result>): Promise<Result> {
  const { db } = openPostgres(url, 1, () => {})
  try {
    return await db
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute((tx) => read(tx))
  } finally {
    await db.destroy()
  }
}
