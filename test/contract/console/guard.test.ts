/** What holds for every route below /app, whoever wrote it: the table of routes is walked. */
import { describe, expect, test } from 'bun:test'
import type { Route } from '../../../src/surfaces/http/route.ts'
import { buildPackage, buildToken } from '../../kit/build.ts'
import { createConsole, ORIGIN, type Browser, type Console } from './console-kit.ts'

function consoleRoutes({ server }: Console): Route[] {
  return server.routes.filter(({ path }) => path === '/app' || path.startsWith('/app/'))
}

/** A path that the route answers; what its parameters name does not exist. */
function pathOf({ path }: Route): string {
  return path.replaceAll(/:\w+(\{[^}]*\})?/g, 'x'.repeat(43))
}

function changing(console: Console): Route[] {
  return consoleRoutes(console).filter(({ method }) => method !== 'GET')
}

const OWN = { Origin: ORIGIN, 'Sec-Fetch-Site': 'same-origin' }

function typeOf({ path }: Route): string {
  return path.startsWith('/app/api/') ? 'application/json' : 'application/x-www-form-urlencoded'
}

/** A request of the own pages to a route, with nothing in it. */
function visitRoute(browser: Browser, route: Route): Promise<Response> {
  const path = pathOf(route)
  if (route.method === 'GET') {
    return browser.get(path)
  }
  return path.startsWith('/app/api/') ? browser.call(route.method, path) : browser.submit(path, {})
}

async function stateOf({ app }: Console): Promise<string> {
  const { read } = app.ports.database
  const tables = ['users', 'sessions', 'account_links', 'tokens', 'totp_secrets', 'passkeys', 'events', 'members'] as const
  const rows = await Promise.all(tables.map((table) => read.selectFrom(table).selectAll().execute()))
  return rows
    .flat()
    .map((row) => JSON.stringify(row))
    .sort()
    .join('\n')
}

describe('abuse 44 a request that changes something', () => {
  const foreign: [string, Record<string, string>][] = [
    ['says neither Origin nor Sec-Fetch-Site', {}],
    ['comes from another origin', { Origin: 'https://evil.example' }],
    ['comes from another origin that begins alike', { Origin: `${ORIGIN}.evil.example` }],
    ['comes from the same host without TLS', { Origin: ORIGIN.replace('https', 'http') }],
    ['comes from an opaque origin', { Origin: 'null' }],
    ['comes from another site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['comes from a sibling host', { 'Sec-Fetch-Site': 'same-site', Origin: ORIGIN }],
    ['was typed into the address bar', { 'Sec-Fetch-Site': 'none' }],
    ['says two different things', { ...OWN, Origin: 'https://evil.example' }],
  ]

  test.each(foreign)('is refused on every route when it %s', async (_, headers) => {
    const console = await createConsole()
    const { cookies } = await console.signedIn()
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const before = await stateOf(console)
    const routes = changing(console)
    expect(routes.length).toBeGreaterThan(30)
    for (const route of routes) {
      const response = await console.send(pathOf(route), {
        method: route.method,
        headers: { Cookie: cookie, 'Content-Type': typeOf(route), ...headers },
        body: '{}',
      })

      expect([route.path, response.status]).toEqual([route.path, 403])
      expect(await response.json()).toMatchObject({ error: { code: 'cross_site_refused' } })
    }
    expect(await stateOf(console)).toBe(before)
  })

  test.each(['text/plain', 'multipart/form-data; boundary=x', 'application/jsonx', ''])(
    'is refused on every route with the media type %p',
    async (type) => {
      const console = await createConsole()
      const { cookies } = await console.signedIn()
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      for (const route of changing(console)) {
        const headers = { Cookie: cookie, ...OWN, 'Content-Type': type }
        const response = await console.send(pathOf(route), { method: route.method, headers, body: '{}' })

        expect([route.path, response.status]).toEqual([route.path, 403])
      }
    },
  )

  test('is accepted with either of the two headers', async () => {
    const console = await createConsole()
    for (const headers of [{ Origin: ORIGIN }, { 'Sec-Fetch-Site': 'same-origin' }]) {
      const response = await console.send('/app/api/password/request-reset', {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/json; charset=utf-8' },
        body: '{"email":"nobody@example.com"}',
      })

      expect(response.status).toBe(202)
    }
  })
})

describe('every answer', () => {
  const visitors: [string, (console: Console) => Promise<Browser>][] = [
    ['somebody who is signed in', (console) => console.signedIn()],
    ['nobody', async (console) => console.browser()],
  ]

  test.each(visitors)('to %s is never stored, framed, sniffed or referred to elsewhere', async (_, visit) => {
    const console = await createConsole()
    for (const route of consoleRoutes(console)) {
      const browser = await visit(console)
      const path = pathOf(route)
      const response = await visitRoute(browser, route)
      const { headers } = response

      expect([path, response.status < 500]).toEqual([path, true])
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
      expect(headers.get('content-security-policy')).not.toMatch(/unsafe|\*/)
      expect(headers.get('referrer-policy')).toBe('same-origin')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.has('www-authenticate')).toBe(false)
      expect(headers.has('access-control-allow-origin')).toBe(false)
    }
  })

  test('to what is not JSON, not the right shape or too large names what is wrong', async () => {
    const console = await createConsole()
    const browser = await console.signedIn()
    const bodies: [string, string, number][] = [
      ['{', 'body: this is not JSON', 400],
      ['[]', 'body: ', 400],
      ['{"current":1,"password":"x"}', 'current: ', 400],
      ['{"current":"x","password":"x","more":1}', 'more', 400],
      [`{"current":"${'x'.repeat(300_000)}"}`, 'over', 413],
    ]
    for (const [body, words, status] of bodies) {
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const headers = { Cookie: cookie, ...OWN, 'Content-Type': 'application/json' }
      const response = await console.send('/app/api/password', { method: 'POST', headers, body })

      expect(response.status).toBe(status)
      expect(((await response.json()) as { error: { message: string } }).error.message).toContain(words)
    }
  })
})

describe('a session', () => {
  test('counts below /app and nowhere else', async () => {
    const console = await createConsole()
    const { app } = console
    const { id: organization } = await app.organization()
    await buildPackage(app, { organization })
    const browser = await console.signedIn()

    const statuses: Record<string, number> = {}
    for (const path of ['/app/api/me', '/acme/packages.json', '/acme/p2/acme/http.json', '/acme/list.json']) {
      statuses[path] = (await browser.get(path)).status
    }

    expect(statuses).toEqual({
      '/app/api/me': 200,
      '/acme/packages.json': 401,
      '/acme/p2/acme/http.json': 401,
      '/acme/list.json': 401,
    })
  })

  test('is not a token, and a token is no session', async () => {
    const console = await createConsole()
    const { id: organization } = await console.app.organization()
    const { secret: token } = await buildToken(console.app, organization)
    const browser = await console.signedIn()
    const secret = [...browser.cookies.values()][0] ?? ''

    expect((await console.send('/app/api/me', { token })).status).toBe(401)
    expect((await console.send('/acme/packages.json', { token: secret })).status).toBe(401)
    expect((await console.send('/app/api/me', { headers: { Cookie: `__Host-repertoire=${token}` } })).status).toBe(401)
  })

  test('has a cookie that scripts, other hosts and other sites do not get', async () => {
    const secure = await createConsole()
    const plain = await createConsole({ url: null })
    const signIn = { email: 'ada@example.com', password: 'correct horse battery' }

    const overTls = await secure.browser().call('POST', '/app/api/sign-in', signIn)
    const overPlain = await plain.browser().call('POST', '/app/api/sign-in', signIn)

    expect(overTls.headers.getSetCookie().at(-1)).toMatch(
      /^__Host-repertoire=[\w-]{43}; Path=\/; Max-Age=7776000; HttpOnly; SameSite=Lax; Secure$/,
    )
    expect(overPlain.headers.getSetCookie().at(-1)).toMatch(
      /^repertoire=[\w-]{43}; Path=\/; Max-Age=7776000; HttpOnly; SameSite=Lax$/,
    )
  })

  test.each(['', 'x', 'x'.repeat(43), '"quoted"', '\t', 'a=b; __Host-repertoire'])(
    'with the secret %p is none',
    async (secret) => {
      const console = await createConsole()

      const response = await console.send('/app/api/me', { headers: { Cookie: `other=1; __Host-repertoire=${secret}` } })

      expect(response.status).toBe(401)
      expect(await response.json()).toEqual({ error: { code: 'sign_in_required', message: 'Sign in first.' } })
    },
  )
})
