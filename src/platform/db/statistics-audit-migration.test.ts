import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import type { Kysely } from 'kysely'
import { join } from 'node:path'
import { scratchDirectory } from '../../../test/kit/database.ts'
import { openSqliteDatabase } from './database.ts'
import * as foundation from './migrations/0001-foundation.ts'
import * as statisticsAudit from './migrations/0009-statistics-audit.ts'

test('events from before get the package that they are about', async () => {
  const directory = scratchDirectory('migration')
  const database = openSqliteDatabase(join(directory, 'old.db'))
  const { write, flags } = database
  await foundation.up(write as unknown as Kysely<unknown>, flags)
  const rows = Array.from({ length: 6_000 }, (_, index) => ({
    uid: `event-${index}`,
    type: 'version.published',
    organization_id: 1 as never,
    actor_kind: 'system',
    actor_id: null,
    origin: '{}',
    data: index % 2 === 0 ? `{"package":${(index % 3) + 1},"name":"acme/http"}` : '{"source":7}',
    created_at: 1,
  }))
  for (let start = 0; start < rows.length; start += 500) {
    await write
      .insertInto('events')
      .values(rows.slice(start, start + 500) as never)
      .execute()
  }

  await statisticsAudit.up(write as unknown as Kysely<unknown>, flags)

  const found = await write.selectFrom('events').select(['uid', 'package_id']).orderBy('id').execute()
  await database.close()
  rmSync(directory, { recursive: true, force: true })
  expect(found.slice(0, 6).map((row) => row.package_id as number | null)).toEqual([1, null, 3, null, 2, null])
  expect(found.filter((row) => row.package_id !== null)).toHaveLength(3_000)
})
