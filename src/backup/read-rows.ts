import manifest from '../../package.json'
import type { App } from '../compose.ts'
import type { Db } from '../core/kernel/schema.ts'
import type { DatabasePlace } from '../platform/backup/snapshot.ts'
import { keyFingerprint } from '../platform/crypto/secret-key.ts'
import { BACKUP_FORMAT, type BackupManifest } from './backup-documents.ts'
import { BACKUP_TABLES, TRANSIENT_SETTINGS, type BackupTable } from './backup-tables.ts'
import { countRows, readTables, selectLastIds, selectMigrations, selectRows, type Row } from './rows.sql.ts'

const PART = 4 * 1024 * 1024
const SETTINGS: BackupTable = { name: 'settings', key: ['key'] }

/** What a snapshot of an installation's database holds. */
export async function describeSnapshot(
  app: App,
  db: Db,
  { kind, key }: { kind: DatabasePlace['kind']; key: Uint8Array },
): Promise<BackupManifest> {
  const stored = await readTables(db)
  const lastIds = await selectLastIds(db, kind)
  const tables: BackupManifest['tables'] = []
  for (const table of BACKUP_TABLES) {
    const columns = stored.get(table.name)?.map(({ name }) => name) ?? []
    const transient = table.name === 'settings' ? await countTransient(db, columns) : 0
    const rows = (await countRows(db, table.name)) - transient
    tables.push({ name: table.name, columns, rows, lastId: columns.includes('id') ? (lastIds.get(table.name) ?? 0) : 0 })
  }
  return {
    format: BACKUP_FORMAT,
    product: 'repertoire',
    version: manifest.version,
    id: app.ports.newId(),
    createdAt: app.ports.clock.now(),
    database: kind,
    migrations: await selectMigrations(db),
    keyFingerprint: keyFingerprint(key),
    tables,
  }
}

async function countTransient(db: Db, columns: readonly string[]): Promise<number> {
  let count = 0
  for await (const rows of selectRows(db, SETTINGS, columns)) {
    count += rows.length - withoutTransient(SETTINGS, columns, rows).length
  }
  return count
}

/** The rows of a table without settings that describe a process. */
export function withoutTransient({ name }: BackupTable, columns: readonly string[], rows: readonly Row[]): readonly Row[] {
  const key = columns.indexOf('key')
  return name === 'settings' ? rows.filter((row) => !TRANSIENT_SETTINGS.includes(String(row[key]))) : rows
}

/** The rows of a table as a backup holds them: one JSON array per line, in parts of some megabytes because a member's size stands first. */
export function readParts(db: Db, table: BackupTable, columns: readonly string[]): AsyncGenerator<RowPart, void, undefined> {
  return toParts(readBackupRows(db, table, columns))
}

/** Some rows of a table. */
export interface RowPart {
  bytes: Uint8Array
  rows: number
  /** Counted from 1. */
  part: number
}

async function* readBackupRows(
  db: Db,
  table: BackupTable,
  columns: readonly string[],
): AsyncGenerator<readonly Row[], void, undefined> {
  const blank = (table.blank ?? []).map((name) => columns.indexOf(name))
  for await (const rows of selectRows(db, table, columns)) {
    const kept = withoutTransient(table, columns, rows)
    yield blank.length === 0 ? kept : kept.map((row) => row.map((cell, index) => (blank.includes(index) ? null : cell)))
  }
}

async function* toParts(batches: AsyncIterable<readonly Row[]>): AsyncGenerator<RowPart, void, undefined> {
  let lines: string[] = []
  let length = 0
  let part = 0
  for await (const rows of batches) {
    for (const row of rows) {
      const line = `${JSON.stringify(row)}\n`
      lines.push(line)
      length += line.length
    }
    if (length >= PART) {
      part += 1
      yield { bytes: Buffer.from(lines.join('')), rows: lines.length, part }
      lines = []
      length = 0
    }
  }
  if (lines.length > 0) {
    yield { bytes: Buffer.from(lines.join('')), rows: lines.length, part: part + 1 }
  }
}
