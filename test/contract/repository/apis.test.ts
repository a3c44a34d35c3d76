import { expect, test } from 'bun:test'
import { replaceProvidedNames } from '../../../src/core/packages/provided-names.sql.ts'
import { buildPackage, buildToken, packageIdOf } from '../../kit/build.ts'
import { BASE, createTestServer } from '../../kit/http.ts'

interface Found {
  total: number
  next?: string
  results: { name: string }[]
}

async function setUp() {
  const server = await createTestServer()
  const { app } = server
  const { id: organization } = await app.organization()
  const { secret: token } = await buildToken(app, organization)
  return {
    ...server,
    app,
    organization,
    token,
    publish: (name: string, rest: Omit<Parameters<typeof buildPackage>[1], 'organization' | 'name'> = {}) =>
      buildPackage(app, { organization, name, ...rest }),
    get: (path: string) => server.json(`/acme/${path}`, { token }),
    async names(query: string): Promise<string[]> {
      const found = (await server.json(`/acme/search.json?${query}`, { token })) as Found
      return found.results.map(({ name }) => name)
    },
    status: async (path: string) => (await server.send(`/acme/${path}`, { token })).status,
  }
}

async function setUpListed() {
  const parts = await setUp()
  await parts.publish('acme/http', { description: 'Speaks HTTP.' })
  await parts.publish('acme/plugin', { type: 'composer-plugin', abandoned: 'acme/http' })
  await parts.publish('beta/api', { description: 'An interface over HTTP', abandoned: true })
  return parts
}

test.each([
  ['', ['acme/http', 'acme/plugin', 'beta/api']],
  ['?filter=acme/*', ['acme/http', 'acme/plugin']],
  ['?filter=*/A*', ['beta/api']],
  ['?filter=http', []],
  ['?filter=', ['acme/http', 'acme/plugin', 'beta/api']],
  ['?filter=.*', []],
  ['?vendor=acme', ['acme/http', 'acme/plugin']],
  ['?vendor=ACME', ['acme/http', 'acme/plugin']],
  ['?vendor=acm', []],
  ['?vendor=%25', []],
  ['?type=library', ['acme/http', 'beta/api']],
  ['?vendor=acme&type=composer-plugin&filter=*p*', ['acme/plugin']],
])('CO-130 list.json%s names %p', async (query, names) => {
  const { get } = await setUpListed()

  expect(await get(`list.json${query}`)).toEqual({ packageNames: names })
})

test('CO-130 with fields the list has another shape, unknown fields are ignored and the filter is not applied', async () => {
  const { get } = await setUpListed()

  expect(await get('list.json?fields[]=repository&fields[]=type&fields[]=abandoned&fields[]=secret&filter=beta/*')).toEqual({
    packages: {
      'acme/http': { repository: 'https://git.example.org/acme/http.git', type: 'library', abandoned: false },
      'acme/plugin': { repository: 'https://git.example.org/acme/plugin.git', type: 'composer-plugin', abandoned: 'acme/http' },
      'beta/api': { repository: 'https://git.example.org/beta/api.git', type: 'library', abandoned: true },
    },
  })
  expect(await get('list.json?fields[]=type&vendor=beta')).toEqual({ packages: { 'beta/api': { type: 'library' } } })
})

test('CO-130 a filter that is too long is refused', async () => {
  const { status } = await setUp()

  expect(await status(`list.json?filter=${'a'.repeat(201)}`)).toBe(400)
})

test('CO-131 a result has what a client shows, and a package that is abandoned says so', async () => {
  const { get } = await setUpListed()

  expect(await get('search.json?q=acme&type=%25type%25')).toEqual({
    results: [
      {
        name: 'acme/http',
        description: 'Speaks HTTP.',
        url: `${BASE}/acme/packages/acme/http.json`,
        repository: 'https://git.example.org/acme/http.git',
      },
      {
        name: 'acme/plugin',
        description: 'The package acme/plugin.',
        url: `${BASE}/acme/packages/acme/plugin.json`,
        repository: 'https://git.example.org/acme/plugin.git',
        abandoned: 'acme/http',
      },
    ],
    total: 2,
  })
})

test.each([
  ['q=HTTP', ['acme/http', 'beta/api']],
  ['query=http', ['acme/http', 'beta/api']],
  ['q=http+interface', ['beta/api']],
  ['q=interface%20%20http', ['beta/api']],
  ['q=nothing', []],
  ['q=&type=composer-plugin', ['acme/plugin']],
  ['type=library&q=over', ['beta/api']],
])('CO-131 search.json?%s finds %p', async (query, found) => {
  const { names } = await setUpListed()

  expect(await names(query)).toEqual(found)
})

test('CO-131 pages follow each other by next, and each package is on one of them', async () => {
  const { publish, get } = await setUp()
  const all = Array.from({ length: 7 }, (_, index) => `acme/number-${index}`)
  for (const name of all) {
    await publish(name)
  }

  const seen: string[] = []
  let next: string | undefined = `${BASE}/acme/search.json?q=number&per_page=3`
  let pages = 0
  while (next !== undefined) {
    const page = (await get(next.slice(`${BASE}/acme/`.length))) as Found
    expect(page.total).toBe(7)
    seen.push(...page.results.map(({ name }) => name))
    next = page.next
    pages += 1
  }

  expect(pages).toBe(3)
  expect(seen).toEqual(all)
})

test.each([
  'search.json',
  'search.json?q=',
  'search.json?q=%20&type=',
  'search.json?q=a&page=0',
  'search.json?q=a&page=301',
  'search.json?q=a&per_page=101',
  'search.json?q=a&page=1e1',
  'search.json?q=a%00b',
  'list.json?vendor=%00',
])('CO-131 %s is refused with 400 and the reason', async (path) => {
  const { send, token } = await setUp()

  const response = await send(`/acme/${path}`, { token })

  expect(response.status).toBe(400)
  expect(((await response.json()) as { message: string }).message).toMatch(/^(q|page|per_page|query): /)
})

test('CO-132 providers names the packages that provide something, without that very package; nobody is an empty list', async () => {
  const { app, organization, publish, get } = await setUp()
  await publish('acme/http', {
    versions: [
      { version: 'dev-main', defaultBranch: true, manifest: { provide: { 'PSR/http-implementation': '1.0', 'ext-http': '*' } } },
    ],
  })
  await publish('psr/http-implementation')
  await replaceProvidedNames(app.ports.database.write, await packageIdOf(app, organization, 'psr/http-implementation'), [
    'psr/http-implementation',
  ])
  app.ports.database.touched()
  const provider = { name: 'acme/http', description: 'The package acme/http.', type: 'library' }

  expect(await get('providers/psr/http-implementation.json')).toEqual({ providers: [provider] })
  expect(await get('providers/Psr/HTTP-implementation.json')).toEqual({ providers: [provider] })
  expect(await get('providers/ext-http.json')).toEqual({ providers: [provider] })
  expect(await get('providers/nobody/at-all.json')).toEqual({ providers: [] })
})

test('CO-133 the page of a package has all versions in full, branches first', async () => {
  const { publish, get } = await setUp()
  await publish('acme/http', { abandoned: true, versions: ['1.0.0', '2.0.0', { version: 'dev-main', defaultBranch: true }] })

  const { package: shown } = (await get('packages/acme/http.json')) as { package: Record<string, Record<string, unknown>> }

  expect(shown).toMatchObject({ name: 'acme/http', description: 'The package acme/http.', type: 'library', abandoned: true })
  expect(Object.keys(shown['versions'] ?? {})).toEqual(['dev-main', '2.0.0', '1.0.0'])
  expect(shown['versions']?.['1.0.0']).toMatchObject({ name: 'acme/http', version_normalized: '1.0.0.0' })
})

test('CO-133 the page of a package that does not exist is 404', async () => {
  const { status } = await setUp()

  expect(await status('packages/acme/absent.json')).toBe(404)
  expect(await status('packages/acme/http/stats.json')).toBe(404)
})

test.each([
  ['%25_%25', []],
  ['_', ['acme/under_score']],
  ['100%25', ['acme/percent']],
  ['%5C', ['acme/backslash']],
  ['!', ['acme/bang']],
  ['(a%2B)%2B%24', []],
  ['%27%20or%201%3D1%20--', []],
  ['*', []],
])('abuse 52 the search for %s takes its characters as they are and finds %p', async (query, found) => {
  const { publish, names } = await setUp()
  await publish('acme/under_score')
  await publish('acme/percent', { description: 'At 100% always.' })
  await publish('acme/backslash', { description: 'Escapes \\ well.' })
  await publish('acme/bang', { description: 'Wow!' })

  expect(await names(`q=${query}`)).toEqual(found)
})

test('abuse 52 a query of 10 KB and the deepest page are answered at once', async () => {
  const { publish, json, token } = await setUp()
  await publish('acme/http')
  const started = performance.now()

  const long = await json(`/acme/search.json?q=${'%25_a%20'.repeat(1200)}`, { token })
  const deep = await json('/acme/search.json?q=acme&page=300&per_page=100', { token })

  expect(long).toMatchObject({ total: 0 })
  expect(deep).toEqual({ results: [], total: 1 })
  expect(performance.now() - started).toBeLessThan(500)
})
