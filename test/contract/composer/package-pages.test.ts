import { describe, expect, test } from 'bun:test'
import { SCOPES, type Scope } from '../../../src/core/kernel/scopes.ts'
import { setAbandoned } from '../../../src/core/packages/index.ts'
import { addDays, toDay } from '../../../src/core/statistics/index.ts'
import { buildPackage, buildToken, packageIdOf, type BuildPackage } from '../../kit/build.ts'
import { BASE, createTestServer } from '../../kit/http.ts'

const STATISTICS: readonly Scope[] = ['composer', 'package:read', 'statistics:read']

async function setUp(grant: { scopes?: readonly Scope[]; packages?: readonly string[] } = {}) {
  const server = await createTestServer()
  const { app } = server
  const { id: organization } = await app.organization()
  const { secret: token } = await buildToken(app, organization, { scopes: STATISTICS, ...grant })
  return {
    ...server,
    app,
    organization,
    token,
    publish: (name: string, manifest: Record<string, unknown> = {}, rest: Partial<BuildPackage> = {}) =>
      buildPackage(app, { organization, name, versions: [{ version: '1.0.0', manifest }], ...rest }),
    get: async <Body = Record<string, unknown>>(path: string): Promise<Body> =>
      (await server.json(`/acme/${path}`, { token })) as Body,
    status: async (path: string) => (await server.send(`/acme/${path}`, { token })).status,
    async count(name: string, count: number, { version = '1.0.0.0', daysAgo = 0 } = {}) {
      await app.ports.database.write
        .insertInto('download_counts')
        .values({
          package_id: await packageIdOf(app, organization, name),
          version,
          day: addDays(toDay(app.clock.now()), -daysAgo),
          kind: 'download',
          count,
        })
        .execute()
    },
  }
}

type Listed = { results: Record<string, unknown>[]; total: number; next?: string }
type Dependents = { packages: { name: string; downloads?: number }[]; total: number; next?: string }
const namesOf = ({ packages }: Dependents) => packages.map(({ name }) => name)

describe('CO-131 search', () => {
  test.each([
    ['tags=http', ['acme/http']],
    ['tags[]=HTTP&tags[]=queue', ['acme/http', 'acme/queue']],
    ['tags[]=http&q=nothing', []],
    ['tags=http&type=metapackage', []],
    ['tags=none', []],
  ])('CO-131 search.json?%s finds %p', async (query, names) => {
    const { publish, get } = await setUp()
    await publish('acme/http', { keywords: ['HTTP', 'client'] })
    await publish('acme/queue', { keywords: ['queue'] })

    expect((await get<Listed>(`search.json?${query}`)).results.map(({ name }) => name as string)).toEqual(names)
  })

  test('CO-131 names that are only provided come after packages, and are virtual', async () => {
    const { publish, get } = await setUp()
    await publish('acme/logger', { provide: { 'psr/log-implementation': '1.0', 'acme/log': '1.0', 'ext-log': '*' } })
    await publish('acme/log')

    expect(await get('search.json?q=log&per_page=2')).toMatchObject({
      results: [{ name: 'acme/log', favers: 0 }, { name: 'acme/logger' }],
      total: 3,
    })
    expect((await get<Listed>('search.json?q=log&per_page=2&page=2')).results).toEqual([
      {
        name: 'psr/log-implementation',
        description: '',
        url: `${BASE}/acme/providers/psr/log-implementation.json`,
        repository: '',
        virtual: true,
      },
    ])
    expect((await get<Listed>('search.json?q=log&type=library')).total).toBe(2)
  })

  test('CO-131 CO-062 a virtual name is told to whoever sees a provider, whatever else has it', async () => {
    const { publish, get } = await setUp({ packages: ['acme/*'] })
    await publish('acme/logger', { provide: { 'secret/log': '1.0' } })
    await publish('secret/log')
    await publish('secret/logger', { provide: { 'secret/log-contract': '1.0' } })

    expect((await get<Listed>('search.json?q=log')).results.map(({ name }) => name)).toEqual(['acme/logger', 'secret/log'])
  })

  test('CO-131 JSONP is refused, because what a token sees is not for any page', async () => {
    const { status } = await setUp()

    expect(await status('search.json?q=http&callback=steal')).toBe(400)
  })

  test('CO-131 CO-132 downloads are told to whoever may read statistics, and order providers', async () => {
    const { app, organization, publish, count, get, json } = await setUp()
    const { secret: plain } = await buildToken(app, organization)
    await publish('acme/a', { provide: { 'psr/log': '1' } })
    await publish('acme/b', { provide: { 'psr/log': '1' } })
    await count('acme/b', 7)

    expect((await get<Listed>('search.json?q=acme')).results).toMatchObject([{ downloads: 0 }, { downloads: 7 }])
    expect(await get('providers/psr/log.json')).toMatchObject({ providers: [{ name: 'acme/b' }, { name: 'acme/a' }] })
    const hidden = (await json('/acme/search.json?q=acme', { token: plain })) as Listed
    expect(hidden.results.every((result) => !('downloads' in result))).toBe(true)
  })

  test('CO-132 an extension provides its platform package', async () => {
    const { publish, get } = await setUp()
    await publish(
      'acme/redis',
      { 'php-ext': { 'extension-name': 'redis' } },
      {
        type: 'php-ext',
        versions: [{ version: '1.0.0', type: 'php-ext', manifest: { 'php-ext': { 'extension-name': 'redis' } } }],
      },
    )

    expect(await get('providers/ext-redis.json')).toEqual({
      providers: [{ name: 'acme/redis', description: 'The package acme/redis.', type: 'php-ext' }],
    })
  })
})

test('CO-133 CO-149 a package page has everything that the registry knows, and null for what it does not', async () => {
  const { app, organization, publish, count, get } = await setUp()
  await publish('acme/http', {}, { versions: ['1.0.0', 'dev-main'] })
  await publish('acme/client', { require: { 'acme/http': '^1.0' } })
  await publish('acme/suite', { suggest: { 'acme/http': 'to speak' }, 'require-dev': { 'acme/http': '*' } })
  await setAbandoned(app.ctx(), { organization, name: 'acme/http', abandoned: 'acme/client' })
  await count('acme/http', 5)
  await count('acme/http', 3, { daysAgo: 40 })

  expect(await get('packages/acme/http.json')).toEqual({
    package: {
      name: 'acme/http',
      description: 'The package acme/http.',
      time: new Date(app.clock.now()).toISOString().replace(/\.\d+Z$/, '+00:00'),
      maintainers: [],
      versions: { 'dev-main': expect.objectContaining({ abandoned: 'acme/client' }), '1.0.0': expect.any(Object) },
      type: 'library',
      repository: 'https://git.example.org/acme/http.git',
      github_stars: null,
      github_watchers: null,
      github_forks: null,
      github_open_issues: null,
      language: null,
      abandoned: 'acme/client',
      dependents: 2,
      suggesters: 1,
      downloads: { total: 8, monthly: 5, daily: 5 },
      favers: 0,
    },
  })
})

describe('CO-143 dependents and suggesters', () => {
  async function setUpDependents(grant: Parameters<typeof setUp>[0] = {}) {
    const parts = await setUp(grant)
    await parts.publish('acme/http')
    await parts.publish('acme/a', { require: { 'Acme/HTTP': '^1.0', php: '>=8' } })
    await parts.publish('acme/b', { 'require-dev': { 'acme/http': '*' } })
    await parts.publish('other/c', { require: { 'acme/http': '*' }, 'require-dev': { 'acme/http': '*' } })
    await parts.publish('acme/d', { suggest: { 'acme/http': 'why not' } })
    await parts.count('other/c', 9)
    await parts.count('acme/b', 2)
    return parts
  }

  test.each([
    ['', ['acme/a', 'acme/b', 'other/c']],
    ['?requires=require', ['acme/a', 'other/c']],
    ['?requires=require-dev', ['acme/b', 'other/c']],
    ['?order_by=downloads', ['other/c', 'acme/b', 'acme/a']],
    ['?per_page=1&page=2', ['acme/b']],
    ['?page=2', []],
  ])('CO-143 dependents.json%s are %p', async (query, names) => {
    const { get } = await setUpDependents()

    expect(namesOf(await get<Dependents>(`packages/acme/http/dependents.json${query}`))).toEqual(names)
  })

  test('CO-143 a dependent is described, and its list says where to go on', async () => {
    const { app, organization, get } = await setUpDependents()
    await setAbandoned(app.ctx(), { organization, name: 'acme/a', abandoned: 'acme/b' })
    const address = `${BASE}/acme/packages/acme/http/dependents.json`

    expect(await get('packages/acme/http/dependents.json?per_page=1')).toEqual({
      packages: [
        {
          id: await packageIdOf(app, organization, 'acme/a'),
          name: 'acme/a',
          description: 'The package acme/a.',
          language: null,
          abandoned: true,
          replacementPackage: 'acme/b',
          downloads: 0,
          favers: 0,
        },
      ],
      total: 3,
      next: `${address}?per_page=1&page=2`,
      ordered_by_name: `${address}?per_page=1&page=1&order_by=name`,
      ordered_by_downloads: `${address}?per_page=1&page=1&order_by=downloads`,
    })
    expect(namesOf(await get<Dependents>('packages/acme/http/suggesters.json'))).toEqual(['acme/d'])
  })

  test('CO-143 CO-062 nobody is told of packages that they do not see, and what a new version requires counts', async () => {
    const { publish, get } = await setUpDependents({ packages: ['acme/*'] })

    expect(namesOf(await get<Dependents>('packages/acme/http/dependents.json'))).toEqual(['acme/a', 'acme/b'])

    await publish('acme/a', {}, { versions: [{ version: '1.0.0', manifest: { require: { 'acme/http': '*' } } }, '2.0.0'] })
    expect(namesOf(await get<Dependents>('packages/acme/http/dependents.json'))).toEqual(['acme/b'])
  })

  test.each(['requires=all-of-them', 'order_by=stars', 'page=0', 'per_page=101', 'page=301'])(
    'CO-143 %s is refused',
    async (query) => {
      const { status } = await setUp()

      expect(await status(`packages/acme/http/dependents.json?${query}`)).toBe(400)
    },
  )
})

describe('CO-142 downloads', () => {
  async function setUpCounted() {
    const parts = await setUp()
    await parts.publish('acme/http', {}, { versions: ['1.0.0', '1.1.0', '2.0.0', 'dev-main'] })
    parts.app.clock.advance(10 * 24 * 3_600_000)
    await parts.count('acme/http', 4)
    await parts.count('acme/http', 6, { version: '1.1.0.0', daysAgo: 1 })
    await parts.count('acme/http', 10, { version: '2.0.0.0', daysAgo: 2 })
    await parts.count('acme/http', 1, { version: 'dev-main', daysAgo: 2 })
    return parts
  }

  test('CO-142 of a package, and of each version', async () => {
    const { app, get } = await setUpCounted()

    expect(await get('packages/acme/http/stats.json')).toEqual({
      downloads: { total: 21, monthly: 21, daily: expect.any(Number) },
      versions: ['dev-main', '2.0.0', '1.1.0', '1.0.0'],
      average: 'daily',
      date: addDays(toDay(app.clock.now()), -10),
    })
    expect(await get('packages/acme/http/downloads.json')).toMatchObject({
      package: {
        name: 'acme/http',
        downloads: {
          total: { total: 21 },
          versions: { '1.0.0': { total: 4 }, '1.1.0': { total: 6 }, '2.0.0': { total: 10 }, 'dev-main': { total: 1 } },
        },
        favers: 0,
      },
    })
  })

  test.each([
    ['stats/all.json', { 'acme/http': [11, 6, 4] }],
    ['stats/1.1.0.json', { '1.1.0': [0, 6, 0] }],
    ['stats/dev-main.json', { 'dev-main': [1, 0, 0] }],
    ['stats/major/all.json', { 1: [0, 6, 4], 2: [10, 0, 0] }],
    ['stats/major/1.json', { '1.0': [0, 0, 4], '1.1': [0, 6, 0] }],
    ['stats/major/3.json', {}],
  ])('CO-142 %s goes by day', async (path, values) => {
    const { app, get } = await setUpCounted()
    const today = toDay(app.clock.now())
    const [from, between] = [addDays(today, -2), addDays(today, -1)]

    expect(await get<object>(`packages/acme/http/${path}?from=${from}`)).toEqual({
      labels: [from, between, today],
      values,
      average: 'daily',
    })
  })

  test('CO-142 longer steps show the average of a day', async () => {
    const { app, get } = await setUpCounted()
    const today = toDay(app.clock.now())

    const series = await get<{ labels: string[]; values: Record<string, number[]> }>(
      `packages/acme/http/stats/all.json?average=monthly&from=${addDays(today, -9)}&to=${today}`,
    )

    expect(series.labels.at(-1)).toBe(today.slice(0, 7))
    expect(series.values['acme/http']?.length).toBe(series.labels.length)
    expect(Math.max(...(series.values['acme/http'] ?? []))).toBeLessThan(21)
  })

  test('CO-142 the most downloaded packages, and totals of what a token sees', async () => {
    const { publish, count, get } = await setUp()
    await publish('acme/a')
    await publish('acme/b', {}, { versions: ['1.0.0', '1.1.0'] })
    await count('acme/b', 3)

    expect(await get('explore/popular.json?per_page=1')).toEqual({
      packages: [
        {
          name: 'acme/b',
          description: 'The package acme/b.',
          url: `${BASE}/acme/packages/acme/b.json`,
          downloads: 3,
          favers: 0,
        },
      ],
      total: 2,
      next: `${BASE}/acme/explore/popular.json?per_page=1&page=2`,
    })
    expect(await get('statistics.json')).toEqual({ totals: { downloads: 3, packages: 2, versions: 3 } })
  })

  test('CO-142 CO-062 figures of other packages are in no total, and none are told without the scope', async () => {
    const { app, organization, publish, count, get, send } = await setUp({ packages: ['acme/*'] })
    await publish('acme/a')
    await publish('other/b')
    await count('other/b', 3)
    const { secret: plain } = await buildToken(app, organization, {
      scopes: SCOPES.filter((scope) => scope !== 'statistics:read'),
    })

    expect(await get('statistics.json')).toEqual({ totals: { downloads: 0, packages: 1, versions: 1 } })
    for (const path of [
      'statistics.json',
      'explore/popular.json',
      'packages/acme/a/stats.json',
      'packages/acme/a/stats/all.json',
    ]) {
      expect((await send(`/acme/${path}`, { token: plain })).status).toBe(403)
    }
  })

  test.each([
    ['packages/acme/none/stats.json', 404],
    ['packages/acme/http/stats/9.9.json', 404],
    ['packages/acme/http/stats/all.json?from=yesterday', 400],
    ['packages/acme/http/stats/all.json?average=hourly', 400],
    ['packages/acme/http/stats/all.json?from=2026-02-01&to=2026-01-01', 400],
  ])('CO-142 %s is answered with %d', async (path, status) => {
    const { publish, status: statusOf } = await setUp()
    await publish('acme/http')

    expect(await statusOf(path)).toBe(status)
  })
})
