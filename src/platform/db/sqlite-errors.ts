import { SQLiteError } from 'bun:sqlite'
import { DomainError } from '../../core/kernel/errors.ts'

/** What operators can do something about, by the beginning of SQLite's name for the error. */
const PROBLEMS: readonly [code: string, problem: string][] = [
  ['SQLITE_FULL', 'the disk is full'],
  ['SQLITE_IOERR', 'the disk reports an error'],
  ['SQLITE_READONLY', 'the database file is read-only'],
  ['SQLITE_CANTOPEN', 'the database file cannot be opened'],
  ['SQLITE_CORRUPT', 'the database file is damaged'],
  ['SQLITE_NOTADB', 'the database file is damaged'],
]

/** Runs an operation on the file; when the disk or the file refuses it, throws `storage_unavailable` with SQLite's error as cause. */
export function onDatabaseFile<Result>(operation: () => Result): Result {
  try {
    return operation()
  } catch (error) {
    throw toStorageError(error) ?? error
  }
}

function toStorageError(error: unknown): DomainError | null {
  const code = error instanceof SQLiteError ? error.code : undefined
  const known = PROBLEMS.find(([prefix]) => code?.startsWith(prefix) === true)
  return known === undefined ? null : new DomainError('storage_unavailable', { problem: known[1] }, error)
}
