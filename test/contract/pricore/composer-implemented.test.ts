/** Contract pricore.md §4 on `/{org}`, as far as it does not contradict Composer's own contract; docs/api/pricore.md lists where it does. */
import { expect, test } from 'bun:test'
import { expandVersions, type VersionData } from '../../../src/composer/index.ts'
import { createOrganization, createPersonalToken, revokeToken } from '../../../src/core/access/index.ts'
import { buildArchiveOf, buildPackage, buildToken, commitId } from '../../kit/build.ts'
import { BASE, basic } from '../../kit/http.ts'
import { REFERENCE, setUpAcme, ZIP } from './composer-fixture.ts'

const ROOT = '/acme/packages.json'
const STABLE = '/acme/p2/acme/http.json'
const DEV = '/acme/p2/acme/http~dev.json'
const DIST = `/acme/dists/acme/http/1.0.0/${REFERENCE}.zip`

test('PR-101 the root has absolute URLs and the sorted names of all packages', async () => {
  const { app, organization, json, token } = await setUpAcme()
  await buildPackage(app, { organization, name: 'acme/alpha' })

  expect(await json(ROOT, { token })).toMatchObject({
    'metadata-url': `${BASE}/acme/p2/%package%.json`,
    'available-packages': ['acme/alpha', 'acme/http'],
    'notify-batch': `${BASE}/acme/notify-batch`,
  })
})

test.each([
  [ROOT, 'max-age=300, private'],
  [STABLE, 'max-age=3600, private'],
  [DEV, 'max-age=300, private'],
])('PR-102 PR-107 PR-112 %s may be kept by the client alone and is confirmed by ETag and by date', async (path, cacheControl) => {
  const { get } = await setUpAcme()

  const first = await get(path)
  const etag = first.headers.get('etag') ?? ''
  const lastModified = first.headers.get('last-modified') ?? ''
  const confirmed = [
    await get(path, { 'If-None-Match': etag }),
    await get(path, { 'If-None-Match': `W/${etag}` }),
    await get(path, { 'If-None-Match': `"x", W/"y" , ${etag}` }),
    await get(path, { 'If-None-Match': '*' }),
    await get(path, { 'If-Modified-Since': lastModified }),
  ]
  const sent = [
    await get(path, { 'If-None-Match': '"x"' }),
    await get(path, { 'If-None-Match': '"x"', 'If-Modified-Since': lastModified }),
    await get(path, { 'If-None-Match': '' }),
  ]

  expect(first.headers.get('cache-control')).toBe(cacheControl)
  expect(etag).toMatch(/^"[0-9a-f]{32}"$/)
  expect(confirmed.map(({ status }) => status)).toEqual([304, 304, 304, 304, 304])
  expect(sent.map(({ status }) => status)).toEqual([200, 200, 200])
  for (const response of confirmed) {
    expect(await response.text()).toBe('')
    expect(Object.fromEntries(response.headers)).toEqual({
      etag,
      'cache-control': cacheControl,
      vary: first.headers.get('vary') ?? '',
    })
  }
})

test('PR-102 each coding of a document has an ETag of its own, which confirms no other', async () => {
  const { get } = await setUpAcme()
  const tags = await Promise.all(
    ['', 'gzip', 'zstd'].map(async (coding) => (await get(STABLE, { 'Accept-Encoding': coding })).headers.get('etag') ?? ''),
  )

  const crossed = await get(STABLE, { 'Accept-Encoding': 'gzip', 'If-None-Match': tags[2] ?? '' })

  expect(new Set(tags).size).toBe(3)
  expect(crossed.status).toBe(200)
})

test('PR-104 PR-105 PR-106 PR-108 releases with pre-releases and branches are in their files, minified, tags as they are written', async () => {
  const { json, token } = await setUpAcme(['v1.0.0', '1.1.0-beta1', { version: 'dev-main', defaultBranch: true }])
  const read = async (path: string) => {
    const document = (await json(path, { token })) as { minified: string; packages: Record<string, VersionData[]> }
    expect(document.minified).toBe('composer/2.0')
    return expandVersions(document.packages['acme/http'] ?? []).map((version) => [
      version['version'],
      version['version_normalized'],
    ])
  }

  expect(await read(STABLE)).toEqual([
    ['1.1.0-beta1', '1.1.0.0-beta1'],
    ['v1.0.0', '1.0.0.0'],
  ])
  expect(await read(DEV)).toEqual([['dev-main', 'dev-main']])
})

test('PR-109 PR-110 an unknown package and one of another organization are the empty document with 404', async () => {
  const { app, get } = await setUpAcme()
  const other = await app.organization('other')
  await buildPackage(app, { organization: other.id, name: 'other/secret' })

  for (const name of ['acme/absent', 'other/secret', 'acme/absent~dev']) {
    const response = await get(`/acme/p2/${name}.json`)

    expect(response.status).toBe(404)
    expect(await response.text()).toBe('{"packages":[],"minified":"composer/2.0"}')
    expect(response.headers.get('cache-control')).toBe('max-age=300, private')
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.has('etag')).toBe(false)
  }
})

test('PR-111 a package without releases has an empty list', async () => {
  const { json, token } = await setUpAcme(['dev-main'])

  expect(await json(STABLE, { token })).toEqual({
    minified: 'composer/2.0',
    packages: { 'acme/http': [] },
    'security-advisories': [],
  })
})

test('PR-112 the time of a document moves forward with every version that comes, changes or goes', async () => {
  const { app, organization, get } = await setUpAcme()
  const seen: { time: number; etag: string }[] = []
  const look = async () => {
    const { headers } = await get(STABLE)
    seen.push({ time: Date.parse(headers.get('last-modified') ?? ''), etag: headers.get('etag') ?? '' })
  }

  await look()
  await buildPackage(app, { organization, versions: ['1.0.0', '1.1.0'] })
  await look()
  await buildPackage(app, { organization, versions: ['1.0.0', { version: '1.1.0', reference: commitId('moved') }] })
  await look()
  await buildPackage(app, { organization, versions: ['1.0.0'] })
  await look()

  expect(new Set(seen.map(({ time }) => time)).size).toBe(4)
  expect(seen.map(({ time }) => time)).toEqual(seen.map(({ time }) => time).toSorted((left, right) => left - right))
  expect(new Set(seen.map(({ etag }) => etag)).size).toBeGreaterThanOrEqual(3)
})

test('PR-113 an archive has the headers of something that never changes', async () => {
  const { get, blob } = await setUpAcme()

  const response = await get(DIST)
  const bytes = await response.bytes()

  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'application/zip',
    'content-disposition': `attachment; filename="acme-http-${REFERENCE.slice(0, 12)}.zip"`,
    'cache-control': 'private, max-age=31536000, immutable',
    etag: `"${REFERENCE}"`,
  })
  expect(new Bun.CryptoHasher('sha1').update(bytes).digest('hex')).toBe(blob.sha1)
})

test('PR-113 abuse 48 an archive is confirmed by its ETag and continued for who has its beginning', async () => {
  const { get } = await setUpAcme()
  const etag = `"${REFERENCE}"`

  const confirmed = await get(DIST, { 'If-None-Match': etag })
  const continued = await get(DIST, { Range: 'bytes=10-', 'If-Range': etag })
  const anew = await get(DIST, { Range: 'bytes=10-', 'If-Range': '"another"' })

  expect(confirmed.status).toBe(304)
  expect([continued.status, (await continued.bytes()).byteLength]).toEqual([206, ZIP.byteLength - 10])
  expect([anew.status, (await anew.bytes()).byteLength]).toEqual([200, ZIP.byteLength])
})

test.each(['dev-feature/x', 'dev-fix-#12', 'dev-a+b', '1.0.0+build.5', 'v2.0.0'])(
  'PR-114 PR-115 the URL that metadata gives for %s leads to its archive',
  async (version) => {
    const { app, get, json, token, target } = await setUpAcme([version])
    const reference = commitId(`acme/http ${version}`)
    await buildArchiveOf(app, { package: target, reference, bytes: ZIP })
    const document = (await json(version.startsWith('dev-') ? DEV : STABLE, { token })) as {
      packages: Record<string, { dist: { url: string } }[]>
    }
    const url = document.packages['acme/http']?.[0]?.dist.url ?? ''

    const response = await get(url.slice(BASE.length).replace('%reference%', reference))

    expect(url).not.toMatch(/[#+]/)
    expect(response.status).toBe(200)
  },
)

test('PR-115 PR-118 an archive is found with and without a leading v, also after its version moved, and not by a wrong reference', async () => {
  const { app, organization, get } = await setUpAcme()
  await buildPackage(app, { organization, versions: [{ version: '1.0.0', reference: commitId('moved') }] })
  app.leaveJobs()

  expect((await get(`/acme/dists/acme/http/v1.0.0/${REFERENCE}.zip`)).status).toBe(200)
  expect((await get(DIST)).status).toBe(200)
  expect((await get('/acme/dists/acme/http/1.0.0/not-a-commit.zip')).status).toBe(404)
})

test.each([`/acme/dists/acme/absent/1.0.0/${REFERENCE}.zip`, '/acme/dists/acme/http/1.0.0/not-a-commit.zip'])(
  'PR-116 %s is not found in the words of Pricore, and nobody gets it without a token',
  async (path) => {
    const { get, send } = await setUpAcme()

    expect(await (await get(path)).json()).toMatchObject({ error: 'Not found' })
    expect((await send(path)).status).toBe(401)
  },
)

test.each([ROOT, STABLE, DEV, DIST])('PR-122 HEAD of %s has the headers of GET and no body', async (path) => {
  const { get, listening, token } = await setUpAcme()
  const { headers } = await get(path)
  await listening(async (url) => {
    const head = await fetch(`${url}${path}`, { method: 'HEAD', headers: { Authorization: `Bearer ${token}` } })

    expect(head.status).toBe(200)
    expect(await head.text()).toBe('')
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0)
    expect(head.headers.get('cache-control')).toBe(headers.get('cache-control') ?? '')
  })
})

test('PR-001 PR-002 PR-004 every 401 has both challenges and a message', async () => {
  const { send } = await setUpAcme()
  for (const path of [ROOT, STABLE, DIST, '/acme/list.json']) {
    const response = await send(path)

    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Basic realm="Repertoire", charset="UTF-8", Bearer realm="Pricore"')
    expect(await response.json()).toMatchObject({ message: expect.any(String) })
  }
})

test('PR-005 abuse 48 a revoked token gets no 304 by any validator', async () => {
  const { app, organization, get, send, token, uid } = await setUpAcme()
  const { headers } = await get(STABLE)
  const validators = [
    { 'If-None-Match': headers.get('etag') ?? '' },
    { 'If-None-Match': '*' },
    { 'If-Modified-Since': headers.get('last-modified') ?? '' },
  ]

  await revokeToken(app.ctx(), { owner: { organization }, uid })

  for (const path of [STABLE, DIST, ROOT]) {
    for (const validator of validators) {
      expect((await send(path, { token, headers: validator })).status).toBe(401)
    }
  }
})

test('PR-011 abuse 48 abuse 49 a token for other packages is told nothing by a validator, and shares no answer', async () => {
  const { app, organization, get, send } = await setUpAcme()
  const { secret: limited } = await buildToken(app, organization, { packages: ['acme/other'] })
  const { headers } = await get(ROOT)

  expect((await send(STABLE, { token: limited, headers: { 'If-None-Match': '*' } })).status).toBe(404)
  expect((await send(DIST, { token: limited, headers: { 'If-None-Match': `"${REFERENCE}"` } })).status).toBe(404)
  expect((await send(ROOT, { token: limited, headers: { 'If-None-Match': headers.get('etag') ?? '' } })).status).toBe(200)
  expect(headers.get('vary')).toContain('Authorization')
})

test('PR-012 a token without the right to use repositories is refused with 403', async () => {
  const { app, organization, send } = await setUpAcme()
  const { secret } = await buildToken(app, organization, { scopes: ['package:read'] })
  for (const path of [ROOT, STABLE, DIST, '/acme/list.json']) {
    const response = await send(path, { headers: { Authorization: basic('token', secret) } })

    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ message: 'This token does not have Composer registry access.' })
  }
})

test('PR-006 PR-008 an unknown and a foreign organization are both 404 for a valid token, and 401 for nobody', async () => {
  const { app, send, token } = await setUpAcme()
  await createOrganization(app.ctx(), { slug: 'other', name: 'Other' })

  const answers = await Promise.all(['/other/packages.json', '/absent/packages.json'].map((path) => send(path, { token })))

  expect(answers.map(({ status }) => status)).toEqual([404, 404])
  expect((await send('/absent/packages.json')).status).toBe(401)
})

test('PR-007 a personal token works where its user is a member, and not a moment longer', async () => {
  const { app, organization, send } = await setUpAcme()
  const other = await app.organization('other')
  const { write } = app.ports.database
  const user = await write
    .insertInto('users')
    .values({
      uid: app.ports.newId(),
      email: 'ada@example.org',
      name: 'Ada',
      password_hash: null,
      is_operator: 0,
      disabled_at: null,
      created_at: app.clock.now(),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const membership = { organization_id: organization, user_id: user.id, role: 'member' as const, created_at: app.clock.now() }
  await write.insertInto('members').values(membership).execute()
  const { secret } = await buildPersonalToken(user.id)
  const statuses = async () => {
    const paths = [ROOT, STABLE, DIST, '/org/acme/packages.json', '/other/packages.json', '/org/other/packages.json']
    return Promise.all(paths.map(async (path) => (await send(path, { token: secret })).status))
  }

  const asMember = await statuses()
  await write.deleteFrom('members').where('user_id', '=', user.id).execute()
  app.ports.database.touched()

  expect(other.slug).toBe('other')
  expect(asMember).toEqual([200, 200, 200, 200, 404, 401])
  expect(await statuses()).toEqual([404, 404, 404, 401, 404, 401])

  async function buildPersonalToken(id: typeof user.id) {
    const owner = app.ctx({ kind: 'operator' })
    return createPersonalToken(owner, {
      user: id,
      name: 'laptop',
      scopes: null,
      packages: null,
      addresses: null,
      expiresAt: null,
    })
  }
})

test.each([DIST, '/org/acme/packages/acme/http/1.0.0.zip'])(
  'PR-117 CO-079 %s in an object store is a redirect that nobody keeps',
  async (path) => {
    const { app, get } = await setUpAcme()
    let signature = 0
    Object.assign(app.ports.blobs, {
      async locate() {
        signature += 1
        const url = `https://store.example/blob?signature=${signature}`
        return { kind: 'url', size: 1, link: () => url, read: async () => new Uint8Array(1) }
      },
    })

    const first = await get(path, { 'If-None-Match': '*' })
    const second = await get(path)

    expect([first.status, second.status]).toEqual([302, 302])
    expect(first.headers.get('cache-control')).toBe('private, no-store')
    expect([first.headers.get('location'), second.headers.get('location')]).toEqual([
      'https://store.example/blob?signature=1',
      'https://store.example/blob?signature=2',
    ])
  },
)
