import { describe, expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import { buildUser, enter, PASSWORD, sessionOf, visitor } from '../../../test/kit/people.ts'
import { addUser, createPasswordLink, switchUser } from '../access/manage-users.ts'
import { changePassword } from './change-password.ts'
import { requireAcceptablePassword } from './password-rules.ts'
import { isPasswordLink, requestPasswordReset, resetPassword } from './reset-password.ts'
import { findUser } from './users.sql.ts'

const NEW = 'another long one'

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: { code: string }) => error.code,
  )
}

/** The secret in the last mail's link. */
async function mailedSecret(app: TestApp): Promise<string> {
  await app.runJobs()
  return /\/app\/reset-password\/([\w-]{43})/.exec(app.mailer.sent.at(-1)?.text ?? '')?.[1] ?? 'none'
}

describe('a password', () => {
  test.each([
    'short',
    'x'.repeat(1025),
    'password123',
    'PassWord 123!',
    '1234567890',
    'aaaaaaaaaaaa',
    'abababababab',
    'abcdefghijkl',
    'Repertoire1',
    'repertoire!!!2026',
    'ada@example.com',
    'AdaLovelace1',
    '..Ada Lovelace..',
  ])('%p is refused', (password) => {
    const person = { email: 'ada@example.com', name: 'Ada Lovelace' }
    expect(() => requireAcceptablePassword(password, person)).toThrow(/password: /)
  })

  test.each(['correct horse battery', '8#kQ!29-_:7', '日本語のパスワードです。', 'x9'.repeat(3) + '-long', '9072635184'])(
    '%p is accepted',
    (password) => {
      expect(() => requireAcceptablePassword(password, { email: 'a@example.com', name: '1234' })).not.toThrow()
    },
  )

  test('is changed with the present one; all other sessions end and a notice is mailed', async () => {
    const app = await createTestApp({ mail: true })
    await buildUser(app)
    const [here, there] = [await enter(app), await enter(app)]

    expect(await codeOf(changePassword(here.ctx(), { current: 'wrong password', password: NEW }))).toBe('password_refused')
    expect(await codeOf(changePassword(here.ctx(), { current: PASSWORD, password: 'short' }))).toBe('invalid_input')
    await changePassword(here.ctx(), { current: PASSWORD, password: NEW })

    await sessionOf(app, here.secret)
    await expect(sessionOf(app, there.secret)).rejects.toThrow()
    await expect(enter(app)).rejects.toMatchObject({ code: 'sign_in_refused' })
    await enter(app, 'ada@example.com', NEW)
    await app.runJobs()
    expect(app.mailer.sent.map(({ to, subject }) => [to, subject])).toEqual([['ada@example.com', 'Your password was changed']])
  })
})

describe('a reset', () => {
  test('mails a link that works once, ends all sessions and proves the address', async () => {
    const app = await createTestApp({ mail: true })
    const user = await buildUser(app)
    const session = await enter(app)

    await requestPasswordReset(visitor(app), { email: 'ADA@example.com' })
    const secret = await mailedSecret(app)
    expect(await isPasswordLink(visitor(app), secret)).toBe(true)
    expect(await codeOf(resetPassword(visitor(app), { secret, password: 'short' }))).toBe('invalid_input')
    await resetPassword(visitor(app), { secret, password: NEW })

    expect(await codeOf(resetPassword(visitor(app), { secret, password: 'yet another one' }))).toBe('link_not_valid')
    await expect(sessionOf(app, session.secret)).rejects.toThrow()
    await enter(app, 'ada@example.com', NEW)
    expect((await findUser(app.ports.database.read, user.id))?.emailVerifiedAt).not.toBeNull()
    const stored = JSON.stringify(await app.ports.database.read.selectFrom('events').selectAll().execute())
    expect(stored).not.toContain(secret)
    await app.runJobs()
  })

  test('abuse 42 writes the same for an unknown address, a disabled user and a known one, and mails the last alone', async () => {
    const app = await createTestApp({ mail: true })
    await buildUser(app)
    const off = await buildUser(app, { email: 'off@example.com' })
    await switchUser(app.ctx(), off.uid, 'disable')
    const before = app.events.length

    for (const email of ['nobody@example.com', 'off@example.com', 'ada@example.com', 'not an address']) {
      await requestPasswordReset(visitor(app), { email })
    }

    const requested = app.events.slice(before)
    expect(requested.map(({ type }) => type)).toEqual(Array(3).fill('password.reset-requested'))
    expect(await app.ports.database.read.selectFrom('account_links').selectAll().execute()).toHaveLength(3)
    await app.runJobs()
    expect(app.mailer.sent.map(({ to }) => to)).toEqual(['ada@example.com'])
  })

  test('is bounded to three an hour of one account and twenty from one address, without another answer', async () => {
    const app = await createTestApp({ mail: true })
    await buildUser(app)
    for (let count = 0; count < 10; count += 1) {
      await requestPasswordReset(visitor(app, `198.51.100.${count}`), { email: 'ada@example.com' })
    }
    for (let count = 0; count < 50; count += 1) {
      await requestPasswordReset(visitor(app), { email: `nobody${count}@example.com` })
    }

    await app.runJobs()
    expect(app.mailer.sent).toHaveLength(3)
    expect(await app.ports.database.read.selectFrom('account_links').selectAll().execute()).toHaveLength(23)
  })

  test('link ends after an hour, with another reset, a change of the password, and disabling', async () => {
    const app = await createTestApp({ mail: true })
    const user = await buildUser(app)
    const request = async () => {
      app.clock.advance('1 hour')
      await requestPasswordReset(visitor(app), { email: 'ada@example.com' })
      return mailedSecret(app)
    }

    const late = await request()
    app.clock.advance('1 hour')
    expect(await isPasswordLink(visitor(app), late)).toBe(false)
    expect(await codeOf(resetPassword(visitor(app), { secret: late, password: NEW }))).toBe('link_not_valid')
    const changed = await request()
    await changePassword((await enter(app)).ctx(), { current: PASSWORD, password: NEW })
    expect(await isPasswordLink(visitor(app), changed)).toBe(false)
    const off = await request()
    await switchUser(app.ctx(), user.uid, 'disable')
    expect(await isPasswordLink(visitor(app), off)).toBe(false)
    await app.runJobs()
  })

  test('abuse 42 two resets with one link at once: one wins', async () => {
    const app = await createTestApp()
    const user = await buildUser(app)
    const { linkSecret } = await createPasswordLink(app.ctx(), user.uid)

    const passwords = ['the first of two', 'the second of two', 'the third of two']
    const codes = await Promise.all(
      passwords.map((password) => codeOf(resetPassword(visitor(app), { secret: linkSecret, password }))),
    )

    expect(codes.sort()).toEqual(['done', 'link_not_valid', 'link_not_valid'])
  })

  test('a person without a password chooses one by the link of an operator, within a day', async () => {
    const app = await createTestApp()
    const { linkSecret } = await addUser(app.ctx(), { email: 'new@example.com', name: 'New', password: null, isOperator: false })
    await expect(enter(app, 'new@example.com', '')).rejects.toMatchObject({ code: 'sign_in_refused' })
    app.clock.advance('23 hours')

    await resetPassword(visitor(app), { secret: linkSecret ?? '', password: NEW })

    await enter(app, 'new@example.com', NEW)
  })
})
