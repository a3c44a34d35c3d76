import { sql, type Kysely } from 'kysely'
import type { DialectFlags } from '../dialect.ts'

type AnyDb = Kysely<unknown>

/** Who sees organizations and sources besides members; paths of sources; tokens of sources and of jobs; versions that were deleted. */
export async function up(db: AnyDb, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  for (const table of ['organizations', 'sources']) {
    await db.schema
      .alterTable(table)
      .addColumn('visibility', 'text', (column) => column.notNull().defaultTo('private'))
      .execute()
  }
  await db.schema
    .alterTable('sources')
    .addColumn('archive_access', 'text', (column) => column.notNull().defaultTo('members'))
    .execute()
  await db.schema.alterTable('sources').addColumn('path', 'text').execute()
  await givePaths(db)
  await db.schema.createIndex('sources_path').on('sources').columns(['organization_id', 'path']).unique().execute()
  await db.schema
    .alterTable('tokens')
    .addColumn('source_id', int, (column) => column.references('sources.id').onDelete('cascade'))
    .execute()
  await db.schema.createIndex('tokens_source').on('tokens').column('source_id').execute()
  await db.schema
    .createTable('job_allowances')
    .addColumn('source_id', int, (column) => column.notNull().references('sources.id').onDelete('cascade'))
    .addColumn('allowed_source_id', int, (column) => column.notNull().references('sources.id').onDelete('cascade'))
    .addPrimaryKeyConstraint('job_allowances_key', ['source_id', 'allowed_source_id'])
    .execute()
  await db.schema.createIndex('job_allowances_allowed').on('job_allowances').column('allowed_source_id').execute()
  await db.schema
    .createTable('withdrawn_refs')
    .addColumn('source_id', int, (column) => column.notNull().references('sources.id').onDelete('cascade'))
    .addColumn('ref', 'text', (column) => column.notNull())
    .addColumn('created_at', int, (column) => column.notNull())
    .addPrimaryKeyConstraint('withdrawn_refs_key', ['source_id', 'ref'])
    .execute()
}

interface Row {
  id: number
  organization: number
  url: string
}

/** Every source is called by the last part of its URL; of several with the same the later ones get a number. */
async function givePaths(db: AnyDb): Promise<void> {
  const { rows } = await sql<Row>`select id, organization_id as organization, url from sources order by id`.execute(db)
  const taken = new Set<string>()
  for (const { id, organization, url } of rows) {
    const last = url.replace(/\/+$/, '').split(/[/:]/).at(-1) ?? ''
    const base =
      last
        .replace(/\.git$/i, '')
        .toLowerCase()
        .replaceAll(/[^a-z0-9._-]+/g, '-')
        .replaceAll(/^[-.]+|[-.]+$/g, '') || 'source'
    let path = /^\d+$/.test(base) ? `source-${base}` : base
    for (let number = 2; taken.has(`${organization} ${path}`); number += 1) {
      path = `${base}-${number}`
    }
    taken.add(`${organization} ${path}`)
    await sql`update sources set path = ${path} where id = ${id}`.execute(db)
  }
}
