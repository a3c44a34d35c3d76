import { describe, expect, test } from 'bun:test'
import { toSeconds } from '../../../src/core/kernel/values.ts'
import { bumpPackage, setAbandoned } from '../../../src/core/packages/index.ts'
import { deletePackage } from '../../../src/core/sources/index.ts'
import { buildPackage, buildToken, packageIdOf } from '../../kit/build.ts'
import { BASE, createTestServer } from '../../kit/http.ts'

interface Action {
  type: string
  package: string
  time: number
}

interface Feed {
  actions: Action[]
  timestamp: number
}

async function setUp(packages: readonly string[] | null = null) {
  const server = await createTestServer()
  const { app } = server
  const { id: organization } = await app.organization()
  const { secret: token } = await buildToken(app, organization, { packages })
  const ask = async (query: string, secret = token) => server.send(`/acme/metadata/changes.json${query}`, { token: secret })
  return {
    ...server,
    app,
    organization,
    token,
    ask,
    publish: (name: string, rest: Partial<Parameters<typeof buildPackage>[1]> = {}) =>
      buildPackage(app, { organization, name, ...rest }),
    remove: (name: string) => deletePackage(app.ctx(), { organization, name }),
    begin: async (secret = token) => ((await (await ask('', secret)).json()) as Feed).timestamp,
    follow: async (since: number, secret = token) => (await (await ask(`?since=${since}`, secret)).json()) as Feed,
  }
}

const brief = ({ actions }: Feed) => actions.map(({ type, package: name }) => `${type} ${name}`)
const HOUR = 3_600_000

describe('CO-141 the feed of changes', () => {
  test('CO-016 CO-141 is announced in the root, as an absolute address', async () => {
    const { json, token } = await setUp()

    expect(await json('/acme/packages.json', { token })).toMatchObject({
      'metadata-changes-url': `${BASE}/acme/metadata/changes.json`,
    })
  })

  test.each(['', '?since=', '?since=abc', '?since=-5', '?since=1.5', '?since=99999999999999999999'])(
    'CO-141 without a usable timestamp (%p) is refused with the present one',
    async (query) => {
      const { ask, app } = await setUp()

      const response = await ask(query)
      const body = (await response.json()) as Feed & { error: string }

      expect(response.status).toBe(400)
      expect(body.error).toContain('since')
      expect(body.timestamp / 10_000 - app.clock.now() / 1000).toBeWithin(0, 2)
    },
  )

  test('CO-141 names both files of what was published, with the time of their Last-Modified, and nothing twice', async () => {
    const { begin, follow, publish, send, token } = await setUp()
    await publish('acme/old')
    const since = await begin()
    await publish('acme/http')
    await publish('acme/http', { versions: ['1.0.0', '1.1.0'] })

    const feed = await follow(since)
    const response = await send('/acme/p2/acme/http.json', { token })

    expect(brief(feed)).toEqual(['update acme/http', 'update acme/http~dev'])
    expect(new Date(response.headers.get('last-modified') ?? '').getTime() / 1000).toBe(feed.actions[0]?.time ?? 0)
    expect(feed.timestamp).toBeGreaterThan(since)
    expect(await follow(feed.timestamp)).toEqual({ actions: [], timestamp: feed.timestamp })
    // Included at its beginning.
    expect(brief(await follow(since))).toEqual(['update acme/http', 'update acme/http~dev'])
  })

  test('CO-141 a deletion stands for both files, and replaces what was said of the package before', async () => {
    const { begin, follow, publish, remove } = await setUp()
    await publish('acme/http')
    const since = await begin()
    await publish('acme/http', { versions: ['1.0.0', '1.1.0'] })
    const between = await follow(since)
    await remove('acme/http')

    expect(brief(between)).toEqual(['update acme/http', 'update acme/http~dev'])
    expect(brief(await follow(between.timestamp))).toEqual(['delete acme/http'])
    expect(brief(await follow(since))).toEqual(['delete acme/http'])
  })

  test('CO-141 a package that came back is updated, whether its deletion was told or not', async () => {
    const { begin, follow, publish, remove } = await setUp()
    await publish('acme/http')
    const since = await begin()
    await remove('acme/http')
    const told = await follow(since)
    await publish('acme/http')
    const back = await follow(told.timestamp)
    await remove('acme/http')
    await publish('acme/http')

    expect(brief(told)).toEqual(['delete acme/http'])
    expect(brief(back)).toEqual(['update acme/http', 'update acme/http~dev'])
    expect(brief(await follow(back.timestamp))).toEqual(['update acme/http', 'update acme/http~dev'])
  })

  test('CO-141 what metadata shows otherwise is a change, too', async () => {
    const { app, organization, begin, follow, publish } = await setUp()
    await publish('acme/http')
    const since = await begin()

    await setAbandoned(app.ctx(), { organization, name: 'acme/http', abandoned: true })

    expect(brief(await follow(since))).toEqual(['update acme/http', 'update acme/http~dev'])
  })

  test('CO-141 many changes within a second, and a clock that is set back, hide nothing from a follower', async () => {
    const { app, begin, follow, publish } = await setUp()
    await publish('acme/http')
    let since = await begin()

    for (const step of [0, 0, -HOUR, 0, -5 * HOUR, 1_000]) {
      app.clock.advance(step)
      await publish('acme/http', { versions: [`1.0.${Math.abs(step)}-${since}`.slice(0, 6), `2.${since % 1_000_000}.0`] })
      const feed = await follow(since)
      expect(brief(feed)).toEqual(['update acme/http', 'update acme/http~dev'])
      expect(feed.timestamp).toBeGreaterThan(since)
      since = feed.timestamp
    }
  })

  test('CO-141 who comes back after more than a day has to look at everything, and an idle feed does not make followers late', async () => {
    const { app, begin, follow, publish } = await setUp()
    await publish('acme/http')
    const first = await begin()
    let since = first
    for (let hours = 0; hours < 60; hours += 6) {
      app.clock.advance(6 * HOUR)
      const feed = await follow(since)
      expect(feed.actions).toEqual([])
      since = feed.timestamp
    }

    const late = await follow(first)

    expect(late.actions).toEqual([{ type: 'resync', package: '*', time: expect.any(Number) }])
    expect(late.timestamp).toBe(since)
  })

  test('CO-141 a timestamp of the future, as after a restored backup, means to look at everything', async () => {
    const { app, begin, follow } = await setUp()
    await begin()

    expect(brief(await follow((app.clock.now() / 1000 + 7_200) * 10_000))).toEqual(['resync *'])
  })

  test('CO-141 CO-062 a limited token is told of its packages alone, and of everything anew when its view becomes another', async () => {
    const { app, organization, token: limited, begin, follow, publish } = await setUp(['acme/*'])
    const { secret: full } = await buildToken(app, organization)
    const since = await begin(limited)
    await publish('acme/http')
    await publish('other/secret')

    expect(brief(await follow(since, limited))).toEqual(['update acme/http', 'update acme/http~dev'])
    expect(brief(await follow(since, full))).toEqual(['resync *'])
  })

  test('CO-141 nobody is told anything', async () => {
    const { send } = await setUp()

    expect((await send('/acme/metadata/changes.json?since=1')).status).toBe(401)
    expect((await send('/nowhere/metadata/changes.json?since=1')).status).toBe(401)
  })

  test('CO-141 followers that ask while packages are published miss none', async () => {
    const { begin, follow, publish } = await setUp()
    let since = await begin()
    const told = new Set<string>()
    const names = Array.from({ length: 12 }, (_, index) => `acme/number-${index}`)

    const publishing = Promise.all(names.map((name) => publish(name)))
    for (let round = 0; round < 10; round += 1) {
      const feeds = await Promise.all([follow(since), follow(since)])
      for (const { actions } of feeds) {
        for (const action of actions) told.add(action.package)
      }
      since = Math.min(...feeds.map(({ timestamp }) => timestamp))
    }
    await publishing
    for (const { package: name } of (await follow(since)).actions) told.add(name)

    expect([...told].filter((name) => !name.endsWith('~dev')).sort()).toEqual(names.toSorted())
  })

  test('CO-141 a change that was made first and became visible last is not missed', async () => {
    const { app, begin, follow, publish, organization } = await setUp()
    await publish('acme/http')
    const since = await begin()
    const { promise: held, resolve: release } = Promise.withResolvers<undefined>()
    const target = await packageIdOf(app, organization)
    const slow = app.ctx().transaction(async (tx) => {
      await bumpPackage(tx.db, target, toSeconds(tx.now))
      await tx.record({ type: 'version.metadata-changed', organization, package: target, name: 'acme/http', version: '1.0.0' })
      await held
    })
    app.clock.advance(30_000)
    const before = await follow(since)
    release(undefined)
    await slow

    expect(before.actions).toEqual([])
    expect(brief(await follow(before.timestamp))).toEqual(['update acme/http', 'update acme/http~dev'])
  })
})
