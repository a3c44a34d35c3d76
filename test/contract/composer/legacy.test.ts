/** Version 1 of the protocol (contract composer.md §4). */
import { expect, test } from 'bun:test'
import { buildArchiveOf, buildMany, buildPackage, buildToken, commitId, packageIdOf, type BuildPackage } from '../../kit/build.ts'
import { BASE, createTestServer } from '../../kit/http.ts'

const COMPOSER_1 = { 'User-Agent': 'Composer/1.10.27 (Linux; 6.1.0; PHP 7.4.33)', 'Accept-Encoding': 'gzip' }

interface LegacyRoot {
  'provider-includes': Record<string, { sha256: string }>
  'providers-url': string
}
type Version = Record<string, unknown> & { uid: number; dist: { url: string } }
type LegacyFile = { packages: Record<string, Record<string, Version>> }

async function setUp(packages: Omit<BuildPackage, 'organization'>[] = [{}]) {
  const server = await createTestServer()
  const { app } = server
  const { id: organization } = await app.organization()
  for (const one of packages) {
    await buildPackage(app, { organization, ...one })
  }
  const { secret: token } = await buildToken(app, organization)

  async function get(path: string, credential = token) {
    const response = await server.send(path, { token: credential, headers: COMPOSER_1 })
    const coded = response.headers.get('content-encoding') === 'gzip'
    const bytes = coded ? Bun.gunzipSync(await response.arrayBuffer()) : await response.bytes()
    const sha256 = new Bun.CryptoHasher('sha256').update(bytes).digest('hex')
    return { status: response.status, headers: response.headers, text: new TextDecoder().decode(bytes), sha256 }
  }

  /** What a client does: root, lists, and nothing else yet. Returns the checksums of all names. */
  async function list(credential = token): Promise<{ root: LegacyRoot; hashes: Record<string, string>; lists: string[] }> {
    const root = JSON.parse((await get('/acme/packages.json', credential)).text) as LegacyRoot
    const hashes: Record<string, string> = {}
    const lists: string[] = []
    for (const [template, { sha256 }] of Object.entries(root['provider-includes'])) {
      const path = `/acme/${template.replace('%hash%', sha256)}`
      const found = await get(path, credential)
      expect([found.status, found.sha256]).toEqual([200, sha256])
      lists.push(path)
      const { providers } = JSON.parse(found.text) as { providers: Record<string, { sha256: string }> }
      for (const [name, entry] of Object.entries(providers)) {
        hashes[name] = entry.sha256
      }
    }
    return { root, hashes, lists }
  }

  const file = (name: string, hash: string | undefined, credential = token) => get(`/acme/p/${name}$${hash}.json`, credential)
  return { ...server, app, organization, token, get, list, file }
}

test('CO-090 root, lists and files are found by SHA-256 of their exact bytes', async () => {
  const { list, file } = await setUp([{}, { name: 'acme/other', versions: ['1.0.0', 'dev-main'] }])

  const { root, hashes } = await list()

  expect(root['providers-url']).toBe(`${BASE}/acme/p/%package%$%hash%.json`)
  expect(Object.keys(hashes)).toEqual(['acme/http', 'acme/other'])
  for (const [name, hash] of Object.entries(hashes)) {
    const found = await file(name, hash)
    expect([found.status, found.sha256]).toEqual([200, hash])
    expect(found.headers.get('cache-control')).toContain('immutable')
    expect(found.headers.get('cache-control')).toContain('private')
  }
  const { packages } = JSON.parse((await file('acme/other', hashes['acme/other'])).text) as LegacyFile
  expect(Object.keys(packages)).toEqual(['acme/other'])
  expect(Object.keys(packages['acme/other'] ?? {})).toEqual(['1.0.0', 'dev-main'])
})

test('CO-090 only Composer 1 gets checksums; everybody else gets the address of files without', async () => {
  const { server, send, token } = await setUp()

  const modern = await send('/acme/packages.json', { token, headers: { 'User-Agent': 'Composer/2.8.1 (Linux)' } })
  const root = (await modern.json()) as Record<string, unknown>

  expect(root['providers-lazy-url']).toBe(`${BASE}/acme/p/%package%.json`)
  expect('provider-includes' in root).toBe(false)
  expect('metadata-url' in root).toBe(true)
  expect(modern.headers.get('vary')).toContain('User-Agent')
  expect(server).toBeDefined()
})

test('CO-090 abuse 49 with a fixed public URL, too, neither client gets the root of the other', async () => {
  const { app, organization } = await setUp()
  const { send } = await createTestServer({ app, config: { publicUrl: 'https://r.example' } })
  const { secret: token } = await buildToken(app, organization)
  const agents = ['Composer/2.8.1 (Linux)', 'Composer/1.10.27 (Linux)', 'Composer/2.8.1 (Linux)', 'Composer/1.10.27 (Linux)']
  const found: boolean[] = []
  for (const agent of agents) {
    const response = await send('/acme/packages.json', { token, headers: { 'User-Agent': agent } })
    found.push('provider-includes' in ((await response.json()) as object))
  }

  expect(found).toEqual([false, true, false, true])
})

test('CO-091 $ and %24 name the same file', async () => {
  const { list, get, lists } = await withLists()

  const { hashes } = await list()
  const plain = await get(`/acme/p/acme/http$${hashes['acme/http']}.json`)
  const encoded = await get(`/acme/p/acme/http%24${hashes['acme/http']}.json`)

  expect([plain.status, encoded.status]).toEqual([200, 200])
  expect(encoded.text).toBe(plain.text)
  expect((await get((lists[0] ?? '').replace('$', '%24'))).status).toBe(200)
})

async function withLists() {
  const server = await setUp()
  const { lists } = await server.list()
  return { ...server, lists }
}

test('CO-092 a client that has an older root still gets the lists and files that it names', async () => {
  const { app, organization, get, list, file } = await setUp([{}, { name: 'acme/other' }])
  const old = await list()
  const asked = (await file('acme/other', old.hashes['acme/other'])).text

  await buildPackage(app, { organization, versions: ['1.0.0', '1.1.0'] })
  await buildPackage(app, { organization, name: 'acme/other', versions: ['2.0.0'] })
  const present = await list()

  expect(present.hashes['acme/http']).not.toBe(old.hashes['acme/http'])
  const unasked = await file('acme/http', old.hashes['acme/http'])
  expect([unasked.status, unasked.sha256]).toEqual([200, old.hashes['acme/http'] ?? ''])
  expect(Object.keys((JSON.parse(unasked.text) as LegacyFile).packages['acme/http'] ?? {})).toEqual(['1.0.0'])
  expect((await file('acme/other', old.hashes['acme/other'])).text).toBe(asked)
  expect((await get(old.lists[0] ?? '')).status).toBe(200)
})

test('CO-092 a process that never listed serves present files by their checksum', async () => {
  const { app, token, list } = await setUp([
    {},
    { name: 'acme/log', versions: [{ version: '1.0.0', manifest: { provide: { 'psr/log': '1' } } }] },
  ])
  const { hashes, lists } = await list()
  const { send } = await createTestServer({ app })
  for (const path of [...lists, ...Object.entries(hashes).map(([name, hash]) => `/acme/p/${name}$${hash}.json`)]) {
    expect((await send(path, { token })).status).toBe(200)
  }
})

test('CO-093 every version has a uid that no other has', async () => {
  const { list, file } = await setUp([
    { versions: ['1.0.0', '1.1.0', 'dev-main'] },
    { name: 'acme/other', versions: ['1.0.0', 'dev-x'] },
  ])
  const { hashes } = await list()
  const uids: number[] = []
  for (const [name, hash] of Object.entries(hashes)) {
    const { packages } = JSON.parse((await file(name, hash)).text) as LegacyFile
    uids.push(...Object.values(packages[name] ?? {}).map(({ uid }) => uid))
  }

  expect(uids).toHaveLength(5)
  expect(new Set(uids).size).toBe(5)
  expect(uids.every((uid) => Number.isInteger(uid))).toBe(true)
})

test('CO-094 the file of a name has the packages that provide or replace it, each under its own name', async () => {
  const { list, file } = await setUp([
    {
      name: 'acme/log',
      versions: [{ version: '1.0.0', manifest: { provide: { 'psr/log-implementation': '1.0', 'ext-x': '*' } } }],
    },
    { name: 'acme/fork', versions: ['1.0.0', { version: '2.0.0', manifest: { replace: { 'acme/log': 'self.version' } } }] },
  ])
  const { hashes } = await list()
  const names = async (name: string) => Object.keys((JSON.parse((await file(name, hashes[name])).text) as LegacyFile).packages)

  expect(Object.keys(hashes)).toEqual(['acme/fork', 'acme/log', 'psr/log-implementation'])
  expect(await names('psr/log-implementation')).toEqual(['acme/log'])
  expect(await names('acme/log')).toEqual(['acme/log', 'acme/fork'])
  expect(await names('acme/fork')).toEqual(['acme/fork'])
})

test('CO-095 the default branches that version 1 knows have its version, others their own', async () => {
  const { list, file } = await setUp([
    { versions: [{ version: 'dev-master', defaultBranch: true }] },
    { name: 'acme/main', versions: [{ version: 'dev-main', defaultBranch: true }] },
  ])
  const { hashes } = await list()
  const normalized = async (name: string, version: string) =>
    (JSON.parse((await file(name, hashes[name])).text) as LegacyFile).packages[name]?.[version]?.['version_normalized']

  expect(await normalized('acme/http', 'dev-master')).toBe('9999999-dev')
  expect(await normalized('acme/main', 'dev-main')).toBe('dev-main')
})

test('CO-073 version 1 fills in nothing, so archive URLs of branches have their reference', async () => {
  const { list, file, send, app, organization, token } = await setUp([{ versions: ['dev-main'] }])
  const reference = commitId('acme/http dev-main')
  await buildArchiveOf(app, { package: await packageIdOf(app, organization), reference, bytes: new Uint8Array([1]) })
  const { hashes } = await list()
  const { packages } = JSON.parse((await file('acme/http', hashes['acme/http'])).text) as LegacyFile
  const url = packages['acme/http']?.['dev-main']?.dist.url ?? ''

  expect(url).toBe(`${BASE}/acme/dists/acme/http/dev-main/${reference}.zip`)
  expect((await send(url.slice(BASE.length), { token })).status).toBe(200)
})

test('CO-096 a file without checksum is revalidated and has what provides its name', async () => {
  const { app, organization, send, token, get } = await setUp([{ versions: ['1.0.0', 'dev-main'] }])
  const path = '/acme/p/acme/http.json'
  const first = await get(path)
  const lastModified = first.headers.get('last-modified') ?? ''

  expect(Object.keys((JSON.parse(first.text) as LegacyFile).packages['acme/http'] ?? {})).toEqual(['1.0.0', 'dev-main'])
  expect((await send(path, { token, headers: { ...COMPOSER_1, 'If-Modified-Since': lastModified } })).status).toBe(304)
  await buildPackage(app, { organization, versions: ['1.0.0'] })
  expect((await send(path, { token, headers: { ...COMPOSER_1, 'If-Modified-Since': lastModified } })).status).toBe(200)
  expect((await get('/acme/p/acme/absent.json')).status).toBe(404)
})

test('CO-097 a run in which nothing changed sees the same checksums, and one change moves one file', async () => {
  const { app, organization, list } = await setUp([{}, { name: 'acme/other' }])
  const before = await list()
  const again = await list()
  await buildPackage(app, { organization, versions: ['1.0.0', '1.1.0'] })
  const after = await list()

  expect(again).toEqual(before)
  expect(after.hashes['acme/other']).toBe(before.hashes['acme/other'] ?? '')
  expect(after.hashes['acme/http']).not.toBe(before.hashes['acme/http'])
})

test('abuse 65 CO-062 a checksum opens nothing that its holder may not see', async () => {
  const { app, organization, list, file, get, token } = await setUp([
    {},
    { name: 'acme/log', versions: [{ version: '1.0.0', manifest: { provide: { 'acme/http': '1.0' } } }] },
  ])
  const { secret: limited } = await buildToken(app, organization, { packages: ['acme/http'] })
  const other = await app.organization('other')
  await buildPackage(app, { organization: other.id, versions: ['9.0.0'] })
  const { secret: foreign } = await buildToken(app, other.id)
  const full = await list()

  const seen = await list(limited)

  expect(Object.keys(seen.hashes)).toEqual(['acme/http'])
  expect(seen.hashes['acme/http']).not.toBe(full.hashes['acme/http'])
  expect((await file('acme/http', full.hashes['acme/http'], limited)).status).toBe(404)
  expect((await file('acme/log', full.hashes['acme/log'], limited)).status).toBe(404)
  expect((await get(full.lists[0] ?? '', limited)).status).toBe(404)
  for (const [name, hash] of Object.entries(full.hashes)) {
    expect((await get(`/other/p/${name}$${hash}.json`, foreign)).status).toBe(404)
  }
  expect((await file('acme/http', full.hashes['acme/http'], token)).status).toBe(200)
})

test.each(['0'.repeat(64), 'x'.repeat(64), '0'.repeat(63), 'A'.repeat(64)])('the checksum %s names nothing', async (hash) => {
  const { get, send } = await setUp()
  for (const path of [`/acme/p/acme/http$${hash}.json`, `/acme/p/provider-all$${hash}.json`]) {
    expect((await get(path)).status).toBe(404)
    expect([401, 404]).toContain((await send(path)).status)
  }
})

test('above 2,000 names there are several lists, so that a change moves one of them', async () => {
  const { app, organization, list } = await setUp()
  await buildMany(app, { organization, packages: 2_100, versions: 0 })
  const before = await list()
  await buildPackage(app, { organization, versions: ['1.0.0', '1.1.0'] })
  const after = await list()

  expect(before.lists).toHaveLength(16)
  expect(Object.keys(before.hashes)).toHaveLength(2_101)
  expect(after.lists.filter((path) => !before.lists.includes(path))).toHaveLength(1)
})
