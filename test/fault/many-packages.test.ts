/**
 * abuse 63: one organization of 50,000 packages with 40 versions each, two million in all, beside 10,000 tokens. Times have wide
 * bounds; that the statements of the hot path use indexes is asserted on their plans.
 */
import { expect, test } from 'bun:test'
import { CompiledQuery, sql, type KyselyPlugin } from 'kysely'
import type { Db } from '../../src/core/kernel/schema.ts'
import { createTestApp, type TestApp } from '../kit/app.ts'
import { buildToken } from '../kit/build.ts'
import { createTestServer } from '../kit/http.ts'

const PACKAGES = 50_000
const VERSIONS = 40
const TOKENS = 10_000

async function fill(app: TestApp, organization: number): Promise<void> {
  const db = app.ports.database.write
  await sql`INSERT INTO sources (uid, organization_id, kind, url, state, sync_revision, created_at)
    VALUES ('source', ${organization}, 'vcs', 'https://git.example.org/all.git', 'ready', 1, 0)`.execute(db)
  await sql`INSERT INTO manifests (sha256, body) VALUES ('manifest', '{"description":"One of many."}')`.execute(db)
  await sql`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${PACKAGES - 1})
    INSERT INTO packages (uid, organization_id, source_id, name, type, description, revision, modified_at, created_at)
    SELECT 'package-' || i, ${organization}, (SELECT max(id) FROM sources), 'vendor' || (i % 500) || '/package-' || i,
      'library', 'Package number ' || i, 1, 1772366400, 0 FROM n`.execute(db)
  await sql`WITH RECURSIVE v(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM v WHERE j < ${VERSIONS - 1})
    INSERT INTO versions (uid, package_id, version, normalized, type, stability, ref, reference, default_branch, manifest_id, time,
      published_at, updated_at)
    SELECT p.id || '-' || j, p.id, '1.' || j || '.0', '1.' || j || '.0.0', 'library', 'stable', 'refs/tags/1.' || j,
      printf('%040x', p.id * 100 + j), 0, (SELECT max(id) FROM manifests), '2026-01-01T00:00:00+00:00', 0, 0
    FROM packages p, v`.execute(db)
  await sql`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${TOKENS - 1})
    INSERT INTO tokens (uid, kind, organization_id, name, hint, secret_hash, created_at)
    SELECT 'token-' || i, 'organization', ${organization}, 'token', '…', printf('%064x', i), 0 FROM n`.execute(db)
  app.ports.database.touched()
}

/** Lets the app read through a handle that remembers its statements. */
function remember(app: TestApp): CompiledQuery[] {
  const seen: CompiledQuery[] = []
  const read = app.ports.database.read
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      seen.push(read.getExecutor().compileQuery(node, queryId))
      return node
    },
    transformResult: async ({ result }) => result,
  }
  Object.assign(app.ports.database, { read: read.withPlugin(plugin) })
  return seen
}

async function plansOf(db: Db, statements: readonly CompiledQuery[]): Promise<string[]> {
  const distinct = new Map(statements.map((statement) => [statement.sql, statement]))
  const lines: string[] = []
  for (const statement of distinct.values()) {
    const explained = CompiledQuery.raw(`EXPLAIN QUERY PLAN ${statement.sql}`, [...statement.parameters])
    const { rows } = await db.executeQuery<{ detail: string }>(explained)
    lines.push(...rows.map((row) => row.detail))
  }
  return lines
}

/** Milliseconds that a piece of work takes, the best of three. */
async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < 3; round += 1) {
    const started = performance.now()
    await work()
    times.push(performance.now() - started)
  }
  return Math.min(...times)
}

test('abuse 63 with two million versions the repository answers in bounded time, and every hot statement uses an index', async () => {
  const app = await createTestApp()
  const { id: organization } = await app.organization()
  await fill(app, organization)
  const { secret: token } = await buildToken(app, organization)
  const { secret: limited } = await buildToken(app, organization, { packages: ['vendor7/*'] })
  const statements = remember(app)
  const { send, json } = await createTestServer({ app })
  const get = async (path: string, credential = token) => {
    const response = await send(path, { token: credential })
    expect(response.status).toBe(200)
    return response.text()
  }
  const started = performance.now()
  expect(JSON.parse(await get('/acme/packages.json'))['available-package-patterns']).toHaveLength(500)
  expect(JSON.parse(await get('/acme/packages.json', limited))['available-packages']).toHaveLength(100)
  expect(performance.now() - started).toBeLessThan(3_000)

  const number = { next: 0 }
  const metadata = await timeOf(() => get(`/acme/p2/vendor${(number.next += 1)}/package-${number.next}.json`))
  const absent = await timeOf(() => send(`/acme/p2/vendor1/absent-${(number.next += 1)}.json`, { token }))
  const stranger = await timeOf(() => send('/acme/packages.json', { token: `rpt_${(number.next += 1)}` }))
  const provided = await timeOf(() => get('/acme/providers/psr/log-implementation.json'))
  const page = await timeOf(() => get('/acme/packages/vendor9/package-9.json'))
  const search = await timeOf(() => json('/acme/search.json?q=number%2049999', { token }))
  const deep = await timeOf(() => json('/acme/search.json?q=package&page=300&per_page=15', { token }))
  const vendor = await timeOf(() => get('/acme/list.json?vendor=vendor7'))
  const list = await timeOf(() => get('/acme/list.json'))

  expect(slowerThan(100, { metadata, absent, stranger, provided, page })).toEqual({})
  expect(slowerThan(2_000, { search, deep, list, vendor })).toEqual({})
  expect(statements.length).toBeGreaterThan(20)
  const plans = await plansOf(app.ports.database.write, statements)
  expect(plans.filter((line) => line.startsWith('SCAN'))).toEqual([])
  expect(plans.filter((line) => line.includes('USING') && line.startsWith('SEARCH')).length).toBeGreaterThan(5)
}, 60_000)

function slowerThan(bound: number, times: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(times).filter(([, time]) => time > bound))
}
