import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { scratchDirectory } from '../../../test/kit/database.ts'
import { openSqliteDatabase } from './database.ts'
import { migrate } from './migrate.ts'

test('what exists before there are mirrors is private: its names and vendors are reserved for the organization at the top', async () => {
  const directory = scratchDirectory('migration')
  const database = openSqliteDatabase(join(directory, 'old.db'))
  const { write } = database
  await migrate(database, '0016-credential-health')
  await sql`insert into organizations (id, uid, slug, name, parent_id, revision, modified_at, created_at)
    values (1, 'a', 'acme', 'Acme', null, 1, 1, 1), (2, 'b', 'team', 'Team', 1, 1, 1, 1)`.execute(write)
  await sql`insert into sources (id, uid, organization_id, kind, url, state, sync_revision, created_at)
    values (1, 's', 1, 'vcs', 'https://a/x.git', 'ready', 1, 1), (2, 't', 2, 'vcs', 'https://a/y.git', 'ready', 1, 1)`.execute(
    write,
  )
  await sql`insert into packages (uid, organization_id, source_id, name, type, description, revision, modified_at, created_at)
    values ('1', 1, 1, 'acme/http_2.x', 'library', '', 1, 1, 5), ('2', 2, 2, 'acme/http_2.x', 'library', '', 1, 1, 4),
           ('3', 2, 2, 'other-vendor/log', 'library', '', 1, 1, 6)`.execute(write)

  await migrate(database)

  const rows = await write
    .selectFrom('name_reservations')
    .select(['organization_id', 'pattern', 'kind', 'created_at'])
    .orderBy('pattern')
    .execute()
  await database.close()
  rmSync(directory, { recursive: true, force: true })
  expect(rows.map((row) => Object.values(row).join(' '))).toEqual([
    '1 acme/* vendor 4',
    '1 acme/http_2.x name 4',
    '1 other-vendor/* vendor 6',
    '1 other-vendor/log name 6',
  ])
})
