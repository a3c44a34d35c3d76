import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { scratchDirectory } from '../../../test/kit/database.ts'
import { openSqliteDatabase } from './database.ts'
import { migrate } from './migrate.ts'

test('packages from before are found by what their default branch, else their last version, requires, suggests and is tagged with', async () => {
  const directory = scratchDirectory('migration')
  const database = openSqliteDatabase(join(directory, 'old.db'))
  const { write } = database
  await migrate(database, '0018-advisories')
  const clock = { revision: 1, modified_at: 1, created_at: 1 }
  const { id: organization_id } = await write
    .insertInto('organizations')
    .values({ ...clock, uid: 'acme', slug: 'acme', name: 'acme', parent_id: null })
    .returning('id')
    .executeTakeFirstOrThrow()
  const { id: source_id } = await write
    .insertInto('sources')
    .values({
      uid: 'source',
      organization_id,
      kind: 'vcs',
      url: 'https://a/b.git',
      credential_id: null,
      state: 'ready',
      default_branch: null,
      sync_revision: 1,
      problem_code: null,
      problem: null,
      synced_at: null,
      created_at: 1,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const publish = async (name: string, versions: readonly [version: string, isDefault: boolean, manifest: object][]) => {
    const { id } = await write
      .insertInto('packages')
      .values({ ...clock, uid: name, organization_id, source_id, name, type: 'library', description: '', abandoned: null })
      .returning('id')
      .executeTakeFirstOrThrow()
    for (const [version, isDefault, manifest] of versions) {
      const uid = `${name} ${version}`
      const text = { sha256: uid, body: JSON.stringify(manifest) }
      const { id: manifest_id } = await write.insertInto('manifests').values(text).returning('id').executeTakeFirstOrThrow()
      const facts = { uid, package_id: id, version, normalized: version, type: 'library', ref: version, reference: uid }
      const times = { time: null, published_at: 1, updated_at: 1, removed_at: null }
      const flags = { stability: 'stable', default_branch: isDefault ? 1 : 0 } as const
      await write
        .insertInto('versions')
        .values({ ...facts, ...times, ...flags, manifest_id })
        .execute()
    }
  }
  await publish('acme/branch', [
    [
      'dev-main',
      true,
      { require: { 'PSR/Log': '*', php: '>=8' }, 'require-dev': { 'psr/log': '*' }, keywords: ['HTTP', 'http', 1] },
    ],
    ['1.0.0', false, { require: { 'acme/old': '*' } }],
  ])
  await publish('acme/releases', [
    ['1.0.0', false, { require: { 'acme/old': '*' } }],
    ['1.1.0', false, { suggest: { 'acme/branch': 'why' } }],
  ])
  await publish('acme/empty', [])

  await migrate(database)

  const requirements = await write
    .selectFrom('requirements')
    .innerJoin('packages', 'packages.id', 'requirements.package_id')
    .select(['packages.name as by', 'requirements.kind', 'requirements.name'])
    .orderBy('packages.name')
    .orderBy('requirements.kind')
    .orderBy('requirements.name')
    .execute()
  const keywords = await write.selectFrom('keywords').select('keyword').execute()
  const abandoned = await write.selectFrom('packages').select('abandoned_by').distinct().execute()
  await database.close()
  rmSync(directory, { recursive: true, force: true })
  expect(requirements.map(({ by, kind, name }) => `${by} ${kind} ${name}`)).toEqual([
    'acme/branch require php',
    'acme/branch require psr/log',
    'acme/branch require-dev psr/log',
    'acme/releases suggest acme/branch',
  ])
  expect(keywords).toEqual([{ keyword: 'http' }])
  expect(abandoned).toEqual([{ abandoned_by: 'manifest' }])
})
