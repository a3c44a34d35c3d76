import { expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { buildPackage, buildSource } from '../../../test/kit/build.ts'
import { memoryReport } from '../../../test/kit/git-source.ts'
import { temporaryUpstream, type Upstream, type UpstreamFault } from '../../../test/kit/upstream-server.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { getFeedHealth, importAdvisories, listFeeds, refreshAdvisories, requestRefresh, selectAdvisories } from './index.ts'

const PATH = '/api/security-advisories/'

function advisory(id: string, packageName: string, rest: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    advisoryId: id,
    packageName,
    affectedVersions: '<2.0',
    title: `The problem ${id}`,
    link: null,
    cve: null,
    reportedAt: '2026-02-01 00:00:00',
    sources: [{ name: 'GitHub', remoteId: `GHSA-${id}` }],
    severity: 'high',
    ...rest,
  }
}

/** An installation that asks a feed, over a new upstream. */
async function setUp(advisories: Record<string, Record<string, unknown>[]>) {
  const upstream = await temporaryUpstream({ advisories })
  const app = await createTestApp({ advisoryFeed: `${upstream.origin}${PATH}` })
  app.leaveJobs()
  const { id } = await app.organization()
  const refresh = () => refreshAdvisories(app.ctx(SYSTEM), memoryReport())
  return { app, upstream, organization: id, refresh }
}

async function told(app: TestApp, organization: OrganizationId, ...names: string[]): Promise<string[]> {
  const all = await selectAdvisories(app.ports.database.read, { organization, names })
  return names.flatMap((name) => (all.get(name) ?? []).map(({ advisoryId }) => advisoryId))
}

function asked(upstream: Upstream): (string | null)[] {
  return upstream.requests.filter(({ path }) => path === PATH).map(({ query }) => new URLSearchParams(query).get('updatedSince'))
}

test('PR-801 the first look asks for everything, later ones for what changed since, and each four hours after the one before', async () => {
  const { app, upstream, organization, refresh } = await setUp({ 'acme/http': [advisory('A', 'acme/http')] })

  await refresh()
  await refresh()
  const first = app.clock.now()
  app.clock.advance('3 hours')
  await refresh()
  app.clock.advance('1 hour')
  upstream.advisories['acme/http']!.push(advisory('B', 'acme/http', { reportedAt: '2026-03-01 13:00:00' }))
  await refresh()

  expect(asked(upstream)).toEqual(['0', String(Math.floor(first / 1000) - 300)])
  expect(await told(app, organization, 'acme/http')).toEqual(['B', 'A'])
})

test('PR-801 the same advisory again is changed, not added; one that is gone is withdrawn by the weekly look at everything', async () => {
  const { app, upstream, organization, refresh } = await setUp({
    'acme/http': [advisory('A', 'acme/http'), advisory('B', 'acme/http')],
  })
  await refresh()

  upstream.advisories['acme/http'] = [advisory('A', 'acme/http', { title: 'Worse', reportedAt: '2026-03-01 13:00:00' })]
  app.clock.advance('4 hours')
  await refresh()
  const changed = await selectAdvisories(app.ports.database.read, { organization, names: ['acme/http'] })
  app.clock.advance('7 days')
  await refresh()
  await refresh()

  expect(
    changed
      .get('acme/http')!
      .map(({ title }) => title)
      .toSorted(),
  ).toEqual(['The problem B', 'Worse'])
  expect(await told(app, organization, 'acme/http')).toEqual(['A'])
  expect(asked(upstream).at(-1)).toBe('0')
})

const FAULTS: readonly [string, UpstreamFault][] = [
  ['a page in HTML', { kind: 'html' }],
  ['JSON that is cut off', { kind: 'truncated' }],
  ['a connection that ends in the middle', { kind: 'close' }],
  ['a server error', { kind: 'status', status: 502 }],
  ['not found', { kind: 'status', status: 404 }],
  ['JSON of another form', { kind: 'body', body: '{"packages": {}}' }],
  ['a list of something else', { kind: 'body', body: '[1, 2]' }],
  ['200 MB', { kind: 'huge', bytes: 200 * 1024 * 1024 }],
  ['a gzip bomb', { kind: 'bomb', bytes: 256 * 1024 * 1024 }],
]

test.each(FAULTS)('abuse 29: a feed that answers with %s changes nothing, and its problem is shown', async (_, fault) => {
  const { app, upstream, organization, refresh } = await setUp({ 'acme/http': [advisory('A', 'acme/http')] })
  await refresh()
  const before = await getFeedHealth(app.ctx())

  upstream.misbehave(PATH, fault)
  app.clock.advance('4 hours')
  await refresh()
  const { feeds } = await listFeeds(app.ctx())
  upstream.behave()
  app.clock.advance('5 minutes')
  await refresh()

  expect(before).toMatchObject({ state: 'fresh' })
  expect(feeds).toMatchObject([{ advisories: 1, failures: 1, fetchedAt: expect.any(Number) }])
  expect(feeds[0]!.problem).toBeString()
  expect(await told(app, organization, 'acme/http')).toEqual(['A'])
  expect((await listFeeds(app.ctx())).feeds).toMatchObject([{ failures: 0, problem: null }])
})

test('the registry vouches for a day after the last good answer, and never before the first', async () => {
  const { app, upstream, refresh } = await setUp({})
  upstream.misbehave(PATH, { kind: 'status', status: 500 })
  const before = await getFeedHealth(app.ctx())
  await refresh()
  const failed = await getFeedHealth(app.ctx())
  upstream.behave()
  app.clock.advance('5 minutes')
  await refresh()
  const answeredAt = app.clock.now()
  const fresh = await getFeedHealth(app.ctx())
  await upstream.fall()
  app.clock.advance('1 day')
  await refresh()

  expect(before).toEqual({ state: 'never', problem: null })
  expect(failed).toEqual({ state: 'never', problem: expect.stringContaining('500') })
  expect(fresh).toEqual({ state: 'fresh', fetchedAt: answeredAt, staleAt: answeredAt + 24 * 60 * 60 * 1000 })
  expect(await getFeedHealth(app.ctx())).toEqual({ state: 'stale', fetchedAt: answeredAt, problem: expect.any(String) })
})

test('a feed that fails is asked again soon, later each time, and at least every four hours', async () => {
  const { app, upstream, refresh } = await setUp({})
  await upstream.fall()
  const pauses: number[] = []
  for (let tries = 0; tries < 8; tries += 1) {
    await refresh()
    const { nextFetchAt } = (await listFeeds(app.ctx())).feeds[0]!
    pauses.push((nextFetchAt - app.clock.now()) / 60_000)
    app.clock.set(nextFetchAt)
  }

  expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 240, 240])
})

test('an answer with far less than what was known withdraws nothing', async () => {
  const many = Array.from({ length: 60 }, (_, index) => advisory(`A-${index}`, 'acme/http'))
  const { app, upstream, organization, refresh } = await setUp({ 'acme/http': many })
  await refresh()

  upstream.advisories['acme/http'] = many.slice(0, 10)
  app.clock.advance('7 days')
  await refresh()

  expect(await told(app, organization, 'acme/http')).toHaveLength(60)
  expect((await listFeeds(app.ctx())).feeds[0]!.problem).toContain('told 10 advisories where 60 are known')
})

test('one id for several packages is an advisory for each', async () => {
  const { app, upstream, organization, refresh } = await setUp({
    'acme/http': [advisory('GHSA-1', 'acme/http')],
    'acme/core': [advisory('GHSA-1', 'acme/core')],
  })
  await refresh()
  const both = await told(app, organization, 'acme/http', 'acme/core')

  delete upstream.advisories['acme/http']
  app.clock.advance('7 days')
  await refresh()

  expect(both).toEqual(['GHSA-1', 'GHSA-1'])
  expect(await told(app, organization, 'acme/http')).toEqual([])
  expect(await told(app, organization, 'acme/core')).toEqual(['GHSA-1'])
})

test('abuse 25: one bad advisory is counted, the others are taken', async () => {
  const { app, organization, refresh } = await setUp({
    'acme/http': [advisory('A', 'acme/http'), advisory('B', 'acme/http', { affectedVersions: null })],
    'acme/core': [advisory('C', 'acme/other')],
  })

  await refresh()

  expect(await told(app, organization, 'acme/http', 'acme/core', 'acme/other')).toEqual(['A'])
  expect((await listFeeds(app.ctx())).feeds[0]!.problem).toBe('2 advisories could not be read and are left out')
  expect(await getFeedHealth(app.ctx())).toMatchObject({ state: 'fresh' })
})

test('the advisories of a mirrored repository are asked for its names, hold in its organization, and go with it', async () => {
  const { app, organization, refresh } = await setUp({})
  const private_ = await temporaryUpstream({
    advisories: { 'vendor/lib': [advisory('V', 'vendor/lib')], 'vendor/else': [advisory('E', 'vendor/else')] },
  })
  const other = await app.organization('other')
  await buildPackage(app, { organization, name: 'vendor/lib' })
  const source = await buildSource(app, organization, 'vendor/lib')
  const { write } = app.ports.database
  const api = `${private_.origin}${PATH}`
  await write.updateTable('sources').set({ kind: 'mirror', url: private_.url }).where('id', '=', source).execute()
  await write.insertInto('mirrors').values(mirrorRow(source, api)).execute()
  app.ports.database.touched()

  await refresh()
  const here = await told(app, organization, 'vendor/lib', 'vendor/else')
  const elsewhere = await told(app, other.id, 'vendor/lib')
  await write.updateTable('mirrors').set({ behavior: 'disabled' }).where('source_id', '=', source).execute()
  app.clock.advance('4 hours')
  await refresh()

  expect(here).toEqual(['V'])
  expect(elsewhere).toEqual([])
  expect(private_.requests.at(-1)!.body).toBe('packages%5B0%5D=vendor%2Flib')
  expect(await told(app, organization, 'vendor/lib')).toEqual([])
  expect((await listFeeds(app.ctx())).feeds).toHaveLength(1)
})

function mirrorRow(source: number, apiUrl: string) {
  const root = {
    protocol: { kind: 'metadata', url: 'x' },
    available: null,
    hasPackages: false,
    advisories: { metadata: true, apiUrl },
  }
  return {
    source_id: source as never,
    name: 'vendor',
    behavior: 'manual' as const,
    position: 1,
    timeout_ms: 10_000,
    only_names: null,
    except_names: null,
    keeps_archives: 1 as const,
    takes_all: 0 as const,
    holds_suspects: 0 as const,
    root: JSON.stringify(root),
    root_modified: null,
    root_etag: null,
    root_checked_at: null,
    feed_since: null,
    failing_since: null,
  }
}

test('another address of the feed is asked for everything; what was known stays until it answers', async () => {
  const { app, organization, refresh } = await setUp({ 'acme/http': [advisory('A', 'acme/http')] })
  await refresh()
  const elsewhere = await temporaryUpstream({ advisories: { 'acme/core': [advisory('B', 'acme/core')] } })
  Object.assign(app.ports, { advisoryFeed: `${elsewhere.origin}${PATH}` })
  const moved = await getFeedHealth(app.ctx())
  await elsewhere.fall()
  await refresh()
  const kept = await told(app, organization, 'acme/http')
  await elsewhere.rise()
  app.clock.advance('5 minutes')
  await refresh()

  expect(moved.state).toBe('never')
  expect(kept).toEqual(['A'])
  expect(await told(app, organization, 'acme/http', 'acme/core')).toEqual(['B'])
})

test('a key in the address of the feed is sent there and shown nowhere', async () => {
  const { app, upstream, refresh } = await setUp({ 'acme/http': [advisory('A', 'acme/http')] })
  Object.assign(app.ports, { advisoryFeed: `${upstream.origin}${PATH}?key=secret-key` })
  await refresh()
  upstream.misbehave(PATH, { kind: 'status', status: 500 })
  app.clock.advance('4 hours')
  await refresh()

  expect(upstream.requests[0]!.query).toContain('key=secret-key')
  expect(JSON.stringify([app.events, await listFeeds(app.ctx())])).not.toContain('secret-key')
})

test('where the feed is switched off nobody is asked; a whole database from a file is vouched for like an answer', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const off = await getFeedHealth(app.ctx())
  const text = (...advisories: Record<string, unknown>[]) => JSON.stringify({ advisories: { 'acme/http': advisories } })

  const partial = await importAdvisories(app.ctx(), { text: text(advisory('A', 'acme/http')), isComplete: false })
  const still = await getFeedHealth(app.ctx())
  const whole = await importAdvisories(app.ctx(), { text: text(advisory('B', 'acme/http'), {}), isComplete: true })
  await requestRefresh(app.ctx())
  await app.runJobs()

  expect([off, still]).toEqual([{ state: 'off' }, { state: 'off' }])
  expect(partial).toEqual({ added: 1, changed: 0, withdrawn: 0, skipped: [] })
  expect(whole).toMatchObject({ added: 1, withdrawn: 1, skipped: [{ advisory: 'acme/http' }] })
  expect(await told(app, id, 'acme/http')).toEqual(['B'])
  expect(await getFeedHealth(app.ctx())).toMatchObject({ state: 'fresh' })
})

test('a refresh that is asked for is made at once, and finds what is affected', async () => {
  const { app, upstream, organization } = await setUp({})
  await buildPackage(app, { organization })
  await requestRefresh(app.ctx())
  await app.runJobs()
  upstream.advisories['acme/http'] = [advisory('A', 'acme/http', { reportedAt: '2026-03-01 12:00:00' })]

  await requestRefresh(app.ctx())
  await app.runJobs()

  expect(app.events.filter(({ type }) => type === 'finding.opened')).toMatchObject([{ name: 'acme/http', advisories: ['A'] }])
})

test('a refresh that is asked for asks the feeds of filter lists, too, also those whose time has not come', async () => {
  const upstream = await temporaryUpstream({ filters: { malware: { 'acme/http': '*' } } })
  const app = await createTestApp({ malwareFeed: `${upstream.url}/filter/summary.json` })
  await app.organization()

  for (const expected of [1, 2]) {
    await requestRefresh(app.ctx())
    await app.runJobs()
    expect(upstream.count('/filter/summary.json')).toBe(expected)
  }
})
