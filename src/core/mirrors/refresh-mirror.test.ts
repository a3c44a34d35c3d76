import { describe, expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { memoryReport } from '../../../test/kit/git-source.ts'
import { temporaryUpstream, type Upstream, type UpstreamOptions } from '../../../test/kit/upstream-server.ts'
import { describePackage, getAudience } from '../catalog/index.ts'
import { isDomainError } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { addMirror, type AddMirror } from './add-mirror.ts'
import { addMirroredPackages, listMirroredPackages } from './manage-mirrored-packages.ts'
import { dismissMirrorIncident, getMirror, listMirrorIncidents, listMirrorRuns, type DescribedMirror } from './manage-mirrors.ts'
import type { Mirror } from './mirror.ts'
import { refreshMirror } from './refresh-mirror.ts'
import { scheduleMirrors } from './schedule-mirrors.ts'

const LOG = 'psr/log'
const ALL = { limit: 100, after: null }

interface Kit {
  app: TestApp
  upstream: Upstream
  organization: OrganizationId
  mirror: Mirror
  described(): Promise<DescribedMirror>
  /** Refreshes; returns the types of the events, or the code of the error. */
  refresh(): Promise<string[] | string>
  versions(name?: string): Promise<Record<string, unknown>[]>
  incidents(): Promise<string[]>
  names(): Promise<string[]>
}

async function createKit(options: UpstreamOptions, wanted: Partial<AddMirror> = {}, names: string[] = []): Promise<Kit> {
  const app = await createTestApp()
  const upstream = await temporaryUpstream(options)
  const { id: organization } = await app.organization()
  const { mirror } = await addMirror(app.ctx(), { organization, url: upstream.url, behavior: 'manual', ...wanted })
  await app.runJobs()
  if (names.length > 0) {
    await addMirroredPackages(app.ctx(), mirror, names)
    await app.runJobs()
  }
  const described = () => getMirror(app.ctx(), { organization, uid: mirror.uid })
  return {
    app,
    upstream,
    organization,
    mirror,
    described,
    async refresh() {
      app.clock.advance(1000)
      const before = app.events.length
      try {
        await refreshMirror(app.ctx(SYSTEM), mirror.id, memoryReport())
      } catch (error) {
        if (!isDomainError(error)) {
          throw error
        }
        return error.code
      }
      return app.events.slice(before).map(({ type }) => type)
    },
    async versions(name = LOG) {
      const audience = await getAudience(app.ctx(SYSTEM), 'acme')
      return (await describePackage(app.ctx(), audience, { name, repositoryUrl: 'https://r/acme' })).versions
    },
    async incidents() {
      const { items } = await listMirrorIncidents(app.ctx(), mirror, { page: ALL, isOpen: true })
      return items.map(({ kind, subject }) => `${kind} ${subject}`)
    },
    names: async () => (await listMirroredPackages(app.ctx(), mirror, { after: '', limit: 100 })).map(({ name }) => name),
  }
}

function textsOf(versions: readonly Record<string, unknown>[]): unknown[] {
  return versions.map((version) => version['version'])
}

describe('a refresh', () => {
  test('PR-702 writes nothing about what is unchanged, and asks conditionally', async () => {
    const kit = await createKit({ packages: { [LOG]: ['1.0.0'] } }, {}, [LOG])

    expect(await kit.refresh()).toEqual(['mirror.read', 'mirror.checked', 'mirror.refreshed'])
    const asked = kit.upstream.requests.filter(({ path }) => path === `/p2/${LOG}.json`).at(-1)
    expect(asked?.headers['if-modified-since'] ?? asked?.headers['if-none-match']).toBeString()
  })

  test('PR-702 publishes new versions, follows changed ones and hides stale ones', async () => {
    const kit = await createKit({ packages: { [LOG]: ['1.0.0', '1.1.0'] } }, {}, [LOG])
    expect(kit.app.events.filter(({ type }) => type === 'version.published')).toEqual([])
    kit.upstream.setVersions(LOG, [{ version: '1.1.0', manifest: { description: 'Changed.' } }, '1.2.0'])

    const events = await kit.refresh()
    expect(events).toContain('version.published')
    expect(events).toContain('version.metadata-changed')
    expect(events).toContain('version.removed')
    expect(textsOf(await kit.versions())).toEqual(['1.2.0', '1.1.0'])
    const { items } = await listMirrorRuns(kit.app.ctx(), kit.mirror, ALL)
    expect(items[0]).toMatchObject({ state: 'success', added: 1, updated: 1, removed: 1, failed: 0 })
  })

  test('follows a release that moved, keeps both archives and says so', async () => {
    const kit = await createKit({ packages: { [LOG]: ['1.0.0'] } }, {}, [LOG])
    const before = kit.upstream.referenceOf(LOG, '1.0.0')
    const after = kit.upstream.moveTag(LOG, '1.0.0')

    expect(await kit.refresh()).toContain('version.reference-changed')
    expect((await kit.versions())[0]).toMatchObject({ dist: { reference: after } })
    expect(await kit.incidents()).toEqual([`moved ${LOG} 1.0.0`])
    const dists = await kit.app.ports.database.read.selectFrom('custom_dists').select('reference').orderBy('reference').execute()
    expect(dists.map(({ reference }) => reference)).toEqual([before, after].toSorted())
  })

  test('abuse 27 keeps the first checksum of a reference, and reports another one once', async () => {
    const kit = await createKit({ packages: { [LOG]: ['1.0.0'] } }, {}, [LOG])
    const [before] = await kit.versions()
    kit.upstream.changeBytes(LOG, '1.0.0')

    expect(await kit.refresh()).toContain('mirror.incident')
    expect((await kit.versions())[0]?.['dist']).toEqual(before?.['dist'])
    expect(await kit.incidents()).toEqual([expect.stringContaining(`checksum ${LOG} `)])
    kit.upstream.setVersions(LOG, [{ version: '1.0.0', manifest: { description: 'Again.' } }])
    await kit.refresh()
    expect(await kit.incidents()).toHaveLength(1)
  })

  test('abuse 28 keeps a package that is gone upstream, and tells clients that it is abandoned', async () => {
    const kit = await createKit({ packages: { [LOG]: ['1.0.0'] } }, {}, [LOG])
    kit.upstream.removePackage(LOG)

    expect(await kit.refresh()).toContain('package.gone-upstream')
    expect(await kit.versions()).toMatchObject([{ version: '1.0.0', abandoned: true }])
    expect(await kit.incidents()).toEqual([`gone ${LOG}`])
    expect(await kit.refresh()).not.toContain('package.gone-upstream')

    kit.upstream.setVersions(LOG, ['1.0.0', '1.0.1'])
    expect(await kit.refresh()).toContain('package.back-upstream')
    const versions = await kit.versions()
    expect(textsOf(versions)).toEqual(['1.0.1', '1.0.0'])
    expect(versions[0]).not.toHaveProperty('abandoned')
  })

  test('applies it when most versions go at once, and reports it', async () => {
    const kit = await createKit({ packages: { [LOG]: ['1.0.0', '1.1.0', '1.2.0', '1.3.0'] } }, {}, [LOG])
    kit.upstream.setVersions(LOG, ['1.3.0'])

    await kit.refresh()
    expect(textsOf(await kit.versions())).toEqual(['1.3.0'])
    expect(await kit.incidents()).toEqual([`vanished ${LOG}`])
  })

  test('goes on when one package cannot be read, which keeps what it has', async () => {
    const kit = await createKit({ packages: { [LOG]: ['1.0.0'], 'psr/http': ['1.0.0'] } }, {}, [LOG, 'psr/http'])
    kit.upstream.setVersions(LOG, ['1.0.0', '1.1.0'])
    kit.upstream.setVersions('psr/http', ['1.0.0', '1.1.0'])
    kit.upstream.misbehave(/psr\/http/, { kind: 'html' })

    expect(await kit.refresh()).toContain('package.upstream-failed')
    expect(textsOf(await kit.versions())).toEqual(['1.1.0', '1.0.0'])
    expect(textsOf(await kit.versions('psr/http'))).toEqual(['1.0.0'])
    expect(await kit.described()).toMatchObject({ failing: 1, mirror: { state: 'ready' } })
    kit.upstream.behave()
    await kit.refresh()
    expect(await kit.described()).toMatchObject({ failing: 0 })
    expect(textsOf(await kit.versions('psr/http'))).toEqual(['1.1.0', '1.0.0'])
  })

  test('PR-704 of an upstream that does not answer says why, and is tried again soon', async () => {
    const kit = await createKit({ packages: { [LOG]: ['1.0.0'] } }, {}, [LOG])
    kit.upstream.misbehave(/packages\.json/, { kind: 'status', status: 500 })

    expect(await kit.refresh()).toBe('upstream_failed')
    const { mirror } = await kit.described()
    expect(mirror).toMatchObject({ state: 'failing', failingSince: kit.app.clock.now() })
    expect(mirror.problem).toContain(`Failed to fetch packages.json from ${kit.upstream.url}: HTTP 500`)
    expect(mirror.nextRefreshAt - kit.app.clock.now()).toBeLessThanOrEqual(600_000)
    const { items } = await listMirrorRuns(kit.app.ctx(), kit.mirror, ALL)
    expect(items[0]).toMatchObject({ state: 'failed', errorCode: 'upstream_failed' })
    kit.upstream.behave()
    await kit.refresh()
    expect((await kit.described()).mirror).toMatchObject({ state: 'ready', failingSince: null, problem: null })
  })
})

describe('a feed of changes', () => {
  test('is followed: only what it names is asked for', async () => {
    const kit = await createKit({ feed: true, packages: { [LOG]: ['1.0.0'], 'psr/http': ['1.0.0'] } }, {}, [LOG, 'psr/http'])
    await kit.refresh()
    kit.upstream.requests.length = 0
    kit.upstream.setVersions(LOG, ['1.0.0', '1.1.0'])

    await kit.refresh()
    expect(textsOf(await kit.versions())).toEqual(['1.1.0', '1.0.0'])
    expect(kit.upstream.count(/psr\/http|packages\.json/)).toBe(0)
    const { mirror } = await kit.described()
    expect(mirror.nextRefreshAt - kit.app.clock.now()).toBe(60_000)
  })

  test('that lost track makes everything be looked at', async () => {
    const kit = await createKit({ feed: true, packages: { [LOG]: ['1.0.0'], 'psr/http': ['1.0.0'] } }, {}, [LOG, 'psr/http'])
    await kit.refresh()
    kit.upstream.setVersions('psr/clock', ['1.0.0'])
    kit.upstream.forgetChanges()
    kit.upstream.requests.length = 0

    await kit.refresh()
    expect(kit.upstream.count(/\/p2\/psr\/(http|log)\.json/)).toBe(2)
  })
})

test('CO-141 what a cache gives an old copy of after the feed named it is asked for again until it is as new', async () => {
  const kit = await createKit({ feed: true, packages: { [LOG]: ['1.0.0'], 'psr/http': ['1.0.0'] } }, {}, [LOG, 'psr/http'])
  await kit.refresh()
  const old = await fetch(`${kit.upstream.url}/p2/${LOG}.json`)
  const copy = { body: await old.text(), headers: { 'last-modified': old.headers.get('last-modified') ?? '' } }
  kit.upstream.setVersions(LOG, ['1.0.0', '1.1.0'])
  kit.upstream.misbehave(`/p2/${LOG}.json`, { kind: 'body', ...copy })
  await kit.refresh()
  await kit.refresh()
  expect(textsOf(await kit.versions())).toEqual(['1.0.0'])

  kit.upstream.behave()
  await kit.refresh()
  expect(textsOf(await kit.versions())).toEqual(['1.1.0', '1.0.0'])
  kit.upstream.requests.length = 0
  await kit.refresh()
  expect(kit.upstream.count(/\/p2\//)).toBe(0)
})

test('a known package that could not be read is in the next look, also when the feed does not name it again', async () => {
  const kit = await createKit({ feed: true, packages: { [LOG]: ['1.0.0'], 'psr/http': ['1.0.0'] } }, {}, [LOG, 'psr/http'])
  await kit.refresh()
  kit.upstream.setVersions(LOG, ['1.0.0', '1.1.0'])
  kit.upstream.misbehave(/\/p2\//, { kind: 'html' })
  await kit.refresh()
  expect(await kit.described()).toMatchObject({ failing: 1 })

  kit.upstream.behave()
  kit.upstream.actions.length = 0
  kit.upstream.requests.length = 0
  await kit.refresh()
  expect(textsOf(await kit.versions())).toEqual(['1.1.0', '1.0.0'])
  expect(kit.upstream.count(/psr\/http/)).toBe(0)
  expect(await kit.described()).toMatchObject({ failing: 0 })
})

test('what a feed named and could not be read is looked at again, also when it is new', async () => {
  const kit = await createKit({ shape: 'v2-available', feed: true, packages: { [LOG]: ['1.0.0'] } }, { takesAll: true })
  await kit.refresh()
  kit.upstream.setVersions(LOG, ['1.0.0', '1.1.0'])
  kit.upstream.setVersions('psr/new', ['1.0.0'])
  kit.upstream.misbehave(/\/p2\//, { kind: 'html' })
  await kit.refresh()
  expect(await kit.names()).toEqual([LOG])

  kit.upstream.behave()
  await kit.refresh()
  expect(await kit.names()).toEqual(['psr/log', 'psr/new'].toSorted())
  expect(textsOf(await kit.versions())).toEqual(['1.1.0', '1.0.0'])
  kit.upstream.setVersions('psr/late', ['1.0.0'])
  kit.upstream.forgetChanges()
  await kit.refresh()
  expect(await kit.names()).toContain('psr/late')
})

describe('a mirror that takes everything', () => {
  test.each(['v2-available', 'providers', 'inline', 'satis'] as const)(
    'PR-701 has all packages of a %s repository',
    async (shape) => {
      const kit = await createKit(
        { shape, packages: { [LOG]: ['1.0.0'], 'psr/http': ['1.0.0', 'dev-main'] } },
        { takesAll: true },
      )

      expect(await kit.names()).toEqual(['psr/http', LOG])
      kit.upstream.setVersions('psr/clock', ['1.0.0'])
      kit.upstream.setVersions(LOG, ['1.0.0', '1.1.0'])
      expect(await kit.refresh()).toContain('package.mirrored')
      expect(await kit.names()).toEqual(['psr/clock', 'psr/http', LOG])
      expect(textsOf(await kit.versions())).toEqual(['1.1.0', '1.0.0'])
    },
  )

  test('PR-701 is refused for an upstream that does not say what it has', async () => {
    const kit = await createKit({ list: true, packages: { [LOG]: ['1.0.0'] } }, { takesAll: true })

    kit.app.expectFailedJobs(1)
    expect((await kit.described()).mirror).toMatchObject({ state: 'failing', problem: expect.stringContaining('taken all') })
  })

  test('abuse 33 leaves out reserved names, and reports them', async () => {
    const packages = { [LOG]: ['1.0.0'], 'acme/secret': ['1.0.0'] }
    const kit = await createKit({ shape: 'v2-available', packages }, { takesAll: true })

    expect(await kit.names()).toEqual([LOG])
    expect(await kit.incidents()).toEqual(['reserved acme/secret'])
    expect(kit.upstream.count(/acme/)).toBe(0)
  })
})

describe('a version that changes what it may do on install', () => {
  const CALM = { version: '1.0.0', manifest: { autoload: { 'psr-4': { 'Log\\': 'src' } } } }
  const PLUGIN = { version: '1.0.1', manifest: { type: 'composer-plugin', require: { 'composer-plugin-api': '^2' } } }
  const FILES = { version: '1.0.1', manifest: { autoload: { files: ['boot.php'] } } }

  test.each([
    ['becomes a plugin', PLUGIN],
    ['brings files that always run in a patch release', FILES],
  ])('abuse 36 is reported when it %s', async (_, suspect) => {
    const kit = await createKit({ packages: { [LOG]: [CALM] } }, {}, [LOG])
    kit.upstream.setVersions(LOG, [CALM, suspect])

    await kit.refresh()
    expect(await kit.incidents()).toEqual([`suspect ${LOG} 1.0.1`])
    expect(textsOf(await kit.versions())).toEqual(['1.0.1', '1.0.0'])
  })

  test('abuse 36 is kept back where the mirror is told so, until somebody dismisses the incident', async () => {
    const kit = await createKit({ packages: { [LOG]: [CALM] } }, { holdsSuspects: true }, [LOG])
    kit.upstream.setVersions(LOG, [CALM, FILES, '1.1.0'])

    await kit.refresh()
    expect(textsOf(await kit.versions())).toEqual(['1.1.0', '1.0.0'])
    const { items } = await listMirrorIncidents(kit.app.ctx(), kit.mirror, { page: ALL, isOpen: true })
    await dismissMirrorIncident(kit.app.ctx(), kit.mirror, items[0]?.uid ?? '')
    await kit.app.runJobs()
    expect(textsOf(await kit.versions())).toEqual(['1.1.0', '1.0.1', '1.0.0'])
    expect(await kit.incidents()).toEqual([])
  })

  test('is no news in a package that begins with it', async () => {
    const kit = await createKit({ packages: { [LOG]: [CALM, FILES] } }, { holdsSuspects: true }, [LOG])

    expect(await kit.incidents()).toEqual([])
    expect(textsOf(await kit.versions())).toEqual(['1.0.1', '1.0.0'])
  })
})

test('PR-705 mirrors are refreshed every four hours, one job at a time', async () => {
  const kit = await createKit({ packages: { [LOG]: ['1.0.0'] } }, {}, [LOG])
  const run = async () => {
    await scheduleMirrors(kit.app.ctx(SYSTEM), memoryReport())
    await scheduleMirrors(kit.app.ctx(SYSTEM), memoryReport())
    const jobs = await kit.app.ports.database.read.selectFrom('jobs').select('id').where('state', '=', 'queued').execute()
    return jobs.length
  }

  kit.app.clock.advance(4 * 3_600_000 - 1000)
  expect(await run()).toBe(0)
  kit.app.clock.advance(2000)
  expect(await run()).toBe(1)
  await kit.app.runJobs()
  expect((await kit.described()).mirror.refreshedAt).toBe(kit.app.clock.now())
})

describe('advisories and filter lists of an upstream', () => {
  const SUMMARY = '/filter/summary.json'
  const API = '/api/security-advisories/'

  /** What was asked since the last look, by the jobs that are due. */
  async function asked({ app, upstream }: Kit): Promise<{ lists: number; advisories: number }> {
    const before = upstream.requests.length
    await app.runJobs()
    const paths = upstream.requests.slice(before).map(({ path }) => path)
    return { lists: paths.filter((path) => path === SUMMARY).length, advisories: paths.filter((path) => path === API).length }
  }

  test('CO-155 malware is kept back from the first look at an upstream on, without waiting for the next round', async () => {
    const kit = await createKit({ packages: { [LOG]: ['1.0.0', '1.1.0'] }, filters: { malware: { [LOG]: '1.1.0' } } }, {}, [LOG])

    expect(kit.upstream.count(SUMMARY)).toBe(1)
    expect(textsOf(await kit.versions())).toEqual(['1.0.0'])
  })

  test('CO-154 CO-155 are read at once when the root file comes to name them, or names another address, and not again', async () => {
    const kit = await createKit({ packages: { [LOG]: ['1.0.0'] } }, {}, [LOG])
    const look = async () => {
      await kit.refresh()
      return asked(kit)
    }
    const filter = (summary: string) => ({
      metadata: true,
      lists: { malware: { enabled: true } },
      'summary-url': `${kit.upstream.url}${summary}`,
    })
    const none = await look()
    kit.upstream.setRoot({ 'security-advisories': { 'api-url': `${kit.upstream.url}${API}` }, filter: filter('/elsewhere.json') })
    const advisories = await look()
    kit.upstream.setRoot({ filter: filter(SUMMARY) })
    const lists = await look()

    expect(none).toEqual({ lists: 0, advisories: 0 })
    expect(advisories).toEqual({ lists: 0, advisories: 1 })
    expect(lists).toEqual({ lists: 1, advisories: 0 })
    kit.upstream.setRoot({ mirrors: [] })
    expect(await look()).toEqual({ lists: 0, advisories: 0 })
    expect(kit.upstream.count('/elsewhere.json')).toBe(1)
  })
})
