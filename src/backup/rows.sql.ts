import { sql } from 'kysely'
import type { Db } from '../core/kernel/schema.ts'
import { keyOf, type BackupTable } from './backup-tables.ts'

/** A value as both databases return it. */
export type Cell = string | number | null

/** A row in the order of a list of columns. */
export type Row = readonly Cell[]

/** A column as the database describes it. */
export interface Column {
  name: string
  type: string
}

const FIRST_BATCH = 20
const LARGEST_BATCH = 400
/** Characters that a batch should have. */
const BATCH_LENGTH = 1024 * 1024
/** Values of one statement; the lower limit of the two databases is 32,766. */
const VALUES_PER_STATEMENT = 8_000

/** Every table of the database with its columns, those of the migrator included. */
export async function readTables(db: Db): Promise<Map<string, Column[]>> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  return new Map(
    tables.map(({ name, columns }) => [
      name,
      columns.map((column) => ({ name: column.name, type: column.dataType.toLowerCase() })),
    ]),
  )
}

/** The names of the applied migrations in order. */
export async function selectMigrations(db: Db): Promise<string[]> {
  const rows = await db
    .selectFrom('kysely_migration' as never)
    .select('name' as never)
    .orderBy('name' as never)
    .execute()
  return (rows as { name: string }[]).map(({ name }) => name)
}

/** The number of rows. */
export async function countRows(db: Db, table: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(db)
  return Number(rows[0]?.count ?? 0)
}

/** Whether a table has a row. */
export async function hasRows(db: Db, table: string): Promise<boolean> {
  const { rows } = await sql`select 1 as found from ${sql.table(table)} limit 1`.execute(db)
  return rows.length > 0
}

/** All rows in the order of the table's key, read in batches of bounded size. */
export async function* selectRows(
  db: Db,
  table: BackupTable,
  columns: readonly string[],
): AsyncGenerator<Row[], void, undefined> {
  const key = keyOf(table)
  const positions = key.map((name) => columns.indexOf(name))
  let after: Row | null = null
  let limit = FIRST_BATCH
  for (;;) {
    const rows: Row[] = await selectAfter(db, { table: table.name, columns, key, after, limit })
    const last = rows.at(-1)
    if (last === undefined) {
      return
    }
    yield rows
    after = positions.map((position) => last[position] ?? null)
    limit = Math.max(1, Math.min(LARGEST_BATCH, Math.floor((limit * BATCH_LENGTH) / (1 + lengthOf(rows)))))
  }
}

function lengthOf(rows: readonly Row[]): number {
  let length = 0
  for (const row of rows) {
    for (const cell of row) {
      length += typeof cell === 'string' ? cell.length : 8
    }
  }
  return length
}

interface Slice {
  table: string
  columns: readonly string[]
  key: readonly string[]
  after: Row | null
  limit: number
}

async function selectAfter(db: Db, { table, columns, key, after, limit }: Slice): Promise<Row[]> {
  const order = sql.join(key.map((name) => sql.ref(name)))
  const rest = after === null ? sql`` : sql`where (${order}) > (${sql.join([...after])})`
  const { rows } = await sql<Record<string, Cell>>`
    select ${sql.join(columns.map((name) => sql.ref(name)))} from ${sql.table(table)} ${rest}
    order by ${order} limit ${limit}`.execute(db)
  return rows.map((row) => columns.map((name) => row[name] ?? null))
}

/** Inserts rows as they are, ids included. */
export async function insertRows(db: Db, table: string, { columns, rows }: { columns: readonly string[]; rows: readonly Row[] }) {
  const perStatement = Math.max(1, Math.floor(VALUES_PER_STATEMENT / columns.length))
  const names = sql.join(columns.map((name) => sql.ref(name)))
  for (let start = 0; start < rows.length; start += perStatement) {
    const tuples = rows.slice(start, start + perStatement).map((row) => sql`(${sql.join([...row])})`)
    await sql`insert into ${sql.table(table)} (${names}) values ${sql.join(tuples)}`.execute(db)
  }
}

/** The SHA-256 of every archive that a row names, once each and in order. */
export async function* selectBlobNames(db: Db): AsyncGenerator<string[], void, undefined> {
  // Backups of earlier releases have no such column, and SQLite would take its name for a text.
  const canRetire = (await readTables(db)).get('dists')?.some(({ name }) => name === 'retired_at') === true
  const named = db.selectFrom('dists').select('sha256').distinct().orderBy('sha256').limit(LARGEST_BATCH)
  const kept = canRetire ? named.where('retired_at', 'is', null) : named
  let after = ''
  for (;;) {
    const rows = await kept.where('sha256', '>', after).execute()
    const names = rows.flatMap(({ sha256 }) => (sha256 === null ? [] : [sha256]))
    if (names.length === 0) {
      return
    }
    yield names
    after = names.at(-1) ?? after
  }
}

/** The uids of all sources, which name their mirrors. */
export async function selectMirrors(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('sources').select('uid').orderBy('id').execute()
  return rows.map(({ uid }) => uid)
}

/** The highest id that each table ever handed out, also for rows that are gone. */
export async function selectLastIds(db: Db, kind: 'sqlite' | 'postgres'): Promise<Map<string, number>> {
  const { rows } =
    kind === 'sqlite'
      ? await sql<{ name: string; last: number }>`select name, seq as last from sqlite_sequence`.execute(db)
      : await sql<{ name: string; last: number }>`
          select left(sequencename, -7) as name, last_value as last from pg_sequences
          where schemaname = current_schema() and sequencename like '%\_id\_seq' and last_value is not null`.execute(db)
  return new Map(rows.map(({ name, last }) => [name, Number(last)]))
}

/** Makes a table hand out ids above `last`, and above all that it has. */
export async function setLastId(
  db: Db,
  kind: 'sqlite' | 'postgres',
  { table, last }: { table: string; last: number },
): Promise<void> {
  const { rows } = await sql<{ highest: number | null }>`select max(id) as highest from ${sql.table(table)}`.execute(db)
  const highest = Math.max(last, Number(rows[0]?.highest ?? 0))
  if (highest < 1) {
    return
  }
  if (kind === 'postgres') {
    await sql`select setval(pg_get_serial_sequence(${table}, 'id'), ${highest}::bigint)`.execute(db)
    return
  }
  await sql`delete from sqlite_sequence where name = ${table}`.execute(db)
  await sql`insert into sqlite_sequence (name, seq) values (${table}, ${highest})`.execute(db)
}
