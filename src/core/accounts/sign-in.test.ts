import { describe, expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import { buildUser, enter, PASSWORD, sessionOf, visitor } from '../../../test/kit/people.ts'
import { createPersonalToken } from '../access/create-token.ts'
import { authenticate } from '../access/authenticate.ts'
import { switchUser } from '../access/manage-users.ts'
import { setUpInstance } from '../access/set-up-instance.ts'
import { endOtherSessions, endOwnSession, findSession, listOwnSessions, signOut, touchSession } from './sessions.ts'
import { purgeAccounts } from './purge-accounts.ts'
import { changePassword } from './change-password.ts'
import { signIn } from './sign-in.ts'
import { confirmIdentity } from './verify-password.ts'

const SETUP = {
  email: 'Owner@Example.com',
  name: 'Owner',
  password: 'a long enough one',
  organization: { slug: 'acme', name: 'Acme' },
}

/** Counts what was verified, and with what hash. */
function watchPasswords(app: TestApp): (string | null)[] {
  const hashes: (string | null)[] = []
  const { verify } = app.ports.passwords
  app.ports.passwords.verify = (password, hash) => {
    hashes.push(hash)
    return verify(password, hash)
  }
  return hashes
}

describe('signing in', () => {
  test('works right after set-up, whatever the case of the address', async () => {
    const app = await createTestApp()
    await setUpInstance(app.ctx(), SETUP, null)

    const { actor } = await enter(app, ' OWNER@example.COM ', SETUP.password)

    expect(actor).toMatchObject({ kind: 'user', isOperator: true })
    expect(app.events.at(-1)).toMatchObject({ type: 'user.signed-in', method: 'password' })
  })

  test('abuse 42 a wrong password, an unknown address and a disabled user look the same and cost one verification each', async () => {
    const app = await createTestApp()
    await buildUser(app)
    const off = await buildUser(app, { email: 'off@example.com' })
    await switchUser(app.ctx(), off.uid, 'disable')
    const hashes = watchPasswords(app)
    const tries = [
      { email: 'ada@example.com', password: 'wrong password' },
      { email: 'nobody@example.com', password: PASSWORD },
      { email: 'off@example.com', password: PASSWORD },
      { email: 'no address \0', password: PASSWORD },
      { email: 'ada@example.com', password: 'x'.repeat(100_000) },
      { email: 'ada@example.com', password: '' },
    ]
    const events = app.events.length
    for (const [index, input] of tries.entries()) {
      await expect(signIn(visitor(app, `198.51.100.${index}`), input)).rejects.toMatchObject({
        code: 'sign_in_refused',
        details: {},
      })
    }

    expect(hashes).toHaveLength(tries.length)
    expect(hashes.filter((hash) => hash === null)).toHaveLength(2)
    expect(app.events.slice(events).map(({ type }) => type)).toEqual(tries.map(() => 'user.sign-in-failed'))
  })

  test('abuse 42 of 10,000 tries few are verified, few become events, and the owner still gets in from a known address', async () => {
    const app = await createTestApp()
    await buildUser(app)
    await enter(app)
    const hashes = watchPasswords(app)
    const before = app.events.length
    const codes = new Map<string, number>()
    for (let count = 0; count < 10_000; count += 1) {
      if (count % 10 === 0) {
        app.clock.advance('1 second')
      }
      const input = { email: 'ada@example.com', password: `guess number ${count}` }
      const error = await signIn(visitor(app, `198.51.${count % 200}.1`), input).then(
        () => null,
        (thrown: { code: string }) => thrown.code,
      )
      codes.set(error ?? 'in', (codes.get(error ?? 'in') ?? 0) + 1)
    }

    expect(hashes.length).toBeLessThan(100)
    expect(app.events.length - before).toBeLessThanOrEqual(10)
    expect([...codes.keys()].sort()).toEqual(['request_limited', 'sign_in_refused'])
    expect(await enter(app)).toMatchObject({ actor: { kind: 'user' } })
  }, 60_000)

  test('whoever has to wait is told how long, and gets in afterwards from anywhere', async () => {
    const app = await createTestApp()
    await buildUser(app)
    const guess = { email: 'ada@example.com', password: 'wrong password' }
    let error: { code: string; details: { seconds: number } } | null = null
    while (error?.code !== 'request_limited') {
      error = await signIn(visitor(app), guess).then(
        () => null,
        (thrown) => thrown,
      )
    }

    app.clock.advance(error.details.seconds * 1000)

    expect(await enter(app)).toMatchObject({ actor: { kind: 'user' } })
  })

  test('a hash with weaker parameters is replaced, so that the password works on', async () => {
    const app = await createTestApp()
    const user = await buildUser(app)
    await app.ports.database.write.updateTable('users').set({ password_hash: 'old' }).where('id', '=', user.id).execute()
    const { verify } = app.ports.passwords
    app.ports.passwords.verify = async (password, hash) => (hash === 'old' ? password === PASSWORD : verify(password, hash))

    await enter(app)

    const row = await app.ports.database.read
      .selectFrom('users')
      .select('password_hash')
      .where('id', '=', user.id)
      .executeTakeFirst()
    expect(row?.password_hash).toBe(`hash:${PASSWORD}`)
    await enter(app)
  })

  test('a password that is changed while it is verified starts no session', async () => {
    const app = await createTestApp()
    await buildUser(app)
    const { ctx } = await enter(app)
    const { verify } = app.ports.passwords
    let isFirst = true
    app.ports.passwords.verify = async (password, hash) => {
      const matches = await verify(password, hash)
      if (isFirst) {
        isFirst = false
        await changePassword(ctx(), { current: PASSWORD, password: 'another long one' })
      }
      return matches
    }

    await expect(signIn(visitor(app), { email: 'ada@example.com', password: PASSWORD })).rejects.toMatchObject({
      code: 'sign_in_refused',
    })
    expect(await listOwnSessions(ctx())).toHaveLength(1)
  })

  test('only the hash of a session is stored', async () => {
    const app = await createTestApp()
    await buildUser(app)

    const { secret } = await enter(app)

    const stored = JSON.stringify(await app.ports.database.read.selectFrom('sessions').selectAll().execute())
    expect(secret).toMatch(/^[\w-]{43}$/)
    expect(stored).not.toContain(secret)
    expect(JSON.stringify(app.events)).not.toContain(secret)
  })
})

describe('a session', () => {
  test('ends after 14 idle days, and after 90 days however much it is used', async () => {
    const app = await createTestApp()
    await buildUser(app)
    const { secret } = await enter(app)
    const find = () => findSession(app.ports.database.read, secret, app.clock.now())
    const use = async () => {
      const session = await find()
      if (session !== null) {
        await touchSession(app.ports.database.write, session, { at: app.clock.now(), address: '2001:db8::1' })
      }
      return session
    }

    for (let day = 0; day < 88; day += 11) {
      app.clock.advance('11 days')
      expect(await use()).not.toBeNull()
    }
    expect(await find()).toMatchObject({ address: '2001:db8:0:0::/64' })
    app.clock.advance('2 days')
    expect(await use()).toBeNull()
    const other = await enter(app)
    app.clock.advance('14 days')

    expect(await findSession(app.ports.database.read, other.secret, app.clock.now())).toBeNull()
  })

  test('is listed for its owner alone, and ended by them, one or all others', async () => {
    const app = await createTestApp()
    await buildUser(app)
    await buildUser(app, { email: 'eve@example.com', name: 'Eve' })
    const [first, second, third] = [await enter(app), await enter(app), await enter(app)]
    const eve = await enter(app, 'eve@example.com')
    const listed = await listOwnSessions(first.ctx())

    const other = listed.find((session) => !session.isCurrent)?.uid ?? ''
    await expect(endOwnSession(eve.ctx(), other)).rejects.toMatchObject({ code: 'session_not_found' })
    await endOwnSession(first.ctx(), other)
    await expect(endOwnSession(first.ctx(), other)).rejects.toMatchObject({ code: 'session_not_found' })
    expect(await endOtherSessions(first.ctx())).toBe(1)

    expect(listed).toHaveLength(3)
    expect(listed.filter((session) => session.isCurrent)).toHaveLength(1)
    await expect(sessionOf(app, second.secret)).rejects.toThrow()
    await expect(sessionOf(app, third.secret)).rejects.toThrow()
    expect(await listOwnSessions(eve.ctx())).toHaveLength(1)
    await signOut(first.ctx())
    await expect(sessionOf(app, first.secret)).rejects.toThrow()
    await signOut(first.ctx())
  })

  test('is one of at most 50 of a person; the oldest end', async () => {
    const app = await createTestApp()
    await buildUser(app)
    const first = await enter(app)
    for (let count = 0; count < 50; count += 1) {
      await enter(app)
    }

    await expect(sessionOf(app, first.secret)).rejects.toThrow()
    expect(await listOwnSessions((await enter(app)).ctx())).toHaveLength(50)
  })

  test('of a disabled user is gone, their tokens do not work, and enabling brings only the tokens back', async () => {
    const app = await createTestApp()
    const user = await buildUser(app)
    const session = await enter(app)
    const grant = { name: 'laptop', scopes: null, packages: null, expiresAt: null }
    const { secret } = await createPersonalToken(session.ctx(), { user: user.id, ...grant })
    const authenticated = () => authenticate(app.ports.database.read, secret, app.clock.now())

    await switchUser(app.ctx(), user.uid, 'disable')
    expect(await authenticated()).toBeNull()
    await switchUser(app.ctx(), user.uid, 'enable')

    expect(await authenticated()).not.toBeNull()
    await expect(sessionOf(app, session.secret)).rejects.toThrow()
    expect(await enter(app)).toMatchObject({ actor: { user: user.id } })
  })

  test('that is over is purged, with what else is over', async () => {
    const app = await createTestApp()
    await buildUser(app)
    await enter(app)
    app.clock.advance('91 days')
    const kept = await enter(app)

    await purgeAccounts(app.ctx({ kind: 'system' }))

    expect(app.events.at(-1)).toMatchObject({ type: 'accounts.purged', sessions: 1 })
    expect(await listOwnSessions(kept.ctx())).toHaveLength(1)
  })

  test('confirms who acts by the password, throttled like a sign-in', async () => {
    const app = await createTestApp()
    await buildUser(app)
    const { ctx } = await enter(app)

    await expect(confirmIdentity(ctx(), 'wrong password')).rejects.toMatchObject({ code: 'password_refused' })
    await confirmIdentity(ctx(), PASSWORD)
    await expect(confirmIdentity(visitor(app), PASSWORD)).rejects.toMatchObject({ code: 'sign_in_required' })
    const limited = async () => {
      for (;;)
        await confirmIdentity(ctx(), 'wrong').catch((error: { code: string }) => {
          if (error.code !== 'password_refused') throw error
        })
    }
    await expect(limited()).rejects.toMatchObject({ code: 'request_limited' })
  })
})
