/**
 * One server per data directory. The lock is an exclusive transaction on a small SQLite file: the operating system lets go of it
 * when the process ends, however it ends, and no stale file can keep the next start away.
 */
import { Database as SqliteDatabase } from 'bun:sqlite'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Another server works on the data directory. */
export class DataDirectoryInUse extends Error {
  constructor(directory: string, holder: string | null) {
    super(
      `Another server${holder === null ? '' : ` (process ${holder})`} works on ${directory}. ` +
        'Stop it first, or give this one its own REPERTOIRE_DATA; several servers share work over PostgreSQL.',
    )
    this.name = 'DataDirectoryInUse'
  }
}

/** A held lock. */
export interface DataLock {
  release(): void
}

/** Takes the lock of a data directory for this process, or returns null when another process has it. */
export function tryLockData(directory: string): DataLock | null {
  const database = new SqliteDatabase(join(directory, 'serve.lock'), { create: true, readwrite: true })
  try {
    database.run('PRAGMA busy_timeout = 0')
    database.run('BEGIN EXCLUSIVE')
  } catch {
    database.close()
    return null
  }
  writeFileSync(holderPath(directory), `${process.pid}\n`)
  return {
    release() {
      database.run('ROLLBACK')
      database.close()
    },
  }
}

/** As `tryLockData`, but throws `DataDirectoryInUse` with the process that has the lock. */
export function lockData(directory: string): DataLock {
  const lock = tryLockData(directory)
  if (lock === null) {
    throw new DataDirectoryInUse(directory, readHolder(directory))
  }
  return lock
}

function holderPath(directory: string): string {
  return join(directory, 'serve.pid')
}

function readHolder(directory: string): string | null {
  try {
    return readFileSync(holderPath(directory), 'utf8').trim()
  } catch {
    return null
  }
}
