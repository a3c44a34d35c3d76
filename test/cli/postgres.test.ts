import { afterAll, beforeAll, expect, test } from 'bun:test'
import pg from 'pg'
import { createRunner } from '../../src/app.ts'
import { openApp } from '../../src/compose.ts'
import { readConfig } from '../../src/config.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

const NAME = `cli_${process.pid}`

let repository: TestRepository
let cli: CliFixture

async function administer(statement: string): Promise<void> {
  const base = process.env['TEST_POSTGRES_URL']
  if (base === undefined) {
    throw new Error('TEST_POSTGRES_URL is not set; `npm test` starts a PostgreSQL and sets it.')
  }
  const client = new pg.Client({ connectionString: base })
  await client.connect()
  await client.query(statement)
  await client.end()
}

beforeAll(async () => {
  await administer(`CREATE DATABASE "${NAME}"`)
  const url = new URL(process.env['TEST_POSTGRES_URL'] ?? '')
  url.pathname = `/${NAME}`
  cli = createCliFixture({ REPERTOIRE_DATABASE_URL: url.href })
  repository = await createTestRepository()
  const [commit = ''] = await repository.commit({ files: { 'composer.json': '{"name":"acme/widgets"}' } })
  await repository.setRefs({ 'refs/heads/main': commit })
  await cli.succeed(['org', 'create', 'acme'])
})
afterAll(async () => {
  await repository.remove()
  cli.end()
  await administer(`DROP DATABASE "${NAME}" WITH (FORCE)`)
})

interface SourceDocument {
  state: string
  versions: number
}

test('a job that no worker claims is done by the command itself', async () => {
  const started = performance.now()

  const added = await cli.succeed(['source', 'add', 'acme', repository.url, '--json'])

  expect(added.json<SourceDocument>()).toMatchObject({ state: 'ready', versions: 1 })
  expect(performance.now() - started).toBeGreaterThan(5_000)
}, 30_000)

test('a worker elsewhere does the job, and the command watches it', async () => {
  const app = await openApp(readConfig(cli.env), { migrates: false, write: () => {} })
  const runner = createRunner(app.ports, { owner: app.owner, lanes: { interactive: 1, background: 1 }, schedules: [] })
  await runner.start()
  const started = performance.now()

  const synced = await cli.succeed(['source', 'sync', 'acme', repository.url, '--json'])
  const duration = performance.now() - started
  await runner.drain(5_000)
  await app.close()

  expect(synced.json<SourceDocument>()).toMatchObject({ state: 'ready', versions: 1 })
  expect(duration).toBeLessThan(5_000)
}, 30_000)

test('the doctor finds the database server sound', async () => {
  const result = await cli.succeed(['doctor', '--json'])

  expect(result.json<{ findings: unknown[] }>().findings).toContainEqual(
    expect.objectContaining({ check: 'database', status: 'ok', message: expect.stringMatching(/^PostgreSQL 1\d\.\d+, /) }),
  )
})
