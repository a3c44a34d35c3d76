/** Backups between the two databases, of installations that others write to meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { BACKUP_TABLES } from '../../src/backup/backup-tables.ts'
import { createBackup } from '../../src/backup/create-backup.ts'
import { restoreBackup } from '../../src/backup/restore-backup.ts'
import { RestoreRefused } from '../../src/backup/restore-target.ts'
import { readTables, selectRows } from '../../src/backup/rows.sql.ts'
import { verifyBackup } from '../../src/backup/verify-backup.ts'
import type { App } from '../../src/compose.ts'
import type { Config } from '../../src/config.ts'
import { createOrganization } from '../../src/core/access/index.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'
import { addSource, uploadArtifact } from '../../src/core/sources/index.ts'
import { buildZip, streamOf } from '../kit/archives.ts'
import { scratchDirectory } from '../kit/database.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { packageCommit } from '../kit/git-source.ts'
import { configOf, openInstallation, operatorCtx, runJobs } from './installation.ts'

const KEY = { REPERTOIRE_SECRET_KEY: 'ab'.repeat(32) }

let directory: string
let repository: TestRepository
const databases: string[] = []

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: process.env['TEST_POSTGRES_URL'] })
  await client.connect()
  await client.query(statement)
  await client.end()
}

beforeAll(async () => {
  if (process.env['TEST_POSTGRES_URL'] === undefined) {
    throw new Error('TEST_POSTGRES_URL is not set; `npm test` starts a PostgreSQL and sets it.')
  }
  directory = scratchDirectory('backup-databases')
  repository = await createTestRepository()
  const [first = '', second = ''] = await repository.commit(packageCommit({ description: 'ä\u{1f600}' }), packageCommit({}))
  await repository.setRefs({ 'refs/heads/main': second, 'refs/tags/v1.0.0': first })
})

afterAll(async () => {
  await repository.remove()
  rmSync(directory, { recursive: true, force: true })
  for (const name of databases) {
    await administer(`DROP DATABASE "${name}" WITH (FORCE)`)
  }
})

async function newConfig(kind: 'sqlite' | 'postgres', name: string): Promise<Config> {
  const data = join(directory, name)
  if (kind === 'sqlite') {
    return configOf(data, KEY)
  }
  const database = `backup_${process.pid}_${databases.length}`
  databases.push(database)
  await administer(`CREATE DATABASE "${database}"`)
  const url = new URL(process.env['TEST_POSTGRES_URL'] ?? '')
  url.pathname = `/${database}`
  return configOf(data, { ...KEY, REPERTOIRE_DATABASE_URL: url.href })
}

async function fill(config: Config): Promise<App> {
  const app = await openInstallation(config)
  const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme "quoted" \\ ü' })
  await addSource(operatorCtx(app), { organization, url: repository.url, credential: null })
  await runJobs(app)
  await upload(app, organization, '1.0.0')
  return app
}

async function upload(app: App, organization: OrganizationId, version: string): Promise<void> {
  await uploadArtifact(operatorCtx(app), {
    organization,
    content: streamOf(buildZip([{ name: 'composer.json', data: JSON.stringify({ name: 'acme/uploaded', version }) }])),
    fileName: 'uploaded.zip',
    expected: { name: null, version: null },
    onExisting: 'refuse',
    sha256: null,
  })
}

async function backUp(app: App, name: string): Promise<string> {
  const path = join(directory, `${name}.tar`)
  await createBackup(app, operatorCtx(app), { path, withMirrors: true, withKey: false, onProgress: () => {} })
  return path
}

const restore = (config: Config, path: string) =>
  restoreBackup(config, { path, tokens: 'keep', writeLog: () => {}, onProgress: () => {} })

/** What a restore changes on purpose. */
const MOVED = new Set(['next_sync_at', 'overdue_syncs', 'revision', 'modified_at'])

/** All rows of a backup's tables as records, without what a restore changes. */
async function contents(app: App): Promise<Record<string, unknown[]>> {
  const db = app.ports.database.read
  const stored = await readTables(db)
  const found: Record<string, unknown[]> = {}
  for (const table of BACKUP_TABLES) {
    const columns = (stored.get(table.name) ?? []).map(({ name }) => name).toSorted()
    const rows: unknown[] = []
    for await (const batch of selectRows(db, table, columns)) {
      rows.push(
        ...batch.map((row) => Object.fromEntries(columns.map((name, index) => [name, MOVED.has(name) ? null : row[index]]))),
      )
    }
    found[table.name] = rows
  }
  found['settings'] = []
  found['events'] = (found['events'] ?? []).filter((event) => !String((event as { type: string }).type).startsWith('instance.'))
  return found
}

describe.each([
  ['sqlite', 'postgres'],
  ['postgres', 'sqlite'],
  ['postgres', 'postgres'],
] as const)('a backup of %s restored into %s', (from, to) => {
  test('has every row and every byte, and lives on', async () => {
    const app = await fill(await newConfig(from, `${from}-${to}-before`))
    const before = await contents(app)
    const path = await backUp(app, `${from}-${to}`)
    await app.close()
    const config = await newConfig(to, `${from}-${to}-after`)

    const { summary } = await restore(config, path)

    const revived = await openInstallation(config)
    expect(await contents(revived)).toEqual(before)
    expect(summary).toMatchObject({ database: from, lost: [], mirrors: 1 })
    for await (const { sha256 } of revived.blobs.list()) {
      expect(await revived.blobs.verify(sha256)).toBe('intact')
    }
    // New rows get ids that were never used.
    const { id } = await createOrganization(operatorCtx(revived), { slug: 'later', name: 'Later' })
    await upload(revived, id, '2.0.0')
    await runJobs(revived)
    await revived.close()
    expect(existsSync(join(config.dataDirectory, 'restore.incomplete'))).toBe(false)
    await expect(restore(config, path)).rejects.toThrow(RestoreRefused)
  }, 60_000)
})

test('an id that was handed out before the backup is not handed out again', async () => {
  const app = await fill(await newConfig('sqlite', 'ids-before'))
  const { id: gone } = await createOrganization(operatorCtx(app), { slug: 'gone', name: 'Gone' })
  await app.ports.database.write.deleteFrom('members').where('organization_id', '=', gone).execute()
  await app.ports.database.write.deleteFrom('organizations').where('id', '=', gone).execute()
  const path = await backUp(app, 'ids')
  await app.close()
  const config = await newConfig('postgres', 'ids-after')

  await restore(config, path)

  const revived = await openInstallation(config)
  const { id } = await createOrganization(operatorCtx(revived), { slug: 'next', name: 'Next' })
  await revived.close()
  expect(id).toBeGreaterThan(gone)
})

test('a database that is not empty is refused before anything is written', async () => {
  const config = await newConfig('postgres', 'occupied')
  const app = await fill(config)
  const path = await backUp(app, 'occupied')
  await app.close()
  const elsewhere = { ...config, dataDirectory: join(directory, 'occupied-elsewhere') }

  await expect(restore(elsewhere, path)).rejects.toThrow('The database is not empty')

  expect(existsSync(elsewhere.dataDirectory)).toBe(false)
})

describe.each(['sqlite', 'postgres'] as const)('a backup on %s while others write', (kind) => {
  test('is one moment: every row with what it refers to and with its event', async () => {
    const app = await fill(await newConfig(kind, `busy-${kind}`))
    const writer = new AbortController()
    const writing = (async () => {
      for (let number = 1; !writer.signal.aborted; number += 1) {
        const { id } = await createOrganization(operatorCtx(app), { slug: `busy-${number}`, name: 'Busy' })
        await upload(app, id, '1.0.0')
      }
    })()

    const paths: string[] = []
    for (const number of [1, 2, 3, 4]) {
      await Bun.sleep(30)
      paths.push(await backUp(app, `busy-${kind}-${number}`))
    }
    writer.abort()
    await writing

    const organizations: number[] = []
    for (const path of paths) {
      const { scratch, summary } = await verifyBackup(path, () => {})
      const count = (type: string) => scratch.database.read.selectFrom('events').selectAll().where('type', '=', type).execute()
      const created = await count('organization.created')
      const uploaded = await count('artifact.uploaded')
      await scratch.drop()
      expect([summary.tables['organizations'], summary.tables['artifacts']]).toEqual([created.length, uploaded.length])
      expect(summary.lost).toEqual([])
      organizations.push(created.length)
    }
    expect(organizations.at(-1)).toBeGreaterThan(organizations[0] ?? 0)
    await app.close()
  }, 60_000)
})

test('two restores into one database: one is refused, and what the other wrote is whole', async () => {
  const app = await fill(await newConfig('sqlite', 'twice-before'))
  const path = await backUp(app, 'twice')
  await app.close()
  const config = await newConfig('postgres', 'twice-a')
  const other = { ...config, dataDirectory: join(directory, 'twice-b') }
  mkdirSync(other.dataDirectory, { mode: 0o700 })

  const outcomes = await Promise.allSettled([restore(config, path), restore(other, path)])

  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  const winner = outcomes[0]?.status === 'fulfilled' ? config : other
  const revived = await openInstallation(winner)
  expect((await contents(revived))['organizations']).toHaveLength(1)
  await revived.close()
}, 60_000)
