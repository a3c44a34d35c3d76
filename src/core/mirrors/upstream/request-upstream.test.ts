import { describe, expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../../test/kit/app.ts'
import { temporaryUpstream, type Upstream } from '../../../../test/kit/upstream-server.ts'
import { createUpstreams } from '../../../platform/http/upstreams.ts'
import type { Ctx } from '../../kernel/ctx.ts'
import type { CredentialInput } from '../../sources/index.ts'
import { addMirror } from '../add-mirror.ts'
import { askUpstream, requestUpstream, type UpstreamHost, type UpstreamRequest } from './request-upstream.ts'
import { withLease } from './with-lease.ts'

interface Asked {
  app: TestApp
  upstream: Upstream
  mirror: UpstreamHost
  /** The text that is answered. */
  get(path: string, request?: Partial<UpstreamRequest>): Promise<string>
}

async function asked(credential: CredentialInput | null = null): Promise<Asked> {
  const app = await createTestApp()
  app.leaveJobs()
  const upstream = await temporaryUpstream({ packages: { 'acme/http': ['1.0.0'] } })
  const { id: organization } = await app.organization()
  const { mirror } = await addMirror(app.ctx(), { organization, url: upstream.url, credential, timeout: 5_000 })
  return {
    app,
    upstream,
    mirror,
    get: (path, request) => textOf(app.ctx(), mirror, { url: `${upstream.origin}${path}`, ...request }),
  }
}

function textOf(ctx: Ctx, mirror: UpstreamHost | null, request: Partial<UpstreamRequest> & { url: string }): Promise<string> {
  return askUpstream(ctx, mirror, {
    request: { maxBytes: 100_000, ...request },
    read: async ({ status, body }) =>
      `${status} ${Buffer.concat(await Array.fromAsync(body))
        .toString()
        .slice(0, 20)}`,
  })
}

describe('a credential', () => {
  test.each([
    [{ kind: 'basic', username: 'ada', password: 'secret' }, { authorization: `Basic ${btoa('ada:secret')}` }],
    [{ kind: 'bearer', token: 'secret' }, { authorization: 'Bearer secret' }],
    [
      { kind: 'headers', headers: { 'X-Token': 'secret', 'X-More': 'a b' } },
      { 'x-token': 'secret', 'x-more': 'a b' },
    ],
  ] as [CredentialInput, Record<string, string>][])(
    'abuse 31: goes to its own origin alone, whoever redirects there (%#)',
    async (credential, expected) => {
      const { upstream, get, app, mirror } = await asked(credential)
      upstream.protect(expected)
      const other = await temporaryUpstream()
      upstream.misbehave('/away', { kind: 'redirect', to: `${other.origin}/packages.json`, status: 307 })
      other.misbehave('/back', { kind: 'redirect', to: `${upstream.origin}/packages.json` })

      expect(await get('/packages.json')).toStartWith('200')
      expect(await get('/away')).toStartWith('200')
      expect(await textOf(app.ctx(), mirror, { url: `${other.origin}/packages.json` })).toStartWith('200')
      expect(await textOf(app.ctx(), mirror, { url: `${other.origin}/back` })).toStartWith('200')

      const names = Object.keys(expected)
      expect(other.requests).toHaveLength(3)
      expect(other.requests.flatMap(({ headers }) => names.filter((name) => headers[name] !== undefined))).toEqual([])
      expect(upstream.requests.every(({ headers }) => names.every((name) => headers[name] === expected[name]))).toBe(true)
    },
  )

  test('abuse 31: is not sent where a 401 says that it belongs', async () => {
    const { upstream, get } = await asked({ kind: 'bearer', token: 'secret' })
    const other = await temporaryUpstream()
    upstream.misbehave('/packages.json', { kind: 'unauthorized', realm: `${other.origin}/token` })

    await expect(get('/packages.json')).rejects.toMatchObject({ code: 'upstream_failed', details: { status: 401 } })
    expect(other.requests).toEqual([])
  })

  test('is not needed: nobody’s mirror is asked without one', async () => {
    const { app, upstream } = await asked({ kind: 'bearer', token: 'secret' })
    expect(await textOf(app.ctx(), null, { url: `${upstream.origin}/packages.json` })).toStartWith('200')
    expect(upstream.requests.at(-1)?.headers['authorization']).toBeUndefined()
  })
})

describe('abuse 29: a host that', () => {
  test('fails again and again is left alone for a time, then asked once', async () => {
    const { app, upstream, get } = await asked()
    upstream.misbehave('/packages.json', { kind: 'status', status: 503 })
    for (let failures = 0; failures < 5; failures += 1) {
      await expect(get('/packages.json')).rejects.toMatchObject({ code: 'upstream_failed', details: { status: 503 } })
    }
    upstream.requests.splice(0)
    await expect(get('/packages.json')).rejects.toMatchObject({ code: 'upstream_paused', details: { origin: upstream.origin } })
    expect(upstream.requests).toEqual([])
    expect([...app.ports.upstreams.open().keys()]).toEqual([upstream.origin])

    app.clock.advance('10 seconds')
    upstream.behave()
    expect(await get('/packages.json')).toStartWith('200')
    expect(app.ports.upstreams.open().size).toBe(0)
  })

  test('cannot be reached counts as failing, one that refuses or does not have something does not', async () => {
    const { upstream, get, app } = await asked()
    for (let refusals = 0; refusals < 10; refusals += 1) {
      upstream.misbehave('/packages.json', { kind: 'status', status: 403 })
      await expect(get('/packages.json')).rejects.toMatchObject({ code: 'upstream_failed' })
      expect(await get('/none')).toStartWith('404')
    }
    expect(app.ports.upstreams.open().size).toBe(0)
    await upstream.fall()
    for (let failures = 0; failures < 5; failures += 1) {
      await expect(get('/packages.json')).rejects.toMatchObject({ code: 'upstream_failed' })
    }
    await expect(get('/packages.json')).rejects.toMatchObject({ code: 'upstream_paused' })
  })

  test('limits requests is left alone as long as it asks, by all processes', async () => {
    const { app, upstream, get, mirror } = await asked()
    upstream.misbehave('/packages.json', { kind: 'status', status: 429, retryAfter: '600' })
    const paused = { code: 'upstream_paused', details: { origin: upstream.origin, seconds: 600 } }
    await expect(get('/packages.json')).rejects.toMatchObject(paused)
    upstream.behave()
    upstream.requests.splice(0)
    // Another process has a memory of its own, and the same database.
    app.ports.upstreams = createUpstreams({ clock: app.clock, database: app.test.openAnother() })
    await expect(textOf(app.ctx(), mirror, { url: `${upstream.origin}/other` })).rejects.toMatchObject(paused)
    expect(upstream.requests).toEqual([])
    expect(app.events.filter(({ type }) => type === 'source.paused')).toHaveLength(1)

    app.clock.advance('11 minutes')
    expect(await get('/packages.json')).toStartWith('200')
  })

  test('does not answer, or a byte at a time, is given up', async () => {
    const { upstream, get } = await asked()
    upstream.misbehave('/hang', { kind: 'hang' })
    upstream.misbehave('/packages.json', { kind: 'trickle' })
    const times = { stall: 150, duration: 300 }
    await Promise.all([
      expect(get('/hang', times)).rejects.toMatchObject({
        code: 'upstream_failed',
        details: { problem: '127.0.0.1 sent nothing in time' },
      }),
      expect(get('/packages.json', times)).rejects.toMatchObject({ code: 'upstream_failed' }),
      expect(get('/packages.json', { stall: 5_000, duration: 300 })).rejects.toMatchObject({
        code: 'upstream_failed',
        details: { problem: '127.0.0.1 took too long' },
      }),
    ])
  })
})

describe('abuse 30: a request', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:10.0.0.1]/',
    'http://10.0.0.1/',
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'nonsense',
  ])('to %s fails', async (url) => {
    const { app, mirror } = await asked()
    await expect(textOf(app.ctx(), mirror, { url })).rejects.toMatchObject({ code: 'upstream_failed' })
  })

  test('over http fails where that is not opened', async () => {
    const { app, mirror, upstream } = await asked()
    app.ports.sourceUrls = { allowFile: false, allowHttp: false }
    await expect(textOf(app.ctx(), mirror, { url: upstream.url })).rejects.toThrow('not encrypted')
  })
})

test('an answer that is not read is ended without harm', async () => {
  const { app, upstream, mirror } = await asked()
  for (let index = 0; index < 60; index += 1) {
    const answer = await requestUpstream(app.ctx(), mirror, {
      url: upstream.archivePath('acme/http', '1.0.0').replace(/^/, upstream.origin),
      maxBytes: 1e6,
    })
    await answer.body.return()
  }
  expect(upstream.requests).toHaveLength(60)
})

describe('abuse 32: leased work', () => {
  async function twoProcesses(): Promise<{ app: TestApp; left: Ctx; right: Ctx }> {
    const app = await createTestApp()
    const left = app.ctx()
    const upstreams = createUpstreams({ clock: app.clock, database: app.test.openAnother() })
    return { app, left, right: { ...left, upstreams } }
  }

  test('is done once, and everybody has its outcome', async () => {
    const { left, right } = await twoProcesses()
    let calls = 0
    let done: string | null = null
    const leased = {
      work: async () => {
        calls += 1
        await Bun.sleep(50)
        return (done = 'done')
      },
      isDone: async () => done,
      patience: 5_000,
    }
    const all = Array.from({ length: 20 }, (_, index) => withLease(index % 2 === 0 ? left : right, 'package:1:acme/http', leased))
    expect(new Set(await Promise.all(all))).toEqual(new Set(['done']))
    expect(calls).toBe(1)
    const leases = () => left.db.selectFrom('upstream_leases').selectAll().execute()
    const until = performance.now() + 2_000
    while ((await leases()).length > 0 && performance.now() < until) await Bun.sleep(5)
    expect(await leases()).toEqual([])
  })

  test('that failed is tried by one who waited, and keys do not wait for each other', async () => {
    const { left, right } = await twoProcesses()
    const failing = withLease(left, 'key', {
      work: async () => {
        await Bun.sleep(30)
        throw new Error('It failed.')
      },
      isDone: async () => null,
      patience: 5_000,
    })
    await Bun.sleep(10)
    const other = { work: async () => 'mine', isDone: async () => null, patience: 5_000 }
    expect(await withLease(right, 'other key', other)).toBe('mine')
    const waiting = withLease(right, 'key', other)
    await expect(failing).rejects.toThrow('It failed.')
    expect(await waiting).toBe('mine')
  })

  test('of a process that died is taken over, and nobody waits for ever', async () => {
    const { app, left, right } = await twoProcesses()
    expect(await left.upstreams.lease('key')).not.toBeNull()
    const work = { work: async () => 'mine', isDone: async () => null, patience: 60 }
    await expect(withLease(right, 'key', work)).rejects.toMatchObject({ code: 'upstream_failed' })
    app.clock.advance('16 seconds')
    expect(await withLease(right, 'key', work)).toBe('mine')
  })
})
