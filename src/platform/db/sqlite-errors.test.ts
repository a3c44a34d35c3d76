import { Database as SqliteDatabase } from 'bun:sqlite'
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { scratchDirectory } from '../../../test/kit/database.ts'
import { openSqlite } from './sqlite.ts'
import { onDatabaseFile } from './sqlite-errors.ts'

let directory: string
let path: string
beforeEach(() => {
  directory = scratchDirectory('errors')
  path = join(directory, 'test.db')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

test('a statement that finds no room fails as unavailable storage and is rolled back', async () => {
  const { db, raw } = openSqlite(path, 'writer')
  raw.run('CREATE TABLE notes (body TEXT)')
  raw.run('PRAGMA max_page_count = 10')

  const writing = db.transaction().execute(async (tx) => {
    await sql`insert into notes values ('small')`.execute(tx)
    await sql`insert into notes values (${'x'.repeat(100_000)})`.execute(tx)
  })
  await expect(writing).rejects.toMatchObject({
    code: 'storage_unavailable',
    kind: 'unavailable',
    details: { problem: 'the disk is full' },
    cause: { code: 'SQLITE_FULL' },
  })

  expect(raw.query('SELECT count(*) AS count FROM notes').get()).toEqual({ count: 0 })
  raw.run('PRAGMA max_page_count = 100000')
  await sql`insert into notes values (${'x'.repeat(100_000)})`.execute(db)
  await db.destroy()
})

test('a file that is no database, or lies where none can be made, is unavailable storage', () => {
  writeFileSync(path, 'this is not a database '.repeat(100))

  expect(() => openSqlite(path, 'writer')).toThrow(/the database file is damaged$/)
  expect(() => openSqlite(join(directory, 'absent', 'test.db'), 'writer')).toThrow(/the database file cannot be opened$/)
})

test('a file with foreign bytes in it is unavailable storage when it is read', async () => {
  const { db, raw } = openSqlite(path, 'writer')
  raw.run('CREATE TABLE notes (body TEXT)')
  raw.query('INSERT INTO notes VALUES (?)').run('x'.repeat(50_000))
  raw.run('PRAGMA wal_checkpoint(TRUNCATE)')
  await db.destroy()
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.fill(0xa5, 4096))

  const reader = openSqlite(path, 'reader')
  await expect(sql`select body from notes`.execute(reader.db)).rejects.toMatchObject({
    code: 'storage_unavailable',
    details: { problem: 'the database file is damaged' },
  })
  await reader.db.destroy()
})

test('other failures pass as they are', () => {
  const raw = new SqliteDatabase(':memory:')

  expect(() => onDatabaseFile(() => raw.run('SELECT * FROM nowhere'))).toThrow('no such table: nowhere')
  expect(() =>
    onDatabaseFile(() => {
      throw new TypeError('a bug')
    }),
  ).toThrow(TypeError)
  raw.close()
})
