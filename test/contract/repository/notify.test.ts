import { expect, test } from 'bun:test'
import { buildPackage, buildToken } from '../../kit/build.ts'
import { createTestServer } from '../../kit/http.ts'

async function setUp(packages: string[] | null = null) {
  const server = await createTestServer()
  const { app } = server
  const { id: organization } = await app.organization()
  const versions = ['1.0.0', '2.0.0', { version: 'dev-main', defaultBranch: true }]
  await buildPackage(app, { organization, versions })
  await buildPackage(app, { organization, name: 'acme/other', versions })
  const { secret: token } = await buildToken(app, organization, { packages })
  return {
    ...server,
    app,
    organization,
    async notify(body: unknown, path = '/acme/notify-batch', credential: string | null = token) {
      const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
      const response = await server.send(path, { method: 'POST', token: credential, body: text })
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    },
    async counts() {
      await server.server.usage.fold(app.ports.database.write)
      const rows = await app.ports.database.read
        .selectFrom('download_counts')
        .innerJoin('packages', 'packages.id', 'download_counts.package_id')
        .select(['name', 'version', 'day', 'kind', 'count'])
        .orderBy('name')
        .orderBy('version')
        .execute()
      return rows.map((row) => `${row.name} ${row.version} ${row.day} ${row.kind} ${row.count}`)
    },
  }
}

const HTTP = { name: 'acme/http', version: '1.0.0.0' }
const OTHER = { name: 'acme/other', version: '2.0.0.0' }

test.each(['/acme/notify-batch', '/acme/downloads', '/acme/downloads/'])(
  'CO-139 installs reported to %s are counted',
  async (path) => {
    const { notify, counts } = await setUp()

    expect(await notify({ downloads: [HTTP, OTHER] }, path)).toEqual({ status: 201, body: { status: 'success' } })
    expect(await counts()).toEqual(['acme/http 1.0.0.0 2026-03-01 install 1', 'acme/other 2.0.0.0 2026-03-01 install 1'])
  },
)

test('CO-139 a package counts once in a report, 9999999-dev is the default branch, and removed versions count', async () => {
  const { app, organization, notify, counts } = await setUp()
  await buildPackage(app, { organization, name: 'acme/other', versions: ['1.0.0'] })

  await notify({ downloads: [HTTP, HTTP, { name: 'ACME/http', version: '2.0.0.0' }, OTHER] })
  await notify({ downloads: [{ name: 'acme/http', version: '9999999-dev' }] })

  expect(await counts()).toEqual([
    'acme/http 1.0.0.0 2026-03-01 install 1',
    'acme/http dev-main 2026-03-01 install 1',
    'acme/other 2.0.0.0 2026-03-01 install 1',
  ])
})

test('CO-139 what cannot be counted is told and harms nothing', async () => {
  const { notify, counts } = await setUp()

  const answer = await notify({
    downloads: [HTTP, { name: 'acme/absent', version: '1.0.0.0' }, { name: 'acme/other', version: '7.7.7.7' }],
  })

  expect(answer).toEqual({ status: 200, body: { status: 'partial', message: '1 of 3 installs were counted.' } })
  expect(await counts()).toEqual(['acme/http 1.0.0.0 2026-03-01 install 1'])
})

test('CO-139 without a token nothing is counted', async () => {
  const { notify, counts } = await setUp()

  expect((await notify({ downloads: [HTTP] }, '/acme/notify-batch', null)).status).toBe(401)
  expect(await counts()).toEqual([])
})

test('CO-139 CO-062 abuse 50 only packages that the token may see are counted', async () => {
  const { notify, counts } = await setUp(['acme/other'])

  await notify({ downloads: [HTTP, OTHER] })

  expect(await counts()).toEqual(['acme/other 2.0.0.0 2026-03-01 install 1'])
})

test.each<[string, string | Uint8Array]>([
  ['no JSON', 'downloads[]=x'],
  ['nothing', ''],
  ['null', 'null'],
  ['a list', '[]'],
  ['downloads that are no list', '{"downloads":{"name":"acme/http"}}'],
  ['bytes that are no UTF-8', new Uint8Array([0x7b, 0xff, 0xfe])],
  ['50,000 nested lists', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
  ['a prototype key', '{"__proto__":{"downloads":[]}}'],
])('CO-139 abuse 50 a body of %s is refused and harms nothing', async (_, body) => {
  const { notify, counts } = await setUp()

  expect((await notify(body)).status).toBe(400)
  expect(await counts()).toEqual([])
})

test('abuse 50 forged names and versions are not counted', async () => {
  const { app, notify, counts } = await setUp()
  const names = [
    '../http',
    'acme',
    'acme/http\0',
    "acme/http' or '1'='1",
    '\ud800',
    'a'.repeat(301),
    'a/'.repeat(100),
    '',
    'constructor',
    '__proto__',
  ]
  const versions = ['-1', '1e999', '9'.repeat(300), '9'.repeat(301), '', ' 1.0.0.0', '1.0', '\0', null, 1, {}, []]
  const forged = [
    ...names.map((name) => ({ name, version: '1.0.0.0' })),
    ...versions.map((version) => ({ name: 'acme/http', version })),
    null,
    7,
    'acme/http',
    ['acme/http', '1.0.0.0'],
  ]
  for (const entry of forged) {
    expect((await notify({ downloads: [entry] })).body['status']).not.toBe('error')
  }

  expect(await counts()).toEqual([])
  expect(app.warnings).toEqual([])
})

test('PR-119 a version is found by its tagged form too, and an unknown name is counted by itself', async () => {
  const { app, server, notify, counts } = await setUp()

  await notify({
    downloads: [
      { name: 'acme/http', version: '1.0.0' },
      { name: 'Acme/Typo', version: '1.0.0' },
    ],
  })

  expect(await counts()).toEqual(['acme/http 1.0.0.0 2026-03-01 install 1'])
  await server.usage.fold(app.ports.database.write)
  const unknown = await app.ports.database.read.selectFrom('unknown_installs').select(['name', 'count']).execute()
  expect(unknown).toEqual([{ name: 'acme/typo', count: 1 }])
})

test('abuse 50 of 15,000 entries the first 5,000 are looked at', async () => {
  const { notify, counts } = await setUp()
  const entry = { name: 'x/y', version: '1' }
  const started = performance.now()

  const answer = await notify({
    downloads: [...Array.from({ length: 4_999 }, () => entry), HTTP, ...Array.from({ length: 10_000 }, () => OTHER)],
  })

  expect(answer.body['status']).toBe('partial')
  expect(await counts()).toEqual(['acme/http 1.0.0.0 2026-03-01 install 1'])
  expect(performance.now() - started).toBeLessThan(2_000)
})

test.each([100_000, 60_000])('abuse 50 a body of %p entries, over 1 MiB, is refused as too large', async (count) => {
  const { notify, counts } = await setUp()

  const answer = await notify({ downloads: Array.from({ length: count }, () => HTTP) })

  expect(answer.status).toBe(413)
  expect(await counts()).toEqual([])
})

test('CO-140 an install reported by the oldest clients, as a form, counts like any other', async () => {
  const { notify, counts } = await setUp()
  const report = (path: string, form: Record<string, string>) =>
    notify(new URLSearchParams(form).toString(), `/acme/downloads/${path}`)

  expect(await report('acme/http', { version: '1.0.0', version_normalized: '1.0.0.0' })).toMatchObject({ status: 201 })
  expect(await report('acme/none', { version: '1.0.0' })).toMatchObject({ status: 200, body: { status: 'partial' } })
  expect(await report('acme/http', {})).toMatchObject({ status: 400 })
  expect(await counts()).toEqual(['acme/http 1.0.0.0 2026-03-01 install 1'])
})
