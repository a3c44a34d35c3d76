import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { createTestDatabase, type TestDatabase } from '../../test/kit/database.ts'
import { BACKUP_TABLES, keyOf, LEFT_OUT } from './backup-tables.ts'
import { readTables, type Column } from './rows.sql.ts'

let scratch: TestDatabase
let stored: Map<string, Column[]>

beforeAll(async () => {
  scratch = await createTestDatabase('sqlite')
  stored = await readTables(scratch.database.read)
})
afterAll(() => scratch.drop())

function ownTables(): string[] {
  return [...stored.keys()].filter((name) => !name.startsWith('kysely_')).toSorted()
}

async function foreignKeys(table: string): Promise<{ table: string; from: string }[]> {
  const { rows } = await sql<{ table: string; from: string }>`
    select "table", "from" from pragma_foreign_key_list(${table})`.execute(scratch.database.read)
  return rows
}

/** The primary key, and the columns of each unique index that are never null. */
async function uniqueKeys(table: string): Promise<string[]> {
  const { rows } = await sql<{ name: string; origin: string; columns: string }>`
    select 'primary' as name, group_concat(name, ' ') as columns from
      (select name from pragma_table_info(${table}) where pk > 0 order by name)
    union all
    select list.name, (select group_concat(name, ' ') from (select info.name from pragma_index_info(list.name) info
      join pragma_table_info(${table}) col on col.name = info.name and col."notnull" = 1 order by info.name)) as columns
    from pragma_index_list(${table}) list where list."unique" = 1 and list.partial = 0`.execute(scratch.database.read)
  return rows.map(({ columns }) => columns)
}

describe('the list of tables in a backup', () => {
  test('decides about every table: a new one belongs into BACKUP_TABLES, or into LEFT_OUT with the reason', () => {
    const decided = [...BACKUP_TABLES.map(({ name }) => name), ...Object.keys(LEFT_OUT)].toSorted()

    expect(ownTables().filter((name) => !decided.includes(name))).toEqual([])
    expect(decided.filter((name) => !ownTables().includes(name))).toEqual([])
    expect(decided).toEqual([...new Set(decided)])
  })

  test('names each table behind those that it refers to, and none that refers to a table that is left out', async () => {
    const before = new Set<string>()
    const problems: string[] = []
    for (const { name } of BACKUP_TABLES) {
      before.add(name)
      for (const key of await foreignKeys(name)) {
        if (!before.has(key.table)) {
          problems.push(`${name}.${key.from} refers to ${key.table}, which is not before it`)
        }
      }
    }

    expect(problems).toEqual([])
  })

  test('orders the rows of each table by columns that are never null and unique together', async () => {
    for (const table of BACKUP_TABLES) {
      const key = [...keyOf(table)].toSorted().join(' ')

      expect({ table: table.name, unique: await uniqueKeys(table.name) }).toEqual({
        table: table.name,
        unique: expect.arrayContaining([key]),
      })
    }
  })

  test('blanks only columns that may be null', async () => {
    for (const { name, blank = [] } of BACKUP_TABLES) {
      const { rows } = await sql<{ name: string }>`
        select name from pragma_table_info(${name}) where "notnull" = 1`.execute(scratch.database.read)

      expect(rows.map((row) => row.name).filter((column) => blank.includes(column))).toEqual([])
    }
  })

  test('knows the kind of every column', () => {
    const kinds = BACKUP_TABLES.flatMap(({ name }) => stored.get(name) ?? []).map(({ type }) => type)

    expect([...new Set(kinds)].toSorted()).toEqual(['integer', 'text'])
  })
})
