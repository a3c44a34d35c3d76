import type { ColumnDefinitionBuilder } from 'kysely'

/**
 * What the databases do differently, as capabilities. Statements and migrations ask these and never
 * the vendor's name.
 */
export interface DialectFlags {
  /** Column type of ids, instants and counts. */
  readonly integer: 'integer' | 'bigint'
  /** Makes a column the primary key whose values the database hands out and never reuses. */
  identity(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder
  /** Several writers work at once, so a claim must lock its row and skip rows locked by others. */
  readonly concurrentWriters: boolean
}

/** Capabilities of SQLite. */
export const sqliteFlags: DialectFlags = {
  integer: 'integer',
  identity: (column) => column.primaryKey().autoIncrement(),
  concurrentWriters: false,
}

/** Capabilities of PostgreSQL. */
export const postgresFlags: DialectFlags = {
  integer: 'bigint',
  identity: (column) => column.primaryKey().generatedByDefaultAsIdentity(),
  concurrentWriters: true,
}
