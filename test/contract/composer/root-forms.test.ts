import { describe, expect, test } from 'bun:test'
import { expandMirrorUrl } from '../../../src/composer/index.ts'
import { changeRepositoryOptions } from '../../../src/core/catalog/index.ts'
import { buildArchiveOf, buildPackage, buildToken, commitId, packageIdOf } from '../../kit/build.ts'
import { createMirrorKit } from '../../kit/mirror-kit.ts'
import { BASE, createTestServer } from '../../kit/http.ts'

interface Root {
  packages: Record<string, Record<string, { uid?: number }>> | []
  'metadata-url'?: string
  mirrors?: { 'dist-url': string; preferred: boolean }[]
}

async function setUp() {
  const server = await createTestServer()
  const { app } = server
  const organization = await app.organization()
  const { secret: token } = await buildToken(app, organization.id)
  return {
    ...server,
    app,
    organization,
    token,
    publish: (name: string, versions: readonly string[]) => buildPackage(app, { organization: organization.id, name, versions }),
    root: async (path = '/acme/packages.json', headers: Record<string, string> = {}) =>
      (await server.json(path, { token, headers })) as Root,
  }
}

describe('CO-009 inline versions', () => {
  test('CO-009 no root has versions beside an address for metadata, so none needs a uid', async () => {
    const { publish, root } = await setUp()
    await publish('acme/http', ['1.0.0', 'dev-main'])

    const current = await root()
    const legacy = await root('/acme/packages.json', { 'User-Agent': 'Composer/1.10.27 (Linux; 6.1; PHP 7.4.33)' })
    const inline = await root('/org/acme/packages.json')

    expect(current).toMatchObject({ packages: [], 'metadata-url': `${BASE}/acme/p2/%package%.json` })
    expect(legacy.packages).toEqual([])
    expect(Object.keys(inline.packages)).toEqual(['acme/http'])
    expect(inline).not.toHaveProperty('metadata-url')
  })

  test('CO-009 CO-093 where versions have a uid, no two of a repository have the same', async () => {
    const { publish, json, token } = await setUp()
    await publish('acme/http', ['1.0.0', '1.1.0', 'dev-main'])
    await publish('acme/api', ['1.0.0', 'dev-main'])

    const files = [await json('/acme/p/acme/http.json', { token }), await json('/acme/p/acme/api.json', { token })] as Root[]
    const uids = files.flatMap(({ packages }) => Object.values(packages).flatMap((versions) => Object.values(versions)))

    expect(uids).toHaveLength(5)
    expect(new Set(uids.map(({ uid }) => uid)).size).toBe(5)
  })
})

describe('CO-017 mirrors', () => {
  test('CO-017 are announced where metadata keeps the addresses of upstreams, and move the root', async () => {
    const { app, organization, root, send, token } = await setUp()
    const modified = async () => Date.parse((await send('/acme/packages.json', { token })).headers.get('last-modified') ?? '')
    const before = await modified()

    const without = await root()
    await changeRepositoryOptions(app.ctx(), { organization, options: { archiveUrls: 'upstream' } })

    expect(without).not.toHaveProperty('mirrors')
    expect((await root()).mirrors).toEqual([
      { 'dist-url': `${BASE}/acme/dists/%package%/%version%/r%reference%.%type%`, preferred: true },
    ])
    expect(await modified()).toBeGreaterThan(before)
  })

  test.each([
    ['1.0.0.0', '1.0.0'],
    ['dev-feature/x', 'dev-feature/x'],
  ])('CO-017 CO-080 CO-082 the announced template leads to the archive of %s', async (version, prettyVersion) => {
    const { app, organization, publish, root, send, token } = await setUp()
    await publish('acme/http', [prettyVersion])
    const reference = commitId(`acme/http ${prettyVersion}`)
    const bytes = new TextEncoder().encode('an archive')
    await buildArchiveOf(app, { package: await packageIdOf(app, organization.id), reference, bytes })
    await changeRepositoryOptions(app.ctx(), { organization, options: { archiveUrls: 'upstream' } })

    const [mirror] = (await root()).mirrors ?? []
    const url = expandMirrorUrl(mirror?.['dist-url'] ?? '', {
      packageName: 'acme/http',
      version,
      prettyVersion,
      reference,
      type: 'zip',
    })

    expect(await (await send(url.slice(BASE.length), { token })).text()).toBe('an archive')
  })
})

describe('CO-113 vendors', () => {
  test('CO-113 a vendor belongs to whoever publishes privately under it: no upstream adds to it', async () => {
    const kit = await createMirrorKit({ packages: { 'acme/other': ['1.0.0'], 'psr/log': ['1.0.0'] } })
    await buildPackage(kit.app, { organization: kit.organization, name: 'acme/http' })

    const response = await kit.get('p2/acme/other.json')

    expect(response.status).toBe(404)
    expect(kit.upstream.count('/p2/acme/other.json')).toBe(0)
    expect(await kit.versions('psr/log')).toHaveLength(1)
  })

  test('CO-113 the vendors of two organizations are strangers to each other', async () => {
    const { app, publish, json, token } = await setUp()
    const other = await app.organization('other')
    await publish('acme/http', ['1.0.0'])
    await buildPackage(app, { organization: other.id, name: 'acme/http', versions: ['9.0.0'] })
    const { secret } = await buildToken(app, other.id)

    const versionsOf = async (slug: string, by: string) =>
      Object.keys(
        ((await json(`/${slug}/packages/acme/http.json`, { token: by })) as { package: { versions: object } }).package.versions,
      )

    expect(await versionsOf('acme', token)).toEqual(['1.0.0'])
    expect(await versionsOf('other', secret)).toEqual(['9.0.0'])
  })
})
