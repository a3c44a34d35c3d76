import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { scratchDirectory } from '../../../test/kit/database.ts'
import { openSqliteDatabase } from './database.ts'
import { migrate } from './migrate.ts'

test('sources from before get a path of their own in their organization, and everything is private', async () => {
  const directory = scratchDirectory('migration')
  const database = openSqliteDatabase(join(directory, 'old.db'))
  const { write } = database
  await migrate(database, '0014-sync-records')
  const organization = { revision: 1, modified_at: 1, created_at: 1 }
  const names = ['one', 'two'].map((slug) => ({ ...organization, uid: slug, slug, name: slug, parent_id: null }))
  const created = await write.insertInto('organizations').values(names).returning('id').execute()
  const urls = [
    'https://a/x/Http.git',
    'git@b:y/http.git',
    'https://c/http/',
    'artifact://acme/http',
    'https://d/7',
    'https://e/%20',
  ]
  const rows = created.flatMap(({ id }) =>
    urls.map((url, index) => ({
      uid: `${id}-${index}`,
      organization_id: id,
      kind: 'vcs' as const,
      url,
      credential_id: null,
      state: 'ready' as const,
      default_branch: null,
      sync_revision: 1,
      problem_code: null,
      problem: null,
      synced_at: null,
      created_at: 1,
    })),
  )
  await write.insertInto('sources').values(rows).execute()

  await migrate(database)

  const found = await write.selectFrom('sources').select(['path', 'visibility', 'archive_access']).orderBy('id').execute()
  const seen = await write.selectFrom('organizations').select('visibility').execute()
  await database.close()
  rmSync(directory, { recursive: true, force: true })
  const paths = ['http', 'http-2', 'http-3', 'http-4', 'source-7', 'source-20']
  expect(found.map(({ path }) => path)).toEqual([...paths, ...paths])
  expect(new Set(found.map((row) => `${row.visibility} ${row.archive_access}`))).toEqual(new Set(['private members']))
  expect(seen.map(({ visibility }) => visibility)).toEqual(['private', 'private'])
})
