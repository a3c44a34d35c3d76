/** What people open with a browser: the page of a repository, and the page that sets an installation up. */
import { expect, test } from 'bun:test'
import { isSetupOpen, openSetup } from '../../../src/core/access/index.ts'
import { SYSTEM } from '../../kit/app.ts'
import { BASE, createTestServer, type TestRequest } from '../../kit/http.ts'

const HTML = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

function requireSafeHeaders(response: Response): void {
  const policy = response.headers.get('content-security-policy') ?? ''
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).toContain("form-action 'self'")
  expect(policy).not.toContain('unsafe')
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(response.headers.get('x-frame-options')).toBe('DENY')
  expect(response.headers.get('referrer-policy')).toBe('same-origin')
  expect(response.headers.get('cache-control')).toBe('private, no-store')
}

test('a browser that opens a repository sees how to set Composer up, the same for any slug', async () => {
  const { app, send } = await createTestServer()
  await app.organization('acme')

  const known = await send('/acme', { headers: HTML })
  const unknown = await send('/emca', { headers: HTML })
  const text = await known.text()

  expect([known.status, unknown.status]).toEqual([200, 200])
  requireSafeHeaders(known)
  expect((await unknown.text()).replaceAll('emca', 'acme')).toBe(text)
  expect(text).toContain(`composer config repositories.acme composer ${BASE}/acme`)
  expect(text).toContain('composer config --global http-basic.packages.example.test token &#60;your token&#62;')
})

test.each(['/acme', '/acme/'])('%s is 404 in JSON for what is no browser', async (path) => {
  const { send } = await createTestServer()

  const response = await send(path)

  expect(response.status).toBe(404)
  expect(response.headers.get('content-type')).toBe('application/json')
})

test.each(['/oauth', '/login', '/static', '/favicon.ico', '/Acme', '/%3Cscript%3E', '/a%22b', '/-x', `/${'a'.repeat(65)}`])(
  'a browser gets no page for %s, which can be no organization',
  async (path) => {
    const { send } = await createTestServer()

    expect((await send(path, { headers: HTML })).status).toBe(404)
  },
)

const FORM = {
  name: 'Ada <Lovelace>',
  email: 'ada@example.org',
  password: 'correct horse battery',
  organization: 'Analytical & Co',
  slug: 'analytical',
}

async function setUp() {
  const server = await createTestServer()
  const { app } = server
  const secret = (await openSetup(app.ctx(SYSTEM))) ?? ''
  const post = (fields: Record<string, string>, rest: TestRequest = {}) =>
    server.send(`/setup/${secret}`, { method: 'POST', body: new URLSearchParams(fields).toString(), ...rest })
  return { ...server, app, secret, post }
}

test('the set-up link shows a form', async () => {
  const { send, secret } = await setUp()

  const response = await send(`/setup/${secret}`)

  expect(response.status).toBe(200)
  requireSafeHeaders(response)
  expect(await response.text()).toContain('<form method="post">')
})

test('setting up creates the owner, shows a token once, and closes the link', async () => {
  const { app, send, post, secret } = await setUp()

  const done = await post(FORM)
  const page = await done.text()
  const token = /http-basic\.\S+ token (rpt_\w+)/.exec(page)?.[1] ?? ''

  expect(done.status).toBe(200)
  requireSafeHeaders(done)
  expect(page).toContain(`composer config repositories.analytical composer ${BASE}/analytical`)
  expect((await send('/analytical/packages.json', { token })).status).toBe(200)
  expect((await post(FORM)).status).toBe(410)
  expect((await send(`/setup/${secret}`)).status).toBe(410)
  expect(await isSetupOpen(app.ctx())).toBe(false)
})

test('of many who send the form at once one sets the installation up', async () => {
  const { app, post } = await setUp()

  const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => post({ ...FORM, slug: `acme-${index}` })))
  const statuses = answers.map((response) => response.status)

  expect(statuses.toSorted()).toEqual([200, ...Array.from({ length: 7 }, () => 410)])
  expect(await app.ports.database.read.selectFrom('organizations').select('id').execute()).toHaveLength(1)
})

test.each(['/setup/wrong', '/setup/rpt_', '/setup/%00', `/setup/${'x'.repeat(1500)}`])(
  'the link %s is not valid',
  async (path) => {
    const { app, send } = await setUp()

    const shown = await send(path)
    const sent = await send(path, { method: 'POST', body: new URLSearchParams(FORM).toString() })

    expect([404, 410]).toContain(shown.status)
    expect([404, 410]).toContain(sent.status)
    expect(await isSetupOpen(app.ctx())).toBe(true)
  },
)

test.each<[string, Record<string, string>]>([
  ['an origin elsewhere', { Origin: 'https://evil.example' }],
  ['an opaque origin', { Origin: 'null' }],
  ['the browser saying cross-site', { 'Sec-Fetch-Site': 'cross-site', Origin: BASE }],
  ['the browser saying same-site', { 'Sec-Fetch-Site': 'same-site', Origin: BASE }],
])('a form sent with %s is refused', async (_, headers) => {
  const { app, post } = await setUp()

  expect((await post(FORM, { headers })).status).toBe(403)
  expect(await isSetupOpen(app.ctx())).toBe(true)
})

test.each<[string, Record<string, string>]>([
  ['the public origin', { Origin: 'https://packages.example.com' }],
  ['the origin of the host that was asked', { Origin: BASE }],
  ['the browser saying same-origin', { 'Sec-Fetch-Site': 'same-origin', Origin: 'http://localhost:8080' }],
  ['no origin, as from a command line', {}],
])('a form sent with %s is accepted', async (_, headers) => {
  const { send, secret } = await setUp().then(async (parts) => ({
    ...parts,
    ...(await createTestServer({ app: parts.app, config: { publicUrl: 'https://packages.example.com' } })),
  }))

  const response = await send(`/setup/${secret}`, { method: 'POST', headers, body: new URLSearchParams(FORM).toString() })

  expect(response.status).toBe(200)
})

test.each<[string, Record<string, string>, string]>([
  ['no fields', {}, 'value=""'],
  [
    'a bad address',
    { ...FORM, email: '"><script>alert(1)</script>' },
    'value="&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;"',
  ],
  ['a short password', { ...FORM, password: 'short' }, 'value="Ada &#60;Lovelace&#62;"'],
  ['a reserved slug', { ...FORM, slug: 'api' }, 'value="api"'],
  ['a slug with a slash', { ...FORM, slug: 'a/b' }, 'value="a/b"'],
  ['a name of 10,000 characters', { ...FORM, name: 'x'.repeat(10_000) }, 'value="analytical"'],
  ['a name with NUL', { ...FORM, name: 'a\0b' }, 'value="analytical"'],
])('a form with %s comes back with 422, the reason, and its values escaped', async (_, fields, expected) => {
  const { app, post } = await setUp()

  const response = await post(fields)
  const page = await response.text()

  expect(response.status).toBe(422)
  requireSafeHeaders(response)
  expect(page).toContain('role="alert"')
  expect(page).toContain(expected)
  expect(page).not.toContain('<script')
  expect(page).not.toContain('correct horse')
  expect(await isSetupOpen(app.ctx())).toBe(true)
})

test('a form over 64 KB is refused', async () => {
  const { post } = await setUp()

  expect((await post({ ...FORM, name: 'x'.repeat(70_000) })).status).toBe(413)
})
