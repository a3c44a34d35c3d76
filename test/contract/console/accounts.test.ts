/** The console's API and pages as a browser uses them. */
import { describe, expect, test } from 'bun:test'
import { codeOf, PASSWORD, buildUser } from '../../kit/people.ts'
import { createAuthenticator } from '../../kit/passkey.ts'
import { createConsole, ORIGIN, type Browser, type Console } from './console-kit.ts'

const SIGN_IN = { email: 'ada@example.com', password: PASSWORD }

/** Everything that some answer of the API has. */
interface Answer {
  state: string
  secret: string
  link: string
  user: { id: string }
  token: { id: string }
  options: { challenge: string; user: { id: string } }
  sessions: { id: string; isCurrent: boolean }[]
  passkeys: { id: string }[]
  recoveryCodes: string[]
}

async function post(browser: Browser, path: string, body: unknown = {}): Promise<Answer> {
  const response = await browser.call('POST', path, body)
  if (!response.ok) {
    throw new Error(`${path} was answered ${response.status}: ${await response.text()}`)
  }
  return (response.status === 204 ? {} : await response.json()) as Answer
}

async function read(browser: Browser, path: string): Promise<Answer> {
  return (await (await browser.get(path)).json()) as Answer
}

async function addTotp(console: Console, browser: Browser): Promise<string> {
  const { secret, state } = await post(browser, '/app/api/second-factors/totp-options')
  await post(browser, '/app/api/second-factors/totp', { state, code: codeOf(secret, console.app.clock.now()) })
  console.app.clock.advance('2 minutes')
  return secret
}

describe('the API', () => {
  test('signs in, says who is there, and signs out', async () => {
    const { browser: open } = await createConsole()
    const browser = open()

    const signedIn = await post(browser, '/app/api/sign-in', SIGN_IN)
    const me = await read(browser, '/app/api/me')
    await post(browser, '/app/api/sign-out')

    expect(signedIn).toMatchObject({ state: 'signed-in', user: { email: 'ada@example.com', isOperator: false } })
    expect(me).toMatchObject({ user: signedIn.user, factors: [] })
    expect(browser.cookies.size).toBe(0)
    expect((await browser.get('/app/api/me')).status).toBe(401)
  })

  test('signing in again in a browser replaces its session', async () => {
    const console = await createConsole()
    const browser = await console.signedIn()
    const [name, secret] = [...browser.cookies][0] ?? ['', '']

    await post(browser, '/app/api/sign-in', SIGN_IN)

    expect(browser.cookies.get(name)).not.toBe(secret)
    expect((await console.send('/app/api/me', { headers: { Cookie: `${name}=${secret}` } })).status).toBe(401)
    expect((await read(browser, '/app/api/sessions')).sessions).toHaveLength(1)
  })

  test('abuse 42 refuses a wrong password and an unknown address alike, and later asks to wait', async () => {
    const console = await createConsole()
    const answers = new Set<string>()
    for (const email of ['ada@example.com', 'nobody@example.com']) {
      const response = await console.browser().call('POST', '/app/api/sign-in', { email, password: 'wrong password' })
      answers.add(`${response.status} ${await response.text()} ${response.headers.getSetCookie().join()}`)
    }
    let last = await console.browser().call('POST', '/app/api/sign-in', { ...SIGN_IN, password: 'wrong password' })
    for (let count = 0; count < 10; count += 1) {
      last = await console.browser().call('POST', '/app/api/sign-in', { ...SIGN_IN, password: 'wrong password' })
    }

    expect(answers.size).toBe(1)
    expect([...answers][0]).toStartWith('401 {"error":{"code":"sign_in_refused"')
    expect(last.status).toBe(429)
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  test('asks for the second factor in the browser that gave the password, and in no other', async () => {
    const console = await createConsole()
    const secret = await addTotp(console, await console.signedIn())
    const [browser, other] = [console.browser(), console.browser()]
    const asked = await post(browser, '/app/api/sign-in', SIGN_IN)
    const proof = { kind: 'totp', code: codeOf(secret, console.app.clock.now()) }

    const elsewhere = await other.call('POST', '/app/api/sign-in/second-factor', proof)
    const before = await browser.get('/app/api/me')
    const done = await post(browser, '/app/api/sign-in/second-factor', proof)

    expect(asked).toEqual({ state: 'second-factor', factors: ['totp', 'recovery'], expiresAt: expect.any(String) } as never)
    expect(elsewhere.status).toBe(401)
    expect(before.status).toBe(401)
    expect(done).toMatchObject({ state: 'signed-in' })
    expect([...browser.cookies.keys()]).toEqual(['__Host-repertoire'])
    expect((await browser.get('/app/api/me')).status).toBe(200)
  })

  test('adds a passkey and signs in with it', async () => {
    const console = await createConsole()
    const browser = await console.signedIn()
    const key = createAuthenticator()
    const around = (options: { challenge: string }) => ({
      origin: ORIGIN,
      site: 'packages.example.org',
      challenge: options.challenge,
    })
    const create = await post(browser, '/app/api/second-factors/passkey-options')
    const registration = { name: 'Laptop', state: create.state, response: key.register(around(create.options)) }
    const added = await post(browser, '/app/api/second-factors/passkeys', registration)
    const visitor = console.browser()
    const ask = await post(visitor, '/app/api/sign-in/passkey-options')
    const userHandle = create.options.user.id

    await post(visitor, '/app/api/sign-in/passkey', {
      state: ask.state,
      response: { ...key.assert({ ...around(ask.options), userHandle }), authenticatorAttachment: 'platform' },
    })

    expect(added.recoveryCodes).toHaveLength(10)
    expect(await read(visitor, '/app/api/second-factors')).toMatchObject({
      totp: false,
      passkeys: [{ name: 'Laptop', lastUsedAt: expect.any(String) }],
      recoveryCodes: 10,
    } as never)
    const [passkey] = (await read(visitor, '/app/api/second-factors')).passkeys
    expect((await visitor.call('DELETE', `/app/api/second-factors/passkeys/${passkey?.id}`)).status).toBe(204)
  })

  test('lists sessions and ends them', async () => {
    const console = await createConsole()
    const [browser, other] = [await console.signedIn(), await console.signedIn()]
    const { sessions } = await read(browser, '/app/api/sessions')
    const foreign = sessions.find(({ isCurrent }) => !isCurrent)

    const ended = await browser.call('DELETE', `/app/api/sessions/${foreign?.id}`)

    expect(sessions).toHaveLength(2)
    expect(ended.status).toBe(204)
    expect((await other.get('/app/api/me')).status).toBe(401)
    expect(await post(browser, '/app/api/sessions/end-others')).toEqual({ ended: 0 } as never)
  })

  test('changes the password and the name', async () => {
    const console = await createConsole()
    const browser = await console.signedIn()

    await post(browser, '/app/api/password', { current: PASSWORD, password: 'another long one' })
    const renamed = await browser.call('PATCH', '/app/api/me', { name: 'Ada King' })

    expect(await renamed.json()).toMatchObject({ user: { name: 'Ada King' } })
    await console.signedIn('ada@example.com', 'another long one')
  })

  test('asks again who acts before it changes a second factor', async () => {
    const console = await createConsole()
    const browser = await console.signedIn()
    console.app.clock.advance('15 minutes')

    const refused = await browser.call('POST', '/app/api/second-factors/totp-options')
    await post(browser, '/app/api/confirm', { password: PASSWORD })

    expect(await refused.json()).toMatchObject({ error: { code: 'confirmation_required' } })
    const secret = await addTotp(console, browser)
    expect(secret).toMatch(/^[A-Z2-7]{32}$/)
    expect((await browser.call('DELETE', '/app/api/second-factors/totp')).status).toBe(204)
  })

  test('issues, changes, rotates and revokes personal tokens of its own person alone', async () => {
    const console = await createConsole()
    await buildUser(console.app, { email: 'eve@example.com', name: 'Eve' })
    const [ada, eve] = [await console.signedIn(), await console.signedIn('eve@example.com')]
    const { token, secret } = await post(ada, '/app/api/tokens', {
      name: 'laptop',
      scopes: ['composer'],
      expiresAt: '2030-01-01T00:00:00Z',
    })
    const { id } = token
    const path = `/app/api/tokens/${id}`

    expect((await eve.call('PATCH', path, { name: 'mine' })).status).toBe(404)
    expect((await eve.call('DELETE', path)).status).toBe(404)
    expect(await (await ada.call('PATCH', path, { name: 'desktop' })).json()).toMatchObject({ token: { name: 'desktop' } })
    expect(await post(ada, `${path}/rotate`, { overlapSeconds: 60 })).not.toMatchObject({ secret })
    expect(await read(ada, '/app/api/tokens')).toMatchObject({ tokens: [{ id, scopes: ['composer'] }] } as never)
    expect((await ada.call('POST', '/app/api/tokens', { name: 'x', scopes: ['everything'] })).status).toBe(400)
    expect((await ada.call('DELETE', path)).status).toBe(204)
    expect(await read(ada, '/app/api/tokens')).toEqual({ tokens: [] } as never)
  })

  test('lets operators manage people, and nobody else', async () => {
    const console = await createConsole()
    await buildUser(console.app, { email: 'root@example.com', name: 'Root', isOperator: true })
    const [plain, root] = [await console.signedIn(), await console.signedIn('root@example.com')]
    expect((await plain.get('/app/api/users')).status).toBe(403)

    const created = await post(root, '/app/api/users', { email: 'new@example.com', name: 'New' })
    const { id } = created.user
    const path = `/app/api/users/${id}`

    expect(created.link).toStartWith(`${ORIGIN}/app/reset-password/`)
    expect(await read(root, '/app/api/users')).toMatchObject({ users: [{}, {}, { id }], next: null } as never)
    expect(await post(root, `${path}/disable`)).toMatchObject({ user: { disabledAt: expect.any(String) } } as never)
    expect(await post(root, `${path}/enable`)).toMatchObject({ user: { disabledAt: null } } as never)
    expect(await post(root, `${path}/password-link`)).toMatchObject({ link: expect.any(String) } as never)
    expect(await post(root, `${path}/sign-out`)).toEqual({ ended: 0 } as never)
    expect((await root.call('POST', `${path}/remove-second-factors`)).status).toBe(404)
    const own = `/app/api/users/${(await read(plain, '/app/api/me')).user.id}`
    await post(root, `${own}/promote`)
    expect((await plain.get('/app/api/users')).status).toBe(200)
    await post(root, `${own}/demote`)
    expect((await plain.get('/app/api/users')).status).toBe(403)
    expect((await plain.call('DELETE', path)).status).toBe(403)
    expect((await root.call('DELETE', path)).status).toBe(204)
  })
})

describe('the pages', () => {
  test('sign in and out without a script', async () => {
    const { browser: open } = await createConsole()
    const browser = open()

    const home = await browser.get('/app')
    const form = await (await browser.get('/app/sign-in?next=/app/invitations/x')).text()
    const wrong = await browser.submit('/app/sign-in', { ...SIGN_IN, password: '<script>' })
    const right = await browser.submit('/app/sign-in', { ...SIGN_IN, next: '/app/invitations/x' })

    expect([home.status, home.headers.get('location')]).toEqual([303, '/app/sign-in'])
    expect(form).toContain('value="/app/invitations/x"')
    expect(form).not.toMatch(/<script|onclick|https?:\/\//)
    expect(wrong.status).toBe(422)
    expect(await wrong.text()).not.toContain('<script>')
    expect([right.status, right.headers.get('location')]).toEqual([303, '/app/invitations/x'])
    expect(await (await browser.get('/app')).text()).toContain('Ada Lovelace')
    expect((await browser.submit('/app/sign-out', {})).headers.get('location')).toBe('/app/sign-in')
    expect((await browser.get('/app')).status).toBe(303)
  })

  test('ask for a code or a recovery code', async () => {
    const console = await createConsole()
    const secret = await addTotp(console, await console.signedIn())
    const browser = console.browser()

    const step = await browser.submit('/app/sign-in', { ...SIGN_IN, next: '/app/x' })
    const wrong = await browser.submit('/app/sign-in/code', { code: '000000', next: '/app/x' })
    const right = await browser.submit('/app/sign-in/code', { code: codeOf(secret, console.app.clock.now()), next: '/app/x' })
    const late = await console.browser().submit('/app/sign-in/code', { code: '000000' })

    expect(await step.text()).toContain('action="/app/sign-in/code"')
    expect(wrong.status).toBe(422)
    expect([right.status, right.headers.get('location')]).toEqual([303, '/app/x'])
    expect(await late.text()).toContain('action="/app/sign-in"')
  })

  test.each([
    'https://evil.example/app',
    '//evil.example/app',
    '/\\evil.example',
    '\\\\evil.example',
    '/app/..//evil.example',
    '/app/../../acme',
    '/appx',
    '/acme/packages.json',
    'javascript:alert(1)',
    '/app\n/x',
    '/app/ x',
    '/app@evil.example',
    ' /app',
    'app',
    '',
  ])('abuse 44 after signing in %p leads to no other place', async (next) => {
    const { browser } = await createConsole()

    const response = await browser().submit('/app/sign-in', { ...SIGN_IN, next })

    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toBe('/app')
  })

  test('let somebody choose a new password by a mailed link, which opening does not use up', async () => {
    const console = await createConsole({ mail: true })
    const browser = console.browser()
    const asked = await browser.submit('/app/reset-password', { email: 'ada@example.com' })
    const unknown = await browser.submit('/app/reset-password', { email: 'nobody@example.com' })
    await console.app.runJobs()
    const path = /\/app\/reset-password\/[\w-]{43}/.exec(console.app.mailer.sent[0]?.text ?? '')?.[0] ?? 'none'

    const pages = [await browser.get(path), await browser.get(path)]
    const weak = await browser.submit(path, { password: 'password123' })
    const done = await browser.submit(path, { password: 'another long one' })
    const again = await browser.submit(path, { password: 'yet another one' })

    expect(console.app.mailer.sent).toHaveLength(1)
    expect(await asked.text()).toBe(await unknown.text())
    expect(pages.map(({ status }) => status)).toEqual([200, 200])
    expect([weak.status, done.status, again.status]).toEqual([422, 200, 410])
    expect((await browser.get(path)).status).toBe(410)
    await console.signedIn('ada@example.com', 'another long one')
    await console.app.runJobs()
  })

  test('confirm an address by a mailed link, which opening does not use up', async () => {
    const console = await createConsole({ mail: true })
    const browser = await console.signedIn()
    expect((await browser.call('POST', '/app/api/email', { email: 'countess@example.com' })).status).toBe(202)
    await console.app.runJobs()
    const path = /\/app\/verify-email\/[\w-]{43}/.exec(console.app.mailer.sent[0]?.text ?? '')?.[0] ?? 'none'
    const visitor = console.browser()

    const page = await (await visitor.get(path)).text()
    const done = await visitor.submit(path, {})

    expect(page).toContain('countess@example.com')
    expect(done.status).toBe(200)
    expect((await visitor.submit(path, {})).status).toBe(410)
    expect(await read(browser, '/app/api/me')).toMatchObject({ user: { email: 'countess@example.com' } } as never)
    await console.app.runJobs()
  })
})

test('abuse 64 no secret of a person stands in any table', async () => {
  const console = await createConsole({ mail: true })
  const { app } = console
  const browser = await console.signedIn()
  const secrets = [PASSWORD.replace('correct', 'c0rrect'), 'another long one']
  const enrolment = await post(browser, '/app/api/second-factors/totp-options')
  const code = codeOf(enrolment.secret, app.clock.now())
  const { recoveryCodes } = await post(browser, '/app/api/second-factors/totp', { state: enrolment.state, code })
  secrets.push(enrolment.secret, ...recoveryCodes, ...browser.cookies.values())
  secrets.push((await post(browser, '/app/api/tokens', { name: 'x', scopes: null })).secret)
  await browser.call('POST', '/app/api/email', { email: 'new@example.com' })
  await console.browser().call('POST', '/app/api/password/request-reset', { email: 'ada@example.com' })
  const visitor = console.browser()
  await post(visitor, '/app/api/sign-in', SIGN_IN)
  secrets.push(...visitor.cookies.values())
  for (const password of secrets.slice(0, 2)) {
    await visitor.call('POST', '/app/api/sign-in', { email: 'ada@example.com', password })
  }

  const queued = await dumpTables(console)
  await app.runJobs()
  const sent = await dumpTables(console)

  const links = app.mailer.sent.flatMap(({ text }) => /\/app\/[a-z-]+\/([\w-]{43})/.exec(text)?.[1] ?? [])
  expect(links).toHaveLength(2)
  for (const secret of [...secrets, ...links]) {
    expect(queued).not.toContain(secret)
    expect(sent).not.toContain(secret)
  }
})

/** Everything that is stored, but the stand-ins for password hashes that tests have. */
async function dumpTables({ app }: Console): Promise<string> {
  const { read } = app.ports.database
  const tables = await read.introspection.getTables()
  const rows = await Promise.all(
    tables.map(({ name }) =>
      read
        .selectFrom(name as 'users')
        .selectAll()
        .execute(),
    ),
  )
  return JSON.stringify(rows).replaceAll(/"hash:[^"]*"/g, '""')
}
