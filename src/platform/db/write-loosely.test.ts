import { afterEach, beforeEach, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { scratchDirectory } from '../../../test/kit/database.ts'
import { openSqliteDatabase, type Database } from './database.ts'

let directory: string
let databases: Database[]
beforeEach(async () => {
  directory = scratchDirectory('loosely')
  databases = [1, 2].map(() => openSqliteDatabase(join(directory, 'data.sqlite')))
  await sql`CREATE TABLE notes (text TEXT)`.execute(databases[0]?.write as Database['write'])
})
afterEach(async () => {
  for (const database of databases) await database.close()
  rmSync(directory, { recursive: true, force: true })
})

const note = (text: string) => (db: Database['write']) => sql`INSERT INTO notes VALUES (${text})`.execute(db)
const level = async ({ write }: Database) =>
  (await sql<{ synchronous: number }>`PRAGMA synchronous`.execute(write)).rows[0]?.synchronous

test('what is written loosely is there for everybody, and whatever follows is written in full again', async () => {
  const [one, other] = databases as [Database, Database]

  await one.writeLoosely(note('a'))
  await expect(one.writeLoosely((db) => sql`INSERT INTO nothing VALUES (1)`.execute(db))).rejects.toThrow()

  expect((await sql<{ text: string }>`SELECT text FROM notes`.execute(other.read)).rows).toEqual([{ text: 'a' }])
  expect(await level(one)).toBe(2)
})

test('another writer is waited for without stopping the event loop', async () => {
  const [one, other] = databases as [Database, Database]
  const held = Promise.withResolvers<void>()
  const holding = other.write.transaction().execute(async (tx) => {
    await note('held')(tx)
    await held.promise
  })
  await Bun.sleep(5)

  const writing = one.writeLoosely(note('waited'))
  const began = performance.now()
  await Bun.sleep(20)
  const waited = performance.now() - began
  held.resolve()
  await Promise.all([holding, writing])

  expect(waited).toBeLessThan(1_000)
  expect((await sql<{ text: string }>`SELECT text FROM notes`.execute(one.read)).rows).toHaveLength(2)
})
