/** Contract pricore.md §5: the documented form, `/org/{org}/…`. */
import { expect, test } from 'bun:test'
import { createOrganization, revokeToken } from '../../../src/core/access/index.ts'
import { buildArchiveOf, buildPackage, buildToken, commitId } from '../../kit/build.ts'
import { BASE, basic } from '../../kit/http.ts'
import { buildSuborganization, REFERENCE, setUpAcme, ZIP } from './composer-fixture.ts'

const ROOT = '/org/acme/packages.json'
const METADATA = '/org/acme/p2/acme/http.json'
const ARCHIVE = '/org/acme/packages/acme/http/1.0.0.zip'
const DIST = `/org/acme/dists/acme/http/1.0.0/${REFERENCE}.zip`
const ALL = [ROOT, METADATA, '/org/acme/p2/acme/http~dev.json', ARCHIVE, DIST]

type Versions = Record<string, { version: string; type: string; dist: { url: string; reference: string; shasum?: string } }>
type Inline = { packages: Record<string, Versions> }

test('PR-201 the root has every version of every package by its name, complete, with the documented archive URLs', async () => {
  const { app, organization, json, token, blob } = await setUpAcme(['v1.0.0', '1.1.0', 'dev-main'])
  await buildPackage(app, { organization, name: 'beta/lib', versions: [] })
  await buildArchiveOf(app, { package: (await setUpTarget(app)).id, reference: commitId('acme/http v1.0.0'), bytes: ZIP })
  await buildPackage(app, { organization, versions: ['v1.0.0', '1.1.0', 'dev-main'], description: 'Anew.' })

  const document = (await json(ROOT, { token })) as Inline & Record<string, unknown>

  expect(Object.keys(document)).toEqual(['packages', 'notify-batch'])
  expect(document['notify-batch']).toBe(`${BASE}/org/acme/notify-batch`)
  expect(Object.keys(document.packages)).toEqual(['acme/http', 'beta/lib'])
  expect(document.packages['beta/lib']).toEqual({})
  const versions = document.packages['acme/http'] ?? {}
  expect(Object.keys(versions)).toEqual(['1.1.0', 'v1.0.0', 'dev-main'])
  expect(versions['v1.0.0']).toMatchObject({
    name: 'acme/http',
    version: 'v1.0.0',
    version_normalized: '1.0.0.0',
    type: 'library',
    time: '2026-01-01T00:00:00+00:00',
    source: { type: 'git', reference: commitId('acme/http v1.0.0') },
    dist: {
      type: 'zip',
      url: `${BASE}/org/acme/packages/acme/http/v1.0.0.zip`,
      reference: commitId('acme/http v1.0.0'),
      shasum: blob.sha1,
    },
  })
  expect(versions['v1.0.0']).not.toHaveProperty('published-time')
  const branch = versions['dev-main']?.dist
  const reference = commitId('acme/http dev-main')
  expect(branch).toEqual({
    type: 'zip',
    url: `${BASE}/org/acme/packages/acme/http/dev-main.zip?reference=${reference}`,
    reference,
  } as never)
})

async function setUpTarget(app: Awaited<ReturnType<typeof setUpAcme>>['app']) {
  return app.ports.database.read.selectFrom('packages').select('id').where('name', '=', 'acme/http').executeTakeFirstOrThrow()
}

test('PR-201 an organization without packages has none', async () => {
  const { app, json } = await setUpAcme()
  const empty = await app.organization('empty')
  const { secret } = await buildToken(app, empty.id)

  expect(await json('/org/empty/packages.json', { token: secret })).toMatchObject({ packages: {} })
})

test('PR-201 PR-112 the root has another time and ETag after every change of any package, also within one second', async () => {
  const { app, organization, get } = await setUpAcme()
  const seen: string[] = []
  const look = async () => {
    const { headers } = await get(ROOT)
    seen.push(`${headers.get('last-modified')}`, `${headers.get('etag')}`)
    return headers
  }

  const first = await look()
  expect((await get(ROOT, { 'If-None-Match': first.get('etag') ?? '' })).status).toBe(304)
  expect((await get(ROOT, { 'If-Modified-Since': first.get('last-modified') ?? '' })).status).toBe(304)
  for (const versions of [['1.0.0', '1.1.0'], ['1.0.0'], ['1.0.0', '1.2.0']]) {
    await buildPackage(app, { organization, versions })
    await look()
    await buildPackage(app, { organization, name: 'acme/other', versions })
    await look()
  }

  expect(new Set(seen).size).toBe(seen.length)
})

test('PR-011 CO-048 the root has what the token may see, and tokens of two views never confirm each other', async () => {
  const { app, organization, get, send, json } = await setUpAcme()
  await buildPackage(app, { organization, name: 'acme/secret' })
  const { secret: limited } = await buildToken(app, organization, { packages: ['acme/http'] })
  const full = await get(ROOT)

  const { packages } = (await json(ROOT, { token: limited })) as Inline

  expect(Object.keys(packages)).toEqual(['acme/http'])
  for (const [name, value] of [
    ['If-Modified-Since', full.headers.get('last-modified')],
    ['If-None-Match', full.headers.get('etag')],
  ] as const) {
    expect((await send(ROOT, { token: limited, headers: { [name]: value ?? '' } })).status).toBe(200)
  }
})

test('PR-202 PR-204 metadata has all versions by name, and ~dev the development versions', async () => {
  const { get, json, token } = await setUpAcme(['1.0.0', '1.1.0-beta1', 'dev-main'])
  const namesOf = async (path: string) => Object.keys(((await json(path, { token })) as Inline).packages['acme/http'] ?? {})

  expect(await namesOf(METADATA)).toEqual(['1.1.0-beta1', '1.0.0', 'dev-main'])
  expect(await namesOf('/org/acme/p2/acme/http~dev.json')).toEqual(['dev-main'])
  expect(await (await get(METADATA)).text()).not.toContain('minified')
  const { headers } = await get(METADATA)
  expect(headers.get('cache-control')).toBe('max-age=300, private')
  expect((await get(METADATA, { 'If-None-Match': headers.get('etag') ?? '' })).status).toBe(304)
  expect((await get(METADATA, { 'If-Modified-Since': headers.get('last-modified') ?? '' })).status).toBe(304)
})

test('PR-202 metadata of an unknown package is 404 with an empty document', async () => {
  const { get } = await setUpAcme()

  const response = await get('/org/acme/p2/acme/absent.json')

  expect(response.status).toBe(404)
  expect(await response.text()).toBe('{"message":"Not found","packages":{}}')
})

test('PR-203 the archive of a version is the present one, with and without a leading v, and says what may be kept', async () => {
  const { app, organization, get, target } = await setUpAcme()
  const moved = commitId('moved')
  await buildArchiveOf(app, { package: target, reference: moved, bytes: new Uint8Array([1, 2, 3]) })

  const first = await get(ARCHIVE)
  const withV = await get('/org/acme/packages/acme/http/v1.0.0.zip')
  await buildPackage(app, { organization, versions: [{ version: '1.0.0', reference: moved }] })
  const second = await get(ARCHIVE, { 'If-None-Match': first.headers.get('etag') ?? '' })
  const confirmed = await get(ARCHIVE, { 'If-None-Match': second.headers.get('etag') ?? '' })
  const older = await get(`${ARCHIVE}?reference=${REFERENCE}`)

  expect([first.status, withV.status, second.status, confirmed.status, older.status]).toEqual([200, 200, 200, 304, 200])
  expect(first.headers.get('etag')).toBe(`"${REFERENCE}"`)
  expect(first.headers.get('cache-control')).toBe('private, max-age=3600')
  expect(await second.bytes()).toEqual(new Uint8Array([1, 2, 3]))
  expect(await older.bytes()).toEqual(ZIP)
})

test('PR-203 the exact version is preferred to the one that differs by a v', async () => {
  const { app, organization, get, target } = await setUpAcme()
  const reference = commitId('acme/http v1.0.1')
  await buildArchiveOf(app, { package: target, reference, bytes: ZIP })
  await buildPackage(app, { organization, versions: ['v1.0.1', '1.0.0'] })

  expect((await get('/org/acme/packages/acme/http/v1.0.1.zip')).headers.get('etag')).toBe(`"${reference}"`)
  expect((await get('/org/acme/packages/acme/http/1.0.1.zip')).headers.get('etag')).toBe(`"${reference}"`)
})

test.each(['dev-feature/x', 'dev-fix-#12', 'dev-a+b'])(
  'PR-203 the URL of %s leads to its archive, also when the branch is gone',
  async (version) => {
    const { app, organization, get, json, token, target } = await setUpAcme(['1.0.0', version])
    await buildArchiveOf(app, { package: target, reference: commitId(`acme/http ${version}`), bytes: ZIP })
    const { packages } = (await json(METADATA, { token })) as Inline
    const url = packages['acme/http']?.[version]?.dist.url.slice(BASE.length) ?? ''

    const present = await get(url)
    await buildPackage(app, { organization, versions: ['1.0.0'] })
    const later = await get(url)

    expect([present.status, later.status]).toEqual([200, 200])
    expect(present.headers.get('cache-control')).toBe('private, no-cache')
    expect(later.headers.get('cache-control')).toBe('private, no-cache')
    expect((await get(url.replace(/\?.*/, ''))).status).toBe(404)
  },
)

test.each(['9.9.9', '1.0.0/x', '%2E%2E%2Fhttp/1.0.0'])('PR-203 the archive of %s is not found', async (version) => {
  const { get } = await setUpAcme()

  const response = await get(`/org/acme/packages/acme/http/${version}.zip`)

  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ message: expect.any(String) })
})

test('PR-203 a reference that the package never had is not found and asks for no build', async () => {
  const { get } = await setUpAcme()

  const response = await get(`${ARCHIVE}?reference=${commitId('never')}`)

  expect(response.status).toBe(404)
  expect(await response.text()).toBe('{"message":"Not found"}')
})

test('PR-204 archives by reference are there as in the implemented form', async () => {
  const { get } = await setUpAcme()

  const response = await get(DIST)
  const absent = await get('/org/acme/dists/acme/http/1.0.0/not-a-commit.zip')

  expect(response.headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
  expect(await response.bytes()).toEqual(ZIP)
  expect(await absent.text()).toBe('{"error":"Not found"}')
})

async function notify(server: Awaited<ReturnType<typeof setUpAcme>>, body: string) {
  const response = await server.send('/org/acme/notify-batch', { method: 'POST', token: server.token, body })
  return { status: response.status, text: await response.text() }
}

test('PR-119 PR-204 installs are counted and answered with 204', async () => {
  const server = await setUpAcme()
  const downloads = [
    { name: 'acme/http', version: '1.0.0.0' },
    { name: 'acme/unknown', version: '1.0.0.0' },
  ]

  expect(await notify(server, JSON.stringify({ downloads }))).toEqual({ status: 204, text: '' })
  await server.server.usage.fold(server.app.ports.database.write)
  const counts = await server.app.ports.database.read.selectFrom('download_counts').select(['version', 'kind', 'count']).execute()
  expect(counts).toEqual([{ version: '1.0.0.0', kind: 'install', count: 1 }])
})

test.each<[string, string[], string]>([
  ['{}', ['downloads'], 'The downloads field is required.'],
  ['[]', ['downloads'], 'The downloads field is required.'],
  ['{"downloads":[]}', ['downloads'], 'The downloads field is required.'],
  ['{"downloads":"x"}', ['downloads'], 'The downloads field must be an array.'],
  [
    '{"downloads":[{"name":7},{}]}',
    ['downloads.0.name', 'downloads.0.version', 'downloads.1.name', 'downloads.1.version'],
    'The downloads.0.name field must be a string. (and 3 more errors)',
  ],
  [
    '{"downloads":[{"name":"acme/http"}, 7]}',
    ['downloads.0.version', 'downloads.1.name', 'downloads.1.version'],
    'The downloads.0.version field is required. (and 2 more errors)',
  ],
])('PR-014 PR-119 the notification %s is refused with 422 and what is wrong', async (body, fields, message) => {
  const answer = await notify(await setUpAcme(), body)

  expect(answer.status).toBe(422)
  const refused = JSON.parse(answer.text) as { message: string; errors: Record<string, string[]> }
  expect(refused.message).toBe(message)
  expect(Object.keys(refused.errors)).toEqual(fields)
})

test('PR-016 a notification that is no JSON is refused with 400', async () => {
  expect((await notify(await setUpAcme(), '{')).status).toBe(400)
})

test.each(ALL)(
  'PR-001 PR-002 PR-003 PR-004 %s takes Bearer and any user with the token as password, and nothing else',
  async (path) => {
    const { send, token } = await setUpAcme()
    const ask = async (authorization: string | null) =>
      send(path, authorization === null ? {} : { headers: { Authorization: authorization } })
    const good = [
      `Bearer ${token}`,
      `bearer   ${token}`,
      basic('token', token),
      basic('', token),
      basic('a:b', token).replace('a:b', 'a'),
    ]
    const bad = [
      null,
      basic(token, ''),
      basic(token, 'x-oauth-basic'),
      `token ${token}`,
      'Basic !!!',
      `Basic ${btoa(token)}`,
      'Bearer unknown',
      `Digest ${token}`,
    ]

    expect((await Promise.all(good.slice(0, 4).map(ask))).map(({ status }) => status)).toEqual([200, 200, 200, 200])
    for (const authorization of bad) {
      const response = await ask(authorization)

      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toContain('Bearer realm="Pricore"')
      expect(await response.text()).toBe('{"message":"Unauthorized"}')
    }
  },
)

test('PR-003 a notification with the token as user name is refused', async () => {
  const { send, token } = await setUpAcme()

  const response = await send('/org/acme/notify-batch', {
    method: 'POST',
    headers: { Authorization: basic(token, '') },
    body: '{}',
  })

  expect(response.status).toBe(401)
  expect(await response.text()).toBe('{"message":"Unauthorized"}')
})

test('PR-006 PR-008 a foreign organization is 401, an unknown one 404, and nobody learns which there are', async () => {
  const { app, get, send } = await setUpAcme()
  await createOrganization(app.ctx(), { slug: 'other', name: 'Other' })

  expect((await get('/org/other/packages.json')).status).toBe(401)
  const absent = await get('/org/absent/packages.json')
  expect([absent.status, await absent.text()]).toEqual([404, '{"message":"Not found"}'])
  for (const slug of ['acme', 'other', 'absent']) {
    expect((await send(`/org/${slug}/packages.json`)).status).toBe(401)
  }
})

test('PR-005 abuse 48 a revoked token is refused at once, whatever it has a copy of', async () => {
  const { app, organization, get, send, token, uid } = await setUpAcme()
  await Promise.all(ALL.map((path) => get(path)))

  await revokeToken(app.ctx(), { owner: { organization }, uid })

  for (const path of ALL) {
    expect((await send(path, { token, headers: { 'If-None-Match': '*' } })).status).toBe(401)
  }
})

test('PR-012 a token without the right to use repositories is refused with 403', async () => {
  const { app, organization, send } = await setUpAcme()
  const { secret } = await buildToken(app, organization, { scopes: ['package:read'] })
  for (const path of ALL) {
    const response = await send(path, { token: secret })

    expect(response.status).toBe(403)
    expect(await response.text()).toBe('{"message":"This token does not have Composer registry access."}')
  }
})

test('PR-015 CO-063 errors are JSON whatever the client would like', async () => {
  const { get, send } = await setUpAcme()
  for (const path of [
    '/org/absent/packages.json',
    '/org/acme/p2/acme/absent.json',
    '/org/acme/not/a/path',
    '/org/acme/packages/a/b/1.zip',
  ]) {
    const responses = [await get(path, { Accept: 'text/html' }), await send(path, { headers: { Accept: 'application/xml' } })]

    for (const response of responses) {
      expect(response.headers.get('content-type')).toBe('application/json')
      expect(await response.json()).toMatchObject({ message: expect.any(String) })
    }
  }
})

test('PR-204 abuse 65 a suborganization has the documented form too, with packages of its own', async () => {
  const { app, organization, get, json } = await setUpAcme()
  const sub = await buildSuborganization(app, organization, 'team')
  await buildPackage(app, { organization: sub, name: 'acme/inner' })
  const { secret: token } = await buildToken(app, sub)

  const { packages } = (await json('/org/acme/team/packages.json', { token })) as Inline

  expect(Object.keys(packages)).toEqual(['acme/inner'])
  expect(packages['acme/inner']?.['1.0.0']?.dist.url).toBe(`${BASE}/org/acme/team/packages/acme/inner/1.0.0.zip`)
  expect((await json('/org/acme/team/p2/acme/inner.json', { token })) as Inline).toMatchObject({ packages: { 'acme/inner': {} } })
  expect((await get('/org/acme/p2/acme/inner.json')).status).toBe(404)
})

test('PR-201 a document over 64 MiB is sent compressed, also to who asked for nothing of the kind', async () => {
  const text = new TextEncoder().encode('{"packages":{}}')
  const document = {
    gzip: Bun.gzipSync(text),
    zstd: Bun.zstdCompressSync(text),
    length: 64 * 1024 * 1024 + 1,
    hash: 'a'.repeat(64),
  }
  const { get } = await setUpAcme(['1.0.0'], { renderer: () => ({ render: async () => document }) })

  const response = await get(ROOT)

  expect(response.headers.get('content-encoding')).toBe('gzip')
  expect(response.headers.get('etag')).toEndWith('-gzip"')
})
