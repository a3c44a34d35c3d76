import { expect, test } from 'bun:test'
import { expandVersions, minifyVersions, type VersionData } from '../../../src/composer/index.ts'
import { bumpPackage, deletePackagesOfSource, publishPackages, setAbandoned } from '../../../src/core/packages/index.ts'
import { toSeconds } from '../../../src/core/kernel/values.ts'
import { SYSTEM } from '../../kit/app.ts'
import {
  buildArchiveOf,
  buildPackage,
  buildSource,
  buildToken,
  commitId,
  packageIdOf,
  type BuildPackage,
} from '../../kit/build.ts'
import { BASE, createTestServer } from '../../kit/http.ts'

interface Document {
  minified: string
  packages: Record<string, VersionData[]>
  'security-advisories'?: unknown[]
}

async function setUp() {
  const { app, ...server } = await createTestServer()
  const organization = await app.organization()
  const { secret: token } = await buildToken(app, organization.id)
  return {
    ...server,
    app,
    organization: organization.id,
    token,
    publish: (input: Omit<BuildPackage, 'organization'>) => buildPackage(app, { organization: organization.id, ...input }),
    async document(path: string): Promise<Document> {
      return (await server.json(`/acme/p2/${path}.json`, { token })) as Document
    },
    async versions(path: string, name = 'acme/http'): Promise<VersionData[]> {
      const document = (await server.json(`/acme/p2/${path}.json`, { token })) as Document
      return expandVersions(document.packages[name] ?? [])
    },
    async modifiedAt(path = 'acme/http'): Promise<number> {
      const response = await server.send(`/acme/p2/${path}.json`, { token })
      return Date.parse(response.headers.get('last-modified') ?? '') / 1000
    },
  }
}

const MIXED = [
  '1.0.0',
  '1.1.0-beta1',
  '1.1.0-RC1',
  '2.0.0-alpha',
  '2.0.0',
  { version: 'dev-main', defaultBranch: true },
  'dev-feature/x',
  '1.x-dev',
]

test('CO-020 CO-021 the plain file has the versions that are not dev ones, ~dev has those, below the requested name', async () => {
  const { publish, document, versions } = await setUp()
  await publish({ versions: MIXED })

  expect(Object.keys((await document('acme/http')).packages)).toEqual(['acme/http'])
  expect(Object.keys((await document('acme/http~dev')).packages)).toEqual(['acme/http'])
  const plain = (await versions('acme/http')).map((version) => version['version'])
  const development = (await versions('acme/http~dev')).map((version) => version['version'])
  expect(plain).toEqual(['2.0.0', '2.0.0-alpha', '1.1.0-RC1', '1.1.0-beta1', '1.0.0'])
  expect(development.toSorted()).toEqual(['1.x-dev', 'dev-feature/x', 'dev-main'])
})

test('CO-022 an unknown package is 404 in JSON, at once and without a redirect', async () => {
  const { send, token } = await setUp()

  const response = await send('/acme/p2/acme/unknown.json', { token })

  expect(response.status).toBe(404)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.has('location')).toBe(false)
  expect(await response.json()).toEqual({ packages: [], minified: 'composer/2.0' })
})

test('CO-023 a package without stable versions has an empty list in the plain file', async () => {
  const { publish, document } = await setUp()
  await publish({ versions: [{ version: 'dev-main', defaultBranch: true }] })

  expect(await document('acme/http')).toEqual({
    minified: 'composer/2.0',
    packages: { 'acme/http': [] },
    'security-advisories': [],
  })
})

test('CO-024 a package outside of the token answers exactly as one that does not exist', async () => {
  const { app, organization, publish, send } = await setUp()
  await publish({})
  const { secret: token } = await buildToken(app, organization, { packages: ['acme/other'] })

  const hidden = await send('/acme/p2/acme/http.json', { token })
  const absent = await send('/acme/p2/acme/absent.json', { token })

  expect(hidden.status).toBe(404)
  expect(await hidden.text()).toBe(await absent.text())
  expect(Object.fromEntries(hidden.headers)).toEqual(Object.fromEntries(absent.headers))
})

test('CO-025 CO-026 the document is minified by the reference algorithm and expands to what was stored', async () => {
  const { publish, document, json, token } = await setUp()
  const manifest = (php: string) => ({
    description: 'HTTP.',
    require: { php },
    autoload: { 'psr-4': { 'Acme\\Http\\': 'src/' } },
  })
  await publish({
    versions: ['1.0.0', '1.1.0', '1.2.0'].map((version, index) => ({ version, manifest: manifest(`>=8.${index >> 1}`) })),
  })

  const { minified, packages } = await document('acme/http')
  const expanded = expandVersions(packages['acme/http'] ?? [])
  const page = (await json('/acme/packages/acme/http.json', { token })) as { package: { versions: Record<string, unknown> } }

  expect(minified).toBe('composer/2.0')
  expect(packages['acme/http']).toEqual(minifyVersions(expanded))
  expect(Object.values(page.package.versions)).toEqual(expanded)
  expect(packages['acme/http']?.[1]).not.toHaveProperty('description')
})

test('CO-027 the newest version comes first, and the default branch first among the branches', async () => {
  const { publish, versions } = await setUp()
  await publish({ versions: ['dev-a', '10.0.0', '9.0.0', '10.0.1', { version: 'dev-main', defaultBranch: true }, '3.x-dev'] })

  expect((await versions('acme/http')).map((version) => version['version'])).toEqual(['10.0.1', '10.0.0', '9.0.0'])
  expect((await versions('acme/http~dev'))[0]?.['version']).toBe('dev-main')
})

test('CO-028 every version carries its normalized form', async () => {
  const { publish, versions } = await setUp()
  await publish({ versions: ['v1.2', '2.0.0-RC3', 'dev-main', '4.x-dev'] })

  const all = [...(await versions('acme/http')), ...(await versions('acme/http~dev'))]

  expect(Object.fromEntries(all.map((version) => [version['version'], version['version_normalized']]))).toEqual({
    'v1.2': '1.2.0.0',
    '2.0.0-RC3': '2.0.0.0-RC3',
    'dev-main': 'dev-main',
    '4.x-dev': '4.9999999.9999999.9999999-dev',
  })
})

test('CO-158 releases say when they were first seen, development versions when they last changed, right behind their time', async () => {
  const { app, publish, versions } = await setUp()
  const seen = async () => {
    const all = [...(await versions('acme/http')), ...(await versions('acme/http~dev'))]
    return Object.fromEntries(all.map((version) => [version['version'], version['published-time']]))
  }
  const at = () => new Date(app.clock.now()).toISOString().replace(/\.\d+Z$/, '+00:00')
  const first = at()
  await publish({ versions: ['1.0.0', 'dev-main', 'dev-idle'] })
  const before = await seen()

  app.clock.advance('3 days')
  const moved = ['1.0.0', 'dev-main'].map((version) => ({ version, reference: commitId(`moved ${version}`) }))
  await publish({ versions: [...moved, 'dev-idle', '1.1.0'] })

  expect(before).toEqual({ '1.0.0': first, 'dev-main': first, 'dev-idle': first })
  expect(await seen()).toEqual({ '1.0.0': first, '1.1.0': at(), 'dev-main': at(), 'dev-idle': first })
  const keys = Object.keys((await versions('acme/http'))[0] ?? {})
  expect(keys.slice(keys.indexOf('time'))).toEqual(['time', 'published-time'])
})

test('CO-029 the database refuses a second version with the same normalized form', async () => {
  const { app, organization, publish } = await setUp()
  const source = await buildSource(app, organization, 'acme/http')
  await publish({})
  const version = { version: '1.0', normalized: '1.0.0.0', type: 'library', stability: 'stable' as const, defaultBranch: false }
  const common = { ...version, reference: commitId('a'), manifest: '{}', time: null }
  const versions = [
    { ...common, ref: 'refs/tags/1.0' },
    { ...common, ref: 'refs/tags/v1.0' },
  ]
  const candidate = { name: 'acme/twice', type: 'library', description: '', abandoned: false, versions }

  const publishing = app.ctx(SYSTEM).transaction((tx) => publishPackages(tx, { organization, source, packages: [candidate] }))

  await expect(publishing).rejects.toThrow(/unique/i)
})

test('CO-030 exactly the default branch is marked', async () => {
  const { publish, versions } = await setUp()
  await publish({ versions: MIXED })

  const marked = [...(await versions('acme/http')), ...(await versions('acme/http~dev'))].filter(
    (version) => version['default-branch'],
  )

  expect(marked.map((version) => [version['version'], version['default-branch']])).toEqual([['dev-main', true]])
})

test('CO-032 times are RFC 3339 and unknown ones are left out', async () => {
  const { publish, versions } = await setUp()
  await publish({
    versions: [
      { version: '1.0.0', time: '2026-02-03T04:05:06+00:00' },
      { version: '0.9.0', time: null },
    ],
  })

  expect((await versions('acme/http')).map((version) => version['time'])).toEqual(['2026-02-03T04:05:06+00:00', undefined])
})

test.each([[true], ['acme/successor']])(
  'CO-033 CO-149 abandoned (%p) is on all versions, stays when the manifest forgets it and vanishes when it is cleared',
  async (abandoned) => {
    const { app, organization, publish, versions } = await setUp()
    const both = async () =>
      [...(await versions('acme/http')), ...(await versions('acme/http~dev'))].map((version) => version['abandoned'])
    const input = { versions: ['1.0.0', '2.0.0', 'dev-main'] }

    await publish({ ...input, abandoned })
    expect(await both()).toEqual([abandoned, abandoned, abandoned])

    await publish({ ...input, abandoned: false })
    expect(await both()).toEqual([abandoned, abandoned, abandoned])

    await setAbandoned(app.ctx(), { organization, name: 'acme/http', abandoned: false })
    expect(await both()).toEqual([undefined, undefined, undefined])

    await publish({ ...input, abandoned: true })
    expect(await both()).toEqual([undefined, undefined, undefined])
  },
)

test('CO-038 CO-086 source and dist are complete, and a metapackage has no dist', async () => {
  const { publish, versions } = await setUp()
  await publish({ versions: ['1.0.0', { version: '0.9.0', type: 'metapackage' }] })

  const [library, metapackage] = await versions('acme/http')
  const reference = commitId('acme/http 1.0.0')

  expect(library).toMatchObject({
    type: 'library',
    source: { type: 'git', url: 'https://git.example.org/acme/http.git', reference },
    dist: { type: 'zip', url: `${BASE}/acme/dists/acme/http/1.0.0/${reference}.zip`, reference },
  })
  expect(metapackage?.['type']).toBe('metapackage')
  expect(metapackage).not.toHaveProperty('dist')
})

test('CO-039 only the keys that clients use are shown', async () => {
  const { publish, versions } = await setUp()
  await publish({
    versions: [{ version: '1.0.0', manifest: { description: 'A.', config: { sort: true }, repositories: [], license: ['MIT'] } }],
  })

  const [version] = await versions('acme/http')

  expect(version).toMatchObject({ description: 'A.', license: ['MIT'] })
  expect(version).not.toHaveProperty('config')
  expect(version).not.toHaveProperty('repositories')
})

test('CO-040 CO-041 every change within one second moves Last-Modified, and a clock set back does not move it back', async () => {
  const { app, organization, publish, modifiedAt } = await setUp()
  const seen: number[] = []
  const steps = [
    () => publish({ versions: ['1.0.0'] }),
    () => publish({ versions: ['1.0.0', '1.1.0'] }),
    () => publish({ versions: ['1.1.0'] }),
    () => publish({ versions: ['1.1.0'], abandoned: true }),
    () => publish({ versions: [{ version: '1.1.0', reference: commitId('moved') }], abandoned: true }),
    async () => {
      app.clock.advance(-3_600_000)
      return publish({ versions: ['1.1.0', '1.2.0'] })
    },
    async () => {
      const target = await packageIdOf(app, organization)
      await buildArchiveOf(app, { package: target, reference: commitId('acme/http 1.2.0'), bytes: new Uint8Array([1]) })
      await bumpPackage(app.ports.database.write, target, toSeconds(app.clock.now()))
    },
  ]
  for (const step of steps) {
    await step()
    seen.push(await modifiedAt())
  }

  expect(seen.map((time) => time - (seen[0] ?? 0))).toEqual([0, 1, 2, 3, 4, 5, 6])
})

test('CO-041 nothing that is published again unchanged moves Last-Modified', async () => {
  const { app, publish, modifiedAt } = await setUp()
  await publish({ versions: MIXED })
  const before = await modifiedAt()
  app.clock.advance(3_600_000)

  await publish({ versions: MIXED })

  expect(await modifiedAt()).toBe(before)
})

test('CO-041 a package that was deleted and published again never answers with a time it had before', async () => {
  const { app, organization, publish, modifiedAt } = await setUp()
  await publish({})
  const target = await packageIdOf(app, organization)
  for (let count = 0; count < 5; count += 1) {
    await bumpPackage(app.ports.database.write, target, 0)
  }
  const before = await modifiedAt()
  const source = await buildSource(app, organization, 'acme/http')
  await app.ctx(SYSTEM).transaction((tx) => deletePackagesOfSource(tx, organization, source))

  await publish({})

  expect(await modifiedAt()).toBeGreaterThan(before)
})

test('CO-042 only the exact time is answered with 304; an older, newer or wrong one gets the document', async () => {
  const { send, publish, token } = await setUp()
  await publish({})
  const first = await send('/acme/p2/acme/http.json', { token })
  const lastModified = first.headers.get('last-modified') ?? ''
  const shift = (seconds: number) => new Date(Date.parse(lastModified) + seconds * 1000).toUTCString()
  const statuses: Record<string, number> = {}
  const dates = { exact: lastModified, older: shift(-1), newer: shift(1), far: shift(1e9), wrong: 'yesterday', empty: '' }
  for (const [name, date] of Object.entries(dates)) {
    statuses[name] = (await send('/acme/p2/acme/http.json', { token, headers: { 'If-Modified-Since': date } })).status
  }

  expect(statuses).toEqual({ exact: 304, older: 200, newer: 200, far: 200, wrong: 200, empty: 200 })
})

test.each([
  ['deflate, gzip, br, zstd', 'zstd'],
  ['gzip', 'gzip'],
  ['GZIP;q=0.5', 'gzip'],
  ['gzip;q=0, zstd;q=0.0', null],
  ['zstd;q=0, gzip', 'gzip'],
  ['br', null],
  ['', null],
  [null, null],
])('CO-043 for %p the coding is %p and the content is the same', async (accepted, coding) => {
  const { send, publish, token, document } = await setUp()
  await publish({ versions: MIXED })
  const headers: Record<string, string> = accepted === null ? {} : { 'Accept-Encoding': accepted }

  const response = await send('/acme/p2/acme/http.json', { token, headers })
  const bytes = await response.bytes()

  expect(response.headers.get('content-encoding')).toBe(coding)
  expect(response.headers.get('vary')).toBe('Authorization, Accept-Encoding')
  expect(JSON.parse(decode(bytes, coding))).toEqual(await document('acme/http'))
})

function decode(bytes: Uint8Array, coding: string | null): string {
  if (coding === 'zstd') {
    return Bun.zstdDecompressSync(bytes).toString()
  }
  return Buffer.from(coding === 'gzip' ? Bun.gunzipSync(bytes as Uint8Array<ArrayBuffer>) : bytes).toString()
}

test.each(['a.b/c.d', 'a_b/c__d', 'a-b/c--d', 'a1/2b'])(
  'CO-046 the name %p is routed, also with an encoded slash',
  async (name) => {
    const { publish, send, versions, token } = await setUp()
    await publish({ name })

    expect(await versions(name, name)).toHaveLength(1)
    expect((await send(`/acme/p2/${name.replace('/', '%2F')}.json`, { token })).status).toBe(200)
    expect((await send(`/acme/p2/${name.replace('/', '%2f')}~dev.json`, { token })).status).toBe(200)
  },
)

test('CO-047 a name in mixed case does not exist, in any place', async () => {
  const { publish, send, token } = await setUp()
  await publish({})
  const paths = ['/acme/p2/Acme/http.json', '/acme/p2/acme/HTTP~dev.json', '/Acme/packages.json', '/acme/packages/Acme/Http.json']

  const statuses = await Promise.all(paths.map(async (path) => (await send(path, { token })).status))

  expect(statuses).toEqual([404, 404, 404, 404])
})
