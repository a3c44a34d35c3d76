/**
 * The proof that the rows of a backup are rows of this product: they are loaded into a database of their own, made for it in the temporary
 * directory, with the constraints of the schema that the backup names. What a restore writes afterwards is read from there.
 */
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteDatabase, type Database } from '../platform/db/database.ts'
import { listMigrations, migrate } from '../platform/db/migrate.ts'
import { InvalidBackup } from '../platform/backup/invalid-backup.ts'
import type { BackupManifest } from './backup-documents.ts'
import { BACKUP_TABLES } from './backup-tables.ts'
import { insertRows, readTables, type Column, type Row } from './rows.sql.ts'

const PREFIX = 'repertoire-backup-'
const ABANDONED_AFTER = 24 * 60 * 60 * 1000

/** A temporary database. */
export interface ScratchDatabase {
  database: Database
  /** Closes and removes it. */
  drop(): Promise<void>
}

/** Makes an empty temporary database with the schema of a backup. Throws `InvalidBackup` for a schema that this release does not know. */
export async function createScratchDatabase(manifest: BackupManifest): Promise<ScratchDatabase> {
  const known = listMigrations()
  const { migrations } = manifest
  const unknown = migrations.find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new InvalidBackup(`it was made by a newer release, ${manifest.version} ("${unknown}" is not known here).`)
  }
  if (migrations.some((name, index) => name !== known[index])) {
    throw new InvalidBackup('its list of migrations is not that of any release.')
  }
  await sweepAbandoned()
  const directory = await mkdtemp(join(tmpdir(), PREFIX))
  const database = openSqliteDatabase(join(directory, 'scratch.db'))
  async function drop(): Promise<void> {
    await database.close()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await migrate(database, migrations.at(-1))
    return { database, drop }
  } catch (error) {
    await drop()
    throw error
  }
}

/** Removes what processes that were killed more than a day ago left. Those of other users stay. */
async function sweepAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const path = join(tmpdir(), name)
    const found = name.startsWith(PREFIX) ? await lstat(path).catch(() => null) : null
    if (found?.isDirectory() === true && found.mtimeMs < Date.now() - ABANDONED_AFTER) {
      await rm(path, { recursive: true, force: true }).catch(() => {})
    }
  }
}

/** Takes the rows of a backup. */
export interface RowLoader {
  load(part: { table: string; lines: readonly string[] }): Promise<void>
  /** Throws `InvalidBackup` when a table has other rows than the manifest says. */
  finish(): void
}

/** Begins to load. Throws `InvalidBackup` unless tables and columns are exactly those of the schema that belong into a backup. */
export async function createRowLoader(database: Database, manifest: BackupManifest): Promise<RowLoader> {
  const stored = await readTables(database.write)
  requireTables(manifest, stored)
  const counts = new Map<string, number>()
  return {
    async load({ table, lines }) {
      const described = manifest.tables.find(({ name }) => name === table)
      const columns = stored.get(table) ?? []
      if (described === undefined) {
        throw new InvalidBackup(`it has rows of an unknown table "${table}".`)
      }
      const kinds = described.columns.map((name) => columns.find((column) => column.name === name)?.type ?? '')
      const before = counts.get(table) ?? 0
      const rows = lines.map((line, index) => parseRow(line, kinds, `${table}, row ${before + index + 1}`))
      await insert(database, table, { columns: described.columns, rows })
      counts.set(table, before + rows.length)
    },
    finish() {
      for (const { name, rows } of manifest.tables) {
        if ((counts.get(name) ?? 0) !== rows) {
          throw new InvalidBackup(`the table ${name} has ${counts.get(name) ?? 0} rows instead of ${rows}.`)
        }
      }
    },
  }
}

function requireTables(manifest: BackupManifest, stored: ReadonlyMap<string, Column[]>): void {
  const expected = BACKUP_TABLES.map(({ name }) => name).filter((name) => stored.has(name))
  const found = manifest.tables.map(({ name }) => name)
  const surplus = found.find((name, index) => !expected.some((known) => known === name) || found.indexOf(name) !== index)
  if (surplus !== undefined) {
    throw new InvalidBackup(`no backup has a table "${surplus}".`)
  }
  for (const name of expected) {
    const columns = manifest.tables.find((table) => table.name === name)?.columns
    if (columns === undefined) {
      throw new InvalidBackup(`the table ${name} is missing.`)
    }
    const wanted = stored.get(name)?.map((column) => column.name) ?? []
    if (columns.toSorted().join(' ') !== wanted.toSorted().join(' ')) {
      throw new InvalidBackup(`the table ${name} has other columns than in its release.`)
    }
  }
}

function parseRow(line: string, kinds: readonly string[], where: string): Row {
  let row: unknown
  try {
    row = JSON.parse(line)
  } catch {
    throw new InvalidBackup(`${where} is not JSON.`)
  }
  if (!Array.isArray(row) || row.length !== kinds.length || !row.every((cell, index) => isOfKind(cell, kinds[index] ?? ''))) {
    throw new InvalidBackup(`${where} does not have the values of its columns.`)
  }
  return row as Row
}

function isOfKind(cell: unknown, kind: string): boolean {
  if (cell === null) {
    return true
  }
  if (kind === 'integer') {
    return Number.isSafeInteger(cell)
  }
  return typeof cell === 'string' && kind === 'text' && !cell.includes('\0')
}

async function insert(
  database: Database,
  table: string,
  content: { columns: readonly string[]; rows: readonly Row[] },
): Promise<void> {
  try {
    await database.write.transaction().execute((tx) => insertRows(tx, table, content))
  } catch (error) {
    if (String((error as { code?: unknown }).code).startsWith('SQLITE_CONSTRAINT')) {
      throw new InvalidBackup(`rows of ${table} contradict the schema (${error instanceof Error ? error.message : ''}).`)
    }
    throw error
  }
}
