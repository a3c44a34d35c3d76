import { expect, test } from 'bun:test'
import { revokeToken } from '../../../src/core/access/index.ts'
import { buildArchiveOf, buildPackage, buildToken, commitId, packageIdOf } from '../../kit/build.ts'
import { basic, COMPOSER_HEADERS, createTestServer, type TestServer } from '../../kit/http.ts'
import { UPDATE_SCOPES } from '../../../src/core/kernel/scopes.ts'

const REFERENCE = commitId('acme/http 1.0.0')
const DIST = `/acme/dists/acme/http/1.0.0/${REFERENCE}.zip`

/** Every address that needs a token, with the method that it answers. */
const PROTECTED: readonly (readonly [method: string, path: string])[] = [
  ['GET', '/acme/packages.json'],
  ['GET', '/acme/p2/acme/http.json'],
  ['GET', '/acme/p2/acme/http~dev.json'],
  ['GET', DIST],
  ['GET', '/acme/list.json'],
  ['GET', '/acme/search.json?q=http'],
  ['GET', '/acme/providers/ext-http.json'],
  ['GET', '/acme/packages/acme/http.json'],
  ['POST', '/acme/notify-batch'],
  ['POST', '/acme/downloads/'],
]

async function setUp(wanted: Parameters<typeof createTestServer>[0] = {}) {
  const server = await createTestServer(wanted)
  const { app } = server
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization })
  await buildArchiveOf(app, {
    package: await packageIdOf(app, organization),
    reference: REFERENCE,
    bytes: new TextEncoder().encode('a zip'),
  })
  const { secret: token, uid } = await buildToken(app, organization)
  return { ...server, server, app, organization, token, uid }
}

async function statusOf(server: TestServer, [method, path]: readonly [string, string], headers: Record<string, string>) {
  const body = method === 'POST' ? { body: '{"downloads":[{"name":"acme/http","version":"1.0.0.0"}]}' } : {}
  return (await server.send(path, { method, headers, ...body })).status
}

async function statuses(server: TestServer, headers: Record<string, string>): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const address of PROTECTED) {
    found[address[1]] = await statusOf(server, address, headers)
  }
  return found
}

function all(status: number, exceptions: Record<string, number> = {}): Record<string, number> {
  return { ...Object.fromEntries(PROTECTED.map(([, path]) => [path, status])), ...exceptions }
}

const WITH_TOKEN = all(200, { '/acme/notify-batch': 201, '/acme/downloads/': 201 })

test.each<[string, (token: string) => string]>([
  ['CO-050 Basic with any user name and the token as password', (token) => basic('anybody', token)],
  ['CO-050 Basic with an empty user name', (token) => basic('', token)],
  ['CO-051 Basic with the token as user name', (token) => basic(token, '')],
  ['CO-051 Basic with the token as user name and x-oauth-basic', (token) => basic(token, 'x-oauth-basic')],
  ['CO-051 Basic with the token as user name and x-token-auth', (token) => basic(token, 'x-token-auth')],
  ['CO-052 Bearer', (token) => `Bearer ${token}`],
  ['CO-052 bearer in lower case and further spaces', (token) => `bearer   ${token} `],
  ['CO-053 a custom Authorization header with "token"', (token) => `token ${token}`],
])('%s opens every address', async (_, toHeader) => {
  const { server, token } = await setUp()

  expect(await statuses(server, { ...COMPOSER_HEADERS, Authorization: toHeader(token) })).toEqual(WITH_TOKEN)
})

test('CO-055 CO-056 credentials in a repository URL with a port are accepted', async () => {
  const { app, token, listening } = await setUp()
  await listening(async (url, port) => {
    const own = `http://token:${encodeURIComponent(token)}@127.0.0.1:${port}`

    const response = await fetch(`${own}/acme/packages.json`)

    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ 'metadata-url': `${url}/acme/p2/%package%.json` })
  })
  expect(app.warnings).toEqual([])
})

test.each<[string, Record<string, string>]>([
  ['nothing', {}],
  ['an unknown token', { Authorization: basic('token', 'rpt_unknown') }],
  ['the name of a scheme alone', { Authorization: 'Bearer' }],
  ['another scheme', { Authorization: 'Digest username="x"' }],
  ['Basic that is not base64', { Authorization: 'Basic !!!' }],
  ['Basic without a colon', { Authorization: `Basic ${Buffer.from('abc').toString('base64')}` }],
  ['an empty Basic', { Authorization: basic('', '') }],
  ['9 KB', { Authorization: `Bearer ${'x'.repeat(9000)}` }],
])('CO-057 CO-063 with %s every address answers 401 in JSON that tells where to get a token', async (_, headers) => {
  const { server, send } = await setUp()

  expect(await statuses(server, headers)).toEqual(all(401))
  const response = await send('/acme/packages.json', { headers })
  const body = (await response.json()) as Record<string, string>
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('www-authenticate')).toBe('Basic realm="Repertoire", charset="UTF-8", Bearer realm="Pricore"')
  expect(response.headers.get('cache-control')).toBe('private, no-store')
  expect(body['status']).toBe('error')
  expect(body['warning']).toContain('ask its administrator for one')
})

test('CO-058 nothing of the repository answers 403: what a token may not see does not exist', async () => {
  const { app, server, organization } = await setUp()
  const { secret } = await buildToken(app, organization, { packages: ['acme/other'] })
  const other = await app.organization('other')
  const { secret: foreign } = await buildToken(app, other.id)

  const limited = await statuses(server, { Authorization: `Bearer ${secret}` })
  const outside = await statuses(server, { Authorization: `Bearer ${foreign}` })

  expect(limited).toEqual({
    ...all(404),
    '/acme/packages.json': 200,
    '/acme/list.json': 200,
    '/acme/search.json?q=http': 200,
    '/acme/providers/ext-http.json': 200,
    '/acme/notify-batch': 200,
    '/acme/downloads/': 200,
  })
  expect(outside).toEqual(all(404))
})

test('CO-059 abuse 48 a revoked token is refused everywhere at the next request, and gets no 304', async () => {
  const { app, server, send, organization, token, uid } = await setUp()
  const headers = { Authorization: basic('token', token) }
  expect(await statuses(server, headers)).toEqual(WITH_TOKEN)
  const lastModified = (await send('/acme/p2/acme/http.json', { headers })).headers.get('last-modified') ?? ''

  await revokeToken(app.ctx(), { owner: { organization }, uid })

  expect(await statuses(server, headers)).toEqual(all(401))
  const conditional = { ...headers, 'If-Modified-Since': lastModified }
  expect((await send('/acme/p2/acme/http.json', { headers: conditional })).status).toBe(401)
})

test('CO-059 CO-062 a token expires by the clock alone, also when its answers are in memory', async () => {
  const { app, server, organization } = await setUp()
  const expiresAt = app.clock.now() + 60_000
  const { secret } = await buildToken(app, organization, { expiresAt })
  const headers = { Authorization: `Bearer ${secret}` }

  app.clock.advance(59_999)
  expect(await statuses(server, headers)).toEqual(WITH_TOKEN)
  app.clock.advance(1)

  expect(await statuses(server, headers)).toEqual(all(401))
})

test('CO-062 a token for some packages sees those and no others, in every place', async () => {
  const { app, organization, json, send } = await setUp()
  await buildPackage(app, { organization, name: 'acme/other' })
  const { secret: token } = await buildToken(app, organization, { packages: ['acme/o*'] })

  expect(await json('/acme/list.json', { token })).toEqual({ packageNames: ['acme/other'] })
  expect(await json('/acme/search.json?q=acme', { token })).toMatchObject({ total: 1, results: [{ name: 'acme/other' }] })
  expect((await send('/acme/p2/acme/other.json', { token })).status).toBe(200)
  expect((await send('/acme/p2/acme/http.json', { token })).status).toBe(404)
  expect((await send(DIST, { token })).status).toBe(404)
})

test('CO-062 an update token reads like a read token', async () => {
  const { app, server, organization } = await setUp()
  const { secret } = await buildToken(app, organization, { scopes: UPDATE_SCOPES })

  expect(await statuses(server, { Authorization: `Bearer ${secret}` })).toEqual(WITH_TOKEN)
})

test('CO-048 abuse 49 no answer may be kept by a shared cache, and answers vary by the credential', async () => {
  const { send, token } = await setUp()
  for (const [method, path] of PROTECTED) {
    const body = method === 'POST' ? { body: '{"downloads":[]}' } : {}
    for (const credential of [token, null]) {
      const response = await send(path, { method, token: credential, ...body })

      expect(response.headers.get('cache-control')).toMatch(/\bprivate\b/)
      expect(response.headers.get('vary')).toContain('Authorization')
    }
  }
})

test('CO-048 two tokens with different patterns never confirm the root of each other', async () => {
  const { app, organization, send, token } = await setUp()
  await buildPackage(app, { organization, name: 'acme/other' })
  const { secret: first } = await buildToken(app, organization, { packages: ['acme/http'] })
  const { secret: second } = await buildToken(app, organization, { packages: ['acme/other'] })
  const tokens = [token, first, second]
  const times = await Promise.all(
    tokens.map(async (each) => (await send('/acme/packages.json', { token: each })).headers.get('last-modified') ?? ''),
  )

  const confirmed = await Promise.all(
    tokens.map((each) =>
      Promise.all(
        times.map(
          async (time) => (await send('/acme/packages.json', { token: each, headers: { 'If-Modified-Since': time } })).status,
        ),
      ),
    ),
  )

  expect(confirmed).toEqual([
    [304, 200, 200],
    [200, 304, 200],
    [200, 200, 304],
  ])
})

test('CO-060 a burst of several hundred requests is answered as a whole', async () => {
  const { send, token } = await setUp()

  const burst = await Promise.all(
    Array.from({ length: 600 }, (_, index) =>
      send(index % 3 === 0 ? '/acme/p2/acme/http.json' : `/acme/p2/acme/no-${index}.json`, { token }),
    ),
  )

  expect(new Set(burst.map((response) => response.status))).toEqual(new Set([200, 404]))
})

test('CO-064 no answer redirects anywhere', async () => {
  const { send, token } = await setUp()
  for (const [method, path] of PROTECTED) {
    const response = await send(path, { method, token, ...(method === 'POST' ? { body: '{}' } : {}) })

    expect(response.headers.has('location')).toBe(false)
  }
})

test('abuse 41 a token in the query string is not looked at', async () => {
  const { server, token } = await setUp()
  for (const [method, path] of PROTECTED) {
    for (const name of ['token', 'access_token', 'api_token', 'private_token', 'apiToken']) {
      const address = `${path}${path.includes('?') ? '&' : '?'}${name}=${token}`

      expect(await statusOf(server, [method, address], {})).toBe(401)
    }
  }
})

test('abuse 40 the URL of an archive from a lock file is of no use without a token', async () => {
  const { send } = await setUp()

  const response = await send(DIST)

  expect(response.status).toBe(401)
  expect(await response.text()).not.toContain('a zip')
})
