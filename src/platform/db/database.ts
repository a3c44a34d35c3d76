import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type pg from 'pg'
import type { Db } from '../../core/kernel/schema.ts'
import { postgresFlags, sqliteFlags, type DialectFlags } from './dialect.ts'
import { openPostgres } from './postgres.ts'
import { openSqlite } from './sqlite.ts'

/** How stale a revision read from a shared database server may be, in milliseconds: well within one second (domain.md §3). */
const SERVER_STAMP_AGE = 400

/** The open database with its two sides. */
export interface Database {
  /** Statements that only read. */
  readonly read: Db
  /** Statements and transactions that write. */
  readonly write: Db
  /** As `write`, for single statements whose effect may be lost when the machine crashes: nobody waits for the disk. */
  writeLoosely<Result>(work: (db: Db) => Promise<Result>): Promise<Result>
  readonly flags: DialectFlags
  /**
   * A value that changes when something may have been committed. While it stays the same, whatever was read is still true:
   * on SQLite as of the beginning of this turn of the event loop (any process, any thread; own commits at once), within 0.4
   * seconds on a database server.
   */
  stamp(): number
  /** Tells the stamp that this process committed something. */
  touched(): void
  /** Calls back whenever a process has enqueued jobs, at the latest 0.25 seconds after the commit. Returns the unsubscriber. */
  onJobs(wake: () => void): () => void
  /** Tells other processes that jobs were enqueued; called after the commit. */
  announceJobs(): void
  /** Megabytes or connections for `/metrics`; a cheap query that fails when the database is away. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** Opens the SQLite file, creating it and its folder when they are absent. */
export function openSqliteDatabase(path: string): Database {
  mkdirSync(dirname(path), { recursive: true })
  const writer = openSqlite(path, 'writer')
  const reader = openSqlite(path, 'reader')
  const version = reader.raw.query<{ data_version: number }, []>('PRAGMA data_version')
  const { stamp, forget } = oncePerTurn(() => version.get()?.data_version ?? 0)
  return {
    read: reader.db,
    write: writer.db,
    // While it has the connection to itself. Whatever is written in full afterwards takes it to the disk, too. The transaction is what lets the wait for
    // another writer happen in turns of the event loop.
    writeLoosely: (work) =>
      writer.db.connection().execute(async (db) => {
        writer.raw.run('PRAGMA synchronous = NORMAL')
        try {
          return await db.transaction().execute(work)
        } finally {
          writer.raw.run('PRAGMA synchronous = FULL')
        }
      }),
    flags: sqliteFlags,
    stamp,
    touched: forget,
    onJobs: (wake) => pollForJobs(wake, stamp),
    announceJobs: announceToThreads,
    async ping() {
      reader.raw.query('SELECT 1').get()
    },
    async close() {
      await reader.db.destroy()
      // Statements that were not collected yet keep a closed connection alive, and its log with it.
      writer.raw.run('PRAGMA wal_checkpoint(PASSIVE)')
      await writer.db.destroy()
    },
  }
}

/**
 * Reads a value at most once per turn of the event loop. The version of the database costs a quarter of the time of an answer from
 * memory, and requests that arrived together may share one reading.
 */
function oncePerTurn(read: () => number): { stamp: () => number; forget: () => void } {
  let known: number | null = null
  const forget = (): void => {
    known = null
  }
  return {
    stamp() {
      if (known === null) {
        known = read()
        setImmediate(forget)
      }
      return known
    },
    forget,
  }
}

const CHANNEL = 'repertoire-jobs'
const POOL_CLOSING = 2_000
const POLL_INTERVAL = 100

function announceToThreads(): void {
  const channel = new BroadcastChannel(CHANNEL)
  channel.postMessage('wake')
  channel.close()
}

/** Threads of one process hear each other at once; other processes are noticed by the change that they committed. */
function pollForJobs(wake: () => void, stamp: () => number): () => void {
  const channel = new BroadcastChannel(CHANNEL)
  channel.onmessage = wake
  channel.unref()
  let seen = stamp()
  const timer = setInterval(() => {
    const current = stamp()
    if (current !== seen) {
      seen = current
      wake()
    }
  }, POLL_INTERVAL)
  timer.unref()
  return () => {
    clearInterval(timer)
    channel.close()
  }
}

/** Opens PostgreSQL. Nothing is sent until the first statement. */
export function openPostgresDatabase(url: string, connections: number, onError: (error: Error) => void): Database {
  const { db, pool } = openPostgres(url, connections, onError)
  const announcements = new Set<Promise<unknown>>()
  let commits = 0
  return {
    read: db,
    write: db,
    writeLoosely: (work) => work(db),
    flags: postgresFlags,
    stamp: () => Math.floor(performance.now() / SERVER_STAMP_AGE) + commits,
    touched() {
      commits += 1_000_003
    },
    onJobs: (wake) => listenForJobs(pool, wake, onError),
    announceJobs() {
      const sent: Promise<unknown> = pool
        .query(`NOTIFY "${CHANNEL}"`)
        .catch(onError)
        .finally(() => announcements.delete(sent))
      announcements.add(sent)
    },
    async ping() {
      await pool.query('SELECT 1')
    },
    async close() {
      await Promise.allSettled(announcements)
      await endPool(pool, db)
    },
  }
}

/** Ends the pool and waits until the server was told by each connection: `end` alone returns before its sockets are closed. */
async function endPool(pool: pg.Pool, db: Db): Promise<void> {
  const closing = Promise.withResolvers<void>()
  let left = pool.totalCount
  pool.on('remove', () => {
    left -= 1
    if (left <= 0) {
      closing.resolve()
    }
  })
  if (left === 0) {
    closing.resolve()
  }
  await db.destroy()
  if (!pool.ending) {
    await pool.end()
  }
  await Promise.race([closing.promise, Bun.sleep(POOL_CLOSING)])
}

/** Holds one connection for LISTEN and opens it again when it breaks; the runner's own polling covers the gap. */
function listenForJobs(pool: pg.Pool, wake: () => void, onError: (error: Error) => void): () => void {
  let stopped = false
  let client: pg.PoolClient | null = null
  let retry: ReturnType<typeof setTimeout> | null = null

  function lost(error: Error): void {
    client?.release(error)
    client = null
    if (!stopped) {
      onError(error)
      retry = setTimeout(() => void connect(), 1000)
      retry.unref()
    }
  }

  async function connect(): Promise<void> {
    try {
      const opened = await pool.connect()
      if (stopped) {
        opened.release()
        return
      }
      client = opened
      opened.on('error', lost)
      opened.on('notification', wake)
      await opened.query(`LISTEN "${CHANNEL}"`)
      wake()
    } catch (error) {
      lost(error instanceof Error ? error : new Error(String(error)))
    }
  }

  void connect()
  return () => {
    stopped = true
    if (retry !== null) {
      clearTimeout(retry)
    }
    client?.release(true)
    client = null
  }
}
