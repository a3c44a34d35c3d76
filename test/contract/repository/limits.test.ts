/** Limits on requests: headers, refusals, whose count a request is, and what is never limited. */
import { describe, expect, test } from 'bun:test'
import type { RateLimit, RateLimitName } from '../../../src/core/kernel/ports.ts'
import { createSharedLimiter } from '../../../src/platform/limits/shared-limiter.ts'
import type { Call, Route } from '../../../src/surfaces/http/route.ts'
import { takeDownload, takeRequest } from '../../../src/surfaces/http/rate-limits.ts'
import { RequestLimits } from '../../../src/server/request-limits.ts'
import { createTestApp, type TestApp } from '../../kit/app.ts'
import { buildPackage, buildToken } from '../../kit/build.ts'
import { createTestServer, type WantedServer } from '../../kit/http.ts'

const OFF: Record<RateLimitName, RateLimit | null> = { api: null, downloads: null, composer: null, failures: null }

async function setUp(rules: Partial<typeof OFF>, wanted: WantedServer = {}) {
  const app = await createTestApp()
  app.ports.limiter = createSharedLimiter({ clock: app.clock, database: app.ports.database, rules: { ...OFF, ...rules } })
  const server = await createTestServer({ ...wanted, app })
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization })
  const { secret: token } = await buildToken(app, organization)
  return { ...server, app, organization, token }
}

function perMinute(limit: number): RateLimit {
  return { limit, window: 60_000 }
}

describe('PR-017 a limited route', () => {
  const route: Route = {
    method: 'GET',
    path: '/limited',
    surface: 'test',
    clauses: [],
    limit: { rule: 'api' },
    handle: () => new Response('done'),
  }

  function callOf(app: TestApp, actor: Call['actor'], address = '192.0.2.1'): Call {
    const origin = { surface: 'http', address, agent: null, requestId: null }
    return { ctx: { ...app.ctx(actor), origin } } as Call
  }

  test('tells its limit on every answer, and beyond refuses with the time to wait', async () => {
    const { app, organization } = await setUp({ api: perMinute(2) })
    const { actor } = await app.token(organization)
    const limits = new RequestLimits(app.ports)
    app.clock.advance(20_500)
    const ask = () => {
      const limited = {}
      const response = limits.refuse(route, callOf(app, actor), limited) ?? new Response('done')
      return limits.finish(response, limited, callOf(app, actor).ctx.origin)
    }

    const first = ask()
    ask()
    const refused = ask()

    expect(first.headers.get('x-ratelimit-limit')).toBe('2')
    expect(first.headers.get('x-ratelimit-remaining')).toBe('1')
    expect(first.headers.get('x-ratelimit-reset')).toBe(String(Date.parse('2026-03-01T12:01:00Z') / 1000))
    expect(first.headers.has('retry-after')).toBe(false)
    expect(refused.status).toBe(429)
    expect(await refused.json()).toEqual({ message: 'Too Many Attempts.' })
    expect(refused.headers.get('x-ratelimit-remaining')).toBe('0')
    expect(refused.headers.get('retry-after')).toBe('40')
    app.clock.advance(39_500)
    expect(ask().status).toBe(200)
  })

  test('has the headers on refusals of every kind, and over HTTP refuses in the words of its dialect', async () => {
    const { send, app, organization } = await setUp({ api: perMinute(3) })
    const { secret: token } = await app.token(organization, 'update')
    const ask = (path: string, secret: string | null = token) =>
      send(path, { token: null, headers: secret === null ? {} : { Authorization: `Bearer ${secret}` } })

    const listed = await ask('/api/organizations/acme/packages')
    const missing = await ask('/api/organizations/acme/packages/acme/none')
    const anonymous = await ask('/api/organizations/acme/packages', null)
    await ask('/api/organizations/acme/packages')
    const refused = await ask('/api/organizations/acme/packages')

    expect([listed.status, missing.status, anonymous.status, refused.status]).toEqual([200, 404, 401, 429])
    expect([listed, missing, anonymous, refused].map((answer) => answer.headers.get('x-ratelimit-remaining'))).toEqual([
      '2',
      '1',
      '2',
      '0',
    ])
    expect(await refused.json()).toEqual({ message: 'Too Many Attempts.' })
  })

  test('counts each credential by itself and whoever has none by address', async () => {
    const { app, organization } = await setUp({ api: perMinute(1) })
    const { actor } = await app.token(organization)
    const { actor: other } = await app.token(organization)
    const anonymous = { kind: 'anonymous' } as const
    const isAllowed = (who: Call['actor'], address: string) => takeRequest(callOf(app, who, address).ctx, 'api')?.allowed

    expect(isAllowed(actor, '192.0.2.1')).toBe(true)
    expect(isAllowed(actor, '192.0.2.2')).toBe(false)
    expect(isAllowed(other, '192.0.2.1')).toBe(true)
    expect(isAllowed(anonymous, '2001:db8::1')).toBe(true)
    expect(isAllowed(anonymous, '2001:db8::ffff')).toBe(false)
    expect(isAllowed(anonymous, '2001:db8:0:1::1')).toBe(true)
    expect(isAllowed(anonymous, '::ffff:192.0.2.9')).toBe(true)
    expect(isAllowed(anonymous, '192.0.2.9')).toBe(false)
  })

  test('PR-018 has downloads in a bucket of their own, per package, and each limit can be switched off', async () => {
    const { app, organization } = await setUp({ downloads: perMinute(1) })
    const { actor } = await app.token(organization)
    const { ctx } = callOf(app, actor)

    expect(takeDownload(ctx, 'acme/http')).toMatchObject({ allowed: true, limit: 1, remaining: 0 })
    expect(takeDownload(ctx, 'Acme/HTTP')?.allowed).toBe(false)
    expect(takeDownload(ctx, 'acme/log')?.allowed).toBe(true)
    expect(takeRequest(ctx, 'api')).toBeNull()
  })
})

describe('CO-060 the Composer repository', () => {
  test('has no limit and no headers unless one is configured', async () => {
    const { send, token } = await setUp({})

    for (let index = 0; index < 50; index += 1) {
      const answer = await send('/acme/packages.json', { token })
      expect(answer.status).toBe(200)
      expect(answer.headers.has('x-ratelimit-limit')).toBe(false)
    }
  })

  test('limits each credential when it is configured, also answers from memory', async () => {
    const { send, app, organization, token } = await setUp(
      { composer: perMinute(3) },
      { config: { publicUrl: 'http://packages.example.test' } },
    )
    const { secret: other } = await buildToken(app, organization)
    const statuses: number[] = []
    for (let index = 0; index < 5; index += 1) {
      statuses.push((await send('/acme/p2/acme/http.json', { token })).status)
    }

    const refused = await send('/acme/packages.json', { token })

    expect(statuses).toEqual([200, 200, 200, 429, 429])
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('60')
    expect(refused.headers.get('content-type')).toBe('application/json')
    expect((await send('/acme/packages.json', { token: other })).headers.get('x-ratelimit-remaining')).toBe('2')
    expect((await send('/health')).status).toBe(200)
  })
})

describe('whoever has no valid credential', () => {
  test('is refused for a while after too many tries, and valid credentials from there are not', async () => {
    const { send, app, token } = await setUp({ failures: perMinute(3) })
    const statuses: number[] = []
    for (let index = 0; index < 5; index += 1) {
      statuses.push((await send('/acme/packages.json', { token: `guess-${index}` })).status)
    }

    expect(statuses).toEqual([401, 401, 401, 429, 429])
    expect((await send('/acme/list.json')).status).toBe(429)
    expect((await send('/acme/packages.json', { token })).status).toBe(200)
    expect((await send('/acme/packages.json', { peer: '192.0.2.8' })).status).toBe(401)
    app.clock.advance(60_000)
    expect((await send('/acme/packages.json')).status).toBe(401)
  })

  test('cannot take another address by a header, unless a trusted proxy wrote it (abuse 43)', async () => {
    const forged = (index: number) => ({ 'X-Forwarded-For': `198.51.100.${index}, 203.0.113.5` })
    const direct = await setUp({ failures: perMinute(1) })
    const proxied = await setUp({ failures: perMinute(1) }, { config: { trustedProxies: ['192.0.2.7'] } })
    const ask = async ({ send }: typeof direct) => {
      const statuses: number[] = []
      for (let index = 0; index < 3; index += 1) {
        statuses.push((await send('/acme/packages.json', { headers: forged(index) })).status)
      }
      return statuses
    }

    expect(await ask(direct)).toEqual([401, 429, 429])
    expect(await ask(proxied)).toEqual([401, 429, 429])
    expect((await proxied.send('/acme/packages.json', { headers: { 'X-Forwarded-For': '203.0.113.6' } })).status).toBe(401)
  })
})
