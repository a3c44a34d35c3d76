/** Mirrors of other registries, as pricore.md §10 has them, over real HTTP against repositories of every shape. */
import { afterEach, describe, expect, test } from 'bun:test'
import { buildPackage, buildToken } from '../../kit/build.ts'
import { createTestServer } from '../../kit/http.ts'
import { createMirrorKit, createMirrorKitOf, type MirrorKit } from '../../kit/mirror-kit.ts'
import { startUpstream, temporaryUpstream, type Upstream, type UpstreamShape } from '../../kit/upstream-server.ts'
import { addMirror, listMirrorRuns, scheduleMirrors } from '../../../src/core/mirrors/index.ts'
import { createTestApp, SYSTEM } from '../../kit/app.ts'
import { memoryReport } from '../../kit/git-source.ts'

const PACKAGES = {
  'vendor/http': ['1.0.0', '1.1.0', { version: 'dev-main', manifest: { 'default-branch': true } }],
  'vendor/log': ['2.0.0-RC1', '2.0.0'],
}
const HOUR = 3_600_000

async function show(kit: MirrorKit, name: string): Promise<unknown[] | null> {
  return (await kit.versions(name))?.map(({ version }) => version) ?? null
}

async function runs(kit: MirrorKit) {
  const { mirror } = await kit.mirror()
  return (await listMirrorRuns(kit.app.ctx(), mirror, { limit: 10, after: null })).items
}

describe('PR-701 a mirror that takes everything', () => {
  test.each(['v2-available', 'inline', 'satis', 'providers'] as UpstreamShape[])(
    'PR-701 of a registry of the shape %s',
    async (shape) => {
      const kit = await createMirrorKit({ shape, packages: PACKAGES }, { takesAll: true })
      await kit.refresh()
      const asked = kit.upstream.requests.length

      expect(await show(kit, 'vendor/http')).toEqual(['1.1.0', '1.0.0'])
      expect(await show(kit, 'vendor/http~dev')).toEqual(['dev-main'])
      expect(await show(kit, 'vendor/log')).toEqual(['2.0.0', '2.0.0-RC1'])
      expect(kit.upstream.requests.length).toBe(asked)
      const served = await kit.archive('vendor/http', '1.1.0')
      expect(Buffer.from(await served.arrayBuffer()).equals(kit.upstream.archive('vendor/http', '1.1.0'))).toBe(true)
    },
  )

  test.each(['v2', 'v2-patterns', 'v2-unminified', 'lazy'] as UpstreamShape[])(
    'PR-701 packages of a registry of the shape %s come when they are asked for',
    async (shape) => {
      const kit = await createMirrorKit({
        shape,
        packages: PACKAGES,
        normalized: false,
        urls: 'root-relative',
        path: '/composer',
      })

      expect(await show(kit, 'vendor/http')).toEqual(['1.1.0', '1.0.0'])
      expect(await show(kit, 'vendor/log')).toEqual(['2.0.0', '2.0.0-RC1'])
      expect(await show(kit, 'vendor/none')).toBeNull()
      expect((await kit.archive('vendor/log', '2.0.0')).status).toBe(200)
    },
  )

  test('PR-701 of a repository of this product', async () => {
    const origin = await createTestServer()
    const { id: organization } = await origin.app.organization('origin')
    await buildPackage(origin.app, { organization, name: 'vendor/own', versions: ['1.0.0', 'dev-main'] })
    const { secret } = await buildToken(origin.app, organization)
    await origin.listening(async (url) => {
      const copy = await createTestServer()
      const { id } = await copy.app.organization()
      const { secret: token } = await buildToken(copy.app, id)
      await addMirror(copy.app.ctx(), {
        organization: id,
        url: `${url}/origin`,
        credential: { kind: 'basic', username: 'token', password: secret },
        takesAll: true,
      })
      await copy.app.runJobs()

      const shown = (await copy.json('/acme/p2/vendor/own.json', { token })) as { packages: Record<string, unknown[]> }

      expect(shown.packages['vendor/own']).toMatchObject([{ version: '1.0.0' }])
    })
  })
})

describe('a refresh', () => {
  test('PR-702 skips what did not change, updates what did, and removes versions that are gone', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })
    await show(kit, 'vendor/http')
    await show(kit, 'vendor/log')
    const lastModified = (await kit.get('p2/vendor/log.json')).headers.get('last-modified')

    kit.upstream.setVersions('vendor/http', ['1.1.0', '1.2.0'])
    const reference = kit.upstream.moveTag('vendor/http', '1.1.0')
    kit.app.clock.advance(HOUR)
    expect(await kit.refresh()).toBeNull()

    expect(await show(kit, 'vendor/http')).toEqual(['1.2.0', '1.1.0'])
    expect(await show(kit, 'vendor/http~dev')).toEqual([])
    expect((await kit.versions('vendor/http'))?.[1]).toMatchObject({ dist: { reference } })
    expect((await kit.get('p2/vendor/log.json')).headers.get('last-modified')).toBe(lastModified)
    expect((await runs(kit))[0]).toMatchObject({ state: 'success', added: 1, updated: 1, removed: 2 })
    const log = kit.upstream.requests.filter(({ path }) => path === '/p2/vendor/log.json').at(-1)
    expect(log?.headers).toHaveProperty('if-modified-since')
  })

  test('PR-705 comes four hours after the last one, and at once when somebody asks', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })
    const schedule = () => scheduleMirrors(kit.app.ctx(SYSTEM), memoryReport())
    const asked = () => kit.upstream.count('/packages.json')
    expect(asked()).toBe(1)

    kit.app.clock.advance(4 * HOUR - 60_000)
    await schedule()
    await kit.app.runJobs()
    expect(asked()).toBe(1)
    kit.app.clock.advance(2 * 60_000)
    await schedule()
    await kit.app.runJobs()
    expect(asked()).toBe(2)
  })
})

describe('archives', () => {
  test('PR-703 are kept here, and answered without the upstream', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })
    const first = Buffer.from(await (await kit.archive('vendor/http', '1.0.0')).arrayBuffer())

    await kit.upstream.fall()

    expect(Buffer.from(await (await kit.archive('vendor/http', '1.0.0')).arrayBuffer())).toEqual(first)
  })

  test('PR-703 stay where they are when the mirror does not keep them', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES }, { keepsArchives: false })

    expect((await kit.versions('vendor/http'))?.[0]?.['dist']).toMatchObject({
      url: `${kit.upstream.origin}${kit.upstream.archivePath('vendor/http', '1.1.0')}`,
    })
  })

  test('PR-703 that cannot be fetched are reported, and the version stays', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })
    await show(kit, 'vendor/http')
    kit.upstream.misbehave(/\/dist\//, { kind: 'status', status: 401 })
    expect((await kit.archive('vendor/http', '1.0.0')).status).toBe(502)

    kit.upstream.misbehave(/\/dist\//, { kind: 'status', status: 404 })
    expect((await kit.archive('vendor/http', '1.0.0')).status).toBe(404)

    expect(await show(kit, 'vendor/http')).toEqual(['1.1.0', '1.0.0'])
    expect(kit.app.events.map(({ type }) => type)).toContain('dist.failed')
    kit.app.warnings.length = 0
  })

  test('PR-703 the credential goes to the origin of the mirror only', async () => {
    const kit = await createMirrorKit(
      { packages: PACKAGES, protection: { authorization: `Basic ${btoa('user:secret')}` } },
      { credential: { kind: 'basic', username: 'user', password: 'secret' } },
    )

    expect((await kit.archive('vendor/http', '1.0.0')).status).toBe(200)
  })
})

describe('a registry that cannot be mirrored', () => {
  const upstreams = new Set<Upstream>()
  afterEach(async () => {
    for (const upstream of upstreams) await upstream.stop()
    upstreams.clear()
  })

  /** The mirror of an upstream that is broken from the start. */
  async function addBroken(upstream: Upstream, takesAll = false) {
    const app = await createTestApp()
    const { id: organization } = await app.organization()
    const { mirror } = await addMirror(app.ctx(), { organization, url: upstream.url, takesAll })
    app.expectFailedJobs(1)
    await app.runJobs()
    app.warnings.length = 0
    const runs = await listMirrorRuns(app.ctx(), mirror, { limit: 10, after: null })
    return { run: runs.items[0], problem: await problemOf(app, mirror.uid) }
  }

  async function problemOf(app: Awaited<ReturnType<typeof createTestApp>>, uid: string) {
    return app.test.database.read.selectFrom('sources').select(['state', 'problem']).where('uid', '=', uid).executeTakeFirst()
  }

  test('PR-704 is failed, with what it answered', async () => {
    const upstream = await temporaryUpstream({ packages: PACKAGES })
    upstream.misbehave('/packages.json', { kind: 'status', status: 403 })

    const { run, problem } = await addBroken(upstream)

    expect(problem?.problem).toContain(`Failed to fetch packages.json from ${upstream.url}: HTTP 403`)
    expect(run).toMatchObject({ state: 'failed', error: expect.stringContaining('HTTP 403') })
  })

  test('PR-704 is failed when nobody is there, or its root file is no repository', async () => {
    const gone = await startUpstream()
    await gone.stop()
    const odd = await temporaryUpstream()
    odd.misbehave('/packages.json', { kind: 'body', body: '{"hello":"world"}' })

    for (const upstream of [gone, odd]) {
      const { run, problem } = await addBroken(upstream)
      expect(problem?.state).toBe('failing')
      expect(run).toMatchObject({ state: 'failed' })
    }
  })

  test('PR-704 is failed when all of it is wanted and it only offers a list', async () => {
    const { run } = await addBroken(await temporaryUpstream({ packages: PACKAGES, list: true }), true)

    expect(run).toMatchObject({ state: 'failed' })
  })
})

test('PR-701 two organizations with mirrors of one registry have packages of their own', async () => {
  const upstream = await temporaryUpstream({ packages: PACKAGES })
  const [one, two] = [await createMirrorKitOf(upstream), await createMirrorKitOf(upstream)]

  await show(one, 'vendor/http')

  expect(await two.app.test.database.read.selectFrom('packages').select('name').execute()).toEqual([])
})

test('PR-201 PR-202 PR-203 the documented form has mirrored packages like the organization’s own', async () => {
  const kit = await createMirrorKit({ packages: PACKAGES })
  const get = (path: string) => kit.send(`/org/acme/${path}`, { token: kit.token })

  const metadata = (await (await get('p2/vendor/http.json')).json()) as Inline
  const root = (await (await get('packages.json')).json()) as Inline
  const archive = await get('packages/vendor/http/1.1.0.zip')

  expect(Object.keys(metadata.packages['vendor/http'] ?? {})).toEqual(['1.1.0', '1.0.0', 'dev-main'])
  expect(root.packages['vendor/http']?.['1.1.0']?.dist.url).toEndWith('/org/acme/packages/vendor/http/1.1.0.zip')
  expect(Buffer.from(await archive.arrayBuffer()).equals(kit.upstream.archive('vendor/http', '1.1.0'))).toBe(true)
})

type Inline = { packages: Record<string, Record<string, { dist: { url: string } }>> }
