import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Db, Schema } from '../../core/kernel/schema.ts'

const INT8 = 20
const NUMERIC = 1700

/** A pool of PostgreSQL connections and the Kysely handle over it. */
export interface PostgresHandle {
  db: Db
  pool: pg.Pool
}

/**
 * Opens a pool towards PostgreSQL 14 or newer. 64-bit integers and sums arrive as numbers: ids and times stay far below 2^53.
 * Errors of idle connections are given to `onError` instead of ending the process.
 */
export function openPostgres(url: string, connections: number, onError: (error: Error) => void): PostgresHandle {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: 10_000,
    application_name: 'repertoire',
    types: {
      getTypeParser(oid: number, format?: 'text' | 'binary') {
        if (oid === INT8 || oid === NUMERIC) {
          return Number
        }
        return pg.types.getTypeParser(oid, format as 'text')
      },
    } as pg.CustomTypesConfig,
  })
  pool.on('error', onError)
  return { db: new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }), pool }
}
