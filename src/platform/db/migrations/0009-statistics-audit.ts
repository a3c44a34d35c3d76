import type { Kysely } from 'kysely'
import type { EventsTable } from '../../../core/kernel/schema.ts'
import type { DialectFlags } from '../dialect.ts'

interface Tables {
  events: EventsTable
}

const ROWS_PER_STEP = 5_000
const IDS_PER_STATEMENT = 500

/** Who downloads, what could not be counted, and the ways into the events. */
export async function up(db: Kysely<unknown>, flags: DialectFlags): Promise<void> {
  const int = flags.integer
  await db.schema
    .createIndex('download_counts_day')
    .on('download_counts')
    .columns(['package_id', 'day', 'kind', 'count'])
    .execute()
  await db.schema
    .createTable('audience_counts')
    .addColumn('package_id', int, (column) => column.notNull().references('packages.id').onDelete('cascade'))
    .addColumn('day', 'text', (column) => column.notNull())
    .addColumn('audience', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('count', int, (column) => column.notNull())
    .addPrimaryKeyConstraint('audience_counts_key', ['package_id', 'day', 'audience', 'kind'])
    .execute()
  await db.schema
    .createTable('unknown_installs')
    .addColumn('organization_id', int, (column) => column.notNull().references('organizations.id').onDelete('cascade'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('count', int, (column) => column.notNull())
    .addColumn('last_at', int, (column) => column.notNull())
    .addPrimaryKeyConstraint('unknown_installs_key', ['organization_id', 'name'])
    .execute()
  await db.schema.alterTable('events').addColumn('package_id', int).execute()
  await fillPackages(db as unknown as Kysely<Tables>)
  await indexEvents(db)
}

async function indexEvents(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex('events_type').on('events').columns(['organization_id', 'type', 'id']).execute()
  await db.schema.createIndex('events_time').on('events').column('created_at').execute()
  await db.schema
    .createIndex('events_package')
    .on('events')
    .columns(['organization_id', 'package_id', 'id'])
    .where('package_id' as never, 'is not', null)
    .execute()
  await db.schema
    .createIndex('events_actor')
    .on('events')
    .columns(['organization_id', 'actor_kind', 'actor_id', 'id'])
    .where('actor_id' as never, 'is not', null)
    .execute()
}

/** Events say in their data which package they are about; the column says it to an index. */
async function fillPackages(db: Kysely<Tables>): Promise<void> {
  let after = 0
  for (;;) {
    const rows = await db
      .selectFrom('events')
      .select(['id', 'data'])
      .where('id', '>', after as never)
      .orderBy('id')
      .limit(ROWS_PER_STEP)
      .execute()
    const byPackage = new Map<number, (typeof rows)[number]['id'][]>()
    for (const { id, data } of rows) {
      const { package: about } = JSON.parse(data) as { package?: unknown }
      if (typeof about === 'number') {
        byPackage.set(about, [...(byPackage.get(about) ?? []), id])
      }
      after = id
    }
    for (const [about, ids] of byPackage) {
      for (let start = 0; start < ids.length; start += IDS_PER_STATEMENT) {
        await db
          .updateTable('events')
          .set({ package_id: about as never })
          .where('id', 'in', ids.slice(start, start + IDS_PER_STATEMENT))
          .execute()
      }
    }
    if (rows.length < ROWS_PER_STEP) {
      return
    }
  }
}
