import { expect, test } from 'bun:test'
import { deletePackagesOfSource } from '../../../src/core/packages/index.ts'
import type { OrganizationId } from '../../../src/core/kernel/values.ts'
import { createTestApp, SYSTEM, type TestApp } from '../../kit/app.ts'
import { buildMany, buildPackage, buildSource, buildToken } from '../../kit/build.ts'
import { BASE, createTestServer, type TestServer } from '../../kit/http.ts'

type Root = Record<string, unknown>

async function setUp(wanted: Parameters<typeof createTestServer>[0] = {}) {
  const server = await createTestServer(wanted)
  const organization = await server.app.organization()
  const { secret } = await buildToken(server.app, organization.id)
  return { server, app: server.app, organization: organization.id, token: secret }
}

async function root(server: TestServer, token: string): Promise<Root> {
  return (await server.json('/acme/packages.json', { token })) as Root
}

async function removePackage(app: TestApp, organization: OrganizationId, name: string): Promise<void> {
  const source = await buildSource(app, organization, name)
  await app.ctx(SYSTEM).transaction((tx) => deletePackagesOfSource(tx, organization, source))
}

test('CO-001 the root is JSON at packages.json and has an empty list of packages', async () => {
  const { server, app, organization, token } = await setUp()
  await buildPackage(app, { organization })

  const response = await server.send('/acme/packages.json', { token })

  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(((await response.json()) as Root)['packages']).toEqual([])
})

test('CO-002 CO-003 all URLs are absolute and lie below the public URL, also when that has a path', async () => {
  const { server, token } = await setUp({ config: { publicUrl: 'https://example.org/php/registry' } })

  const found = await root(server, token)

  expect(found).toMatchObject({
    'metadata-url': 'https://example.org/php/registry/acme/p2/%package%.json',
    'notify-batch': 'https://example.org/php/registry/acme/notify-batch',
    search: 'https://example.org/php/registry/acme/search.json?q=%query%&type=%type%',
    list: 'https://example.org/php/registry/acme/list.json',
    'providers-api': 'https://example.org/php/registry/acme/providers/%package%.json',
  })
})

test('CO-002 without a public URL the URLs are those of the request', async () => {
  const { server, token } = await setUp()

  expect((await root(server, token))['metadata-url']).toBe(`${BASE}/acme/p2/%package%.json`)
})

test('CO-004 a conditional request is answered with 304 and an empty body', async () => {
  const { server, app, organization, token } = await setUp()
  await buildPackage(app, { organization })
  const lastModified = (await server.send('/acme/packages.json', { token })).headers.get('last-modified') ?? ''

  const again = await server.send('/acme/packages.json', { token, headers: { 'If-Modified-Since': lastModified } })

  expect(lastModified).toMatch(/^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/)
  expect(again.status).toBe(304)
  expect(again.headers.has('last-modified')).toBe(false)
  expect(again.headers.has('content-encoding')).toBe(false)
  expect(await again.text()).toBe('')
})

test('CO-005 CO-006 the root and its time move with every package that comes or goes', async () => {
  const { server, app, organization, token } = await setUp()
  const seen: { names: unknown; time: number }[] = []
  async function look() {
    const response = await server.send('/acme/packages.json', { token })
    const { 'available-packages': names } = (await response.json()) as Root
    seen.push({ names, time: Date.parse(response.headers.get('last-modified') ?? '') })
  }

  await look()
  await buildPackage(app, { organization, name: 'acme/b' })
  await look()
  await buildPackage(app, { organization, name: 'acme/a' })
  await look()
  await removePackage(app, organization, 'acme/b')
  await look()

  expect(seen.map(({ names }) => names)).toEqual([undefined, ['acme/b'], ['acme/a', 'acme/b'], ['acme/a']])
  expect(seen.map(({ time }) => time)).toEqual(seen.map(({ time }) => time).toSorted((left, right) => left - right))
  expect(new Set(seen.map(({ time }) => time)).size).toBe(4)
})

test('CO-006 the list names exactly what a limited token may see', async () => {
  const { server, app, organization } = await setUp()
  for (const name of ['acme/api', 'acme/http', 'acme/secret', 'other/api']) {
    await buildPackage(app, { organization, name })
  }
  const { secret: token } = await buildToken(app, organization, { packages: ['acme/*p*', 'other/api'] })

  expect((await root(server, token))['available-packages']).toEqual(['acme/api', 'acme/http', 'other/api'])
})

test('CO-007 above ten thousand names patterns by vendor stand for them', async () => {
  const { server, app, organization, token } = await setUp()
  await buildMany(app, { organization, packages: 10_001, versions: 0 })
  await buildPackage(app, { organization })

  const found = await root(server, token)

  expect(found['available-packages']).toBeUndefined()
  expect(found['available-package-patterns']).toEqual(['acme/*', 'bulk/*'])
})

test.each([[null], [['nothing/here']]])(
  'CO-008 without a visible package a pattern that matches nothing is sent and no empty list (token for %p)',
  async (packages) => {
    const { server, app, organization } = await setUp()
    if (packages !== null) {
      await buildPackage(app, { organization })
    }
    const { secret: token } = await buildToken(app, organization, { packages })

    const found = await root(server, token)

    expect('available-packages' in found).toBe(false)
    expect(found['available-package-patterns']).toEqual(['repertoire-shows-nothing/*'])
  },
)

test.each(['acme', 'no-such-organization'])('CO-018 the root of %p answers 401 without credentials', async (slug) => {
  const { server } = await setUp()

  const response = await server.send(`/${slug}/packages.json`)

  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toStartWith('Basic realm=')
})

test('CO-018 an unknown organization is 404 for somebody with a valid token, and so is a foreign one', async () => {
  const app = await createTestApp()
  const { server, token } = await setUp({ app })
  await app.organization('other')

  const unknown = await server.send('/no-such-organization/packages.json', { token })
  const foreign = await server.send('/other/packages.json', { token })

  expect([unknown.status, foreign.status]).toEqual([404, 404])
  expect(await unknown.text()).toBe(await foreign.text())
})

test('CO-019 a repository URL that ends in packages.json names the same root', async () => {
  const { server, token } = await setUp()

  const response = await server.send('/acme/packages.json?from=repository-url', { token })

  expect(response.status).toBe(200)
})
