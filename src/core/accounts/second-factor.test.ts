import { describe, expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import { buildUser, codeOf, ctxAs, enter, PASSWORD, sessionOf, visitor, type SignedIn } from '../../../test/kit/people.ts'
import { createPasswordLink, removeSecondFactors } from '../access/manage-users.ts'
import { registerAuthenticatorApp, removeAuthenticatorApp, requestAuthenticatorApp } from './authenticator-app.ts'
import { changePassword } from './change-password.ts'
import { completeSignIn, type SecondFactor } from './complete-sign-in.ts'
import { countRecoveryCodes } from './factors.sql.ts'
import { renewRecoveryCodes } from './recovery-codes.ts'
import { resetPassword } from './reset-password.ts'
import { signIn } from './sign-in.ts'
import type { UserId } from '../kernel/values.ts'
import { findTotpStep } from './totp-code.ts'
import { confirmIdentity } from './verify-password.ts'

const HOST = 'packages.example.org'

async function outcomeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: { code: string }) => error.code,
  )
}

interface Protected extends SignedIn {
  user: UserId
  totp: string
  recoveryCodes: string[]
}

/** A person with an authenticator app, signed in. The clock is past the enrolment's step. */
async function setUp(wanted: { mail?: boolean } = {}): Promise<{ app: TestApp; session: Protected }> {
  const app = await createTestApp(wanted)
  const { id: user } = await buildUser(app)
  const session = await enter(app)
  const { secret, state } = await requestAuthenticatorApp(session.ctx(), HOST)
  const added = await registerAuthenticatorApp(session.ctx(), { state, code: codeOf(secret, app.clock.now()) })
  app.clock.advance('2 minutes')
  return { app, session: { ...session, user, totp: secret, recoveryCodes: added.recoveryCodes ?? [] } }
}

/** The password is right; the secret of the step. */
async function stepOf(app: TestApp): Promise<string> {
  const outcome = await signIn(visitor(app), { email: 'ada@example.com', password: PASSWORD })
  if (outcome.kind !== 'second-factor') {
    throw new Error('The password was enough.')
  }
  return outcome.secret
}

function complete(app: TestApp, step: string, proof: SecondFactor) {
  return completeSignIn(visitor(app), { step, proof })
}

describe('an authenticator app', () => {
  test('is in force once a code of it was given, and comes with ten recovery codes', async () => {
    const app = await createTestApp()
    await buildUser(app)
    const session = await enter(app)
    const { secret, uri, state } = await requestAuthenticatorApp(session.ctx(), HOST)
    await enter(app)

    const wrong = outcomeOf(registerAuthenticatorApp(session.ctx(), { state, code: '000000' }))
    expect(await wrong).toBe('second_factor_refused')
    const { recoveryCodes } = await registerAuthenticatorApp(session.ctx(), { state, code: codeOf(secret, app.clock.now()) })

    expect(uri).toStartWith('otpauth://totp/')
    expect(decodeURIComponent(uri)).toContain(`secret=${secret}`)
    expect(new Set(recoveryCodes).size).toBe(10)
    expect(recoveryCodes?.[0]).toMatch(/^[a-z02-9]{4}(-[a-z02-9]{4}){3}$/)
    expect(await stepOf(app)).toMatch(/^[\w-]{43}$/)
    expect(await outcomeOf(requestAuthenticatorApp(session.ctx(), HOST))).toBe('factor_exists')
    expect(await outcomeOf(registerAuthenticatorApp(session.ctx(), { state, code: codeOf(secret, app.clock.now()) }))).toBe(
      'factor_exists',
    )
    const stored = JSON.stringify(await app.ports.database.read.selectFrom('totp_secrets').selectAll().execute())
    expect(stored).not.toContain(secret)
  })

  test('of one person cannot be enrolled by another, nor after an hour, nor with a forged state', async () => {
    const app = await createTestApp()
    await buildUser(app)
    await buildUser(app, { email: 'eve@example.com', name: 'Eve' })
    const [ada, eve] = [await enter(app), await enter(app, 'eve@example.com')]
    const { secret, state } = await requestAuthenticatorApp(ada.ctx(), HOST)
    const enrol = (session: SignedIn, text: string) =>
      outcomeOf(registerAuthenticatorApp(session.ctx(), { state: text, code: codeOf(secret, app.clock.now()) }))

    const [content = '', seal = ''] = state.split(/\.(.*)/s)
    const forged = { ...JSON.parse(Buffer.from(content, 'base64url').toString()), expiresAt: 9e15 }
    expect(await enrol(eve, state)).toBe('second_factor_refused')
    expect(await enrol(ada, `${Buffer.from(JSON.stringify(forged)).toString('base64url')}.${seal}`)).toBe('second_factor_refused')
    for (const text of ['', '.', 'x'.repeat(5000), '{}.v1.x']) {
      expect(await enrol(ada, text)).toBe('second_factor_refused')
    }
    app.clock.advance('1 hour')
    await confirmIdentity(ada.ctx(), PASSWORD)
    expect(await enrol(ada, state)).toBe('second_factor_refused')
  })

  test('completes a sign-in with the code of now, the step before or the step after', async () => {
    const { app, session } = await setUp()
    for (const shift of [-30_000, 0, 30_000]) {
      app.clock.advance('5 minutes')
      const code = codeOf(session.totp, app.clock.now() + shift)
      const { secret } = await complete(app, await stepOf(app), { kind: 'totp', code: `${code.slice(0, 3)} ${code.slice(3)}` })
      expect(await sessionOf(app, secret)).toMatchObject({ actor: { kind: 'user' } })
    }
    app.clock.advance('5 minutes')
    for (const shift of [-90_000, 90_000]) {
      const code = codeOf(session.totp, app.clock.now() + shift)
      expect(await outcomeOf(complete(app, await stepOf(app), { kind: 'totp', code }))).toBe('second_factor_refused')
    }
  })

  test('abuse 42 a code works once, also in another step, and no code from before it', async () => {
    const { app, session } = await setUp()
    const code = codeOf(session.totp, app.clock.now())
    const [first, second, third] = [await stepOf(app), await stepOf(app), await stepOf(app)]

    await complete(app, first, { kind: 'totp', code })

    expect(await outcomeOf(complete(app, second, { kind: 'totp', code }))).toBe('second_factor_refused')
    const earlier = codeOf(session.totp, app.clock.now() - 30_000)
    expect(await outcomeOf(complete(app, third, { kind: 'totp', code: earlier }))).toBe('second_factor_refused')
    expect(await outcomeOf(complete(app, first, { kind: 'totp', code }))).toBe('sign_in_expired')
  })

  test('abuse 42 one code twice at once: one wins', async () => {
    const { app, session } = await setUp()
    const steps = [await stepOf(app), await stepOf(app), await stepOf(app)]
    const code = codeOf(session.totp, app.clock.now())

    const outcomes = await Promise.all(steps.map((step) => outcomeOf(complete(app, step, { kind: 'totp', code }))))

    expect(outcomes.sort()).toEqual(['done', 'second_factor_refused', 'second_factor_refused'])
  })

  test('abuse 42 guessing is slowed down over all steps', async () => {
    const { app } = await setUp()
    const outcomes: string[] = []
    for (let count = 0; count < 40; count += 1) {
      const proof = { kind: 'totp', code: String(100_000 + count) } as const
      outcomes.push(await outcomeOf(complete(app, await stepOf(app), proof)))
    }

    expect(outcomes.filter((outcome) => outcome === 'second_factor_refused').length).toBeLessThan(10)
    expect(outcomes.at(-1)).toBe('request_limited')
  })
})

test('abuse 42 guessing from everywhere ends at 100 codes a day, the person is told, and a new password begins anew', async () => {
  const { app, session } = await setUp({ mail: true })
  const outcomes = new Map<string, number>()
  for (let count = 0; count < 1000; count += 1) {
    app.clock.advance('46 seconds')
    const address = `198.51.${Math.floor(count / 250)}.${count % 250}`
    const asked = await signIn(visitor(app, address), { email: 'ada@example.com', password: PASSWORD })
    const proof = { kind: 'totp', code: 'wrong!' } as const
    const outcome = await outcomeOf(completeSignIn(visitor(app, address), { step: asked.secret, proof }))
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  const alarms = () => app.mailer.sent.filter(({ subject }) => subject === 'Somebody knows your password')
  await app.runJobs()

  expect(outcomes.get('second_factor_refused')).toBeLessThanOrEqual(200)
  expect(outcomes.get('request_limited')).toBeGreaterThanOrEqual(800)
  expect(alarms().length).toBeWithin(1, 3)
  const { linkSecret } = await createPasswordLink(app.ctx(), 'ada@example.com')
  await resetPassword(visitor(app), { secret: linkSecret, password: 'another long one' })
  app.clock.advance('46 seconds')
  const step = await signIn(visitor(app), { email: 'ada@example.com', password: 'another long one' })
  const proof = { kind: 'totp', code: codeOf(session.totp, app.clock.now()) } as const
  expect(await outcomeOf(complete(app, step.secret, proof))).toBe('done')
  await app.runJobs()
}, 60_000)

describe('a step', () => {
  test('ends after ten minutes, with a change of the password, and was never a session', async () => {
    const { app, session } = await setUp()
    const [late, changed] = [await stepOf(app), '']
    app.clock.advance('10 minutes')
    const proof = (): SecondFactor => ({ kind: 'totp', code: codeOf(session.totp, app.clock.now()) })
    expect(await outcomeOf(complete(app, late, proof()))).toBe('sign_in_expired')
    expect(await outcomeOf(complete(app, changed, proof()))).toBe('sign_in_expired')
    const step = await stepOf(app)
    await expect(sessionOf(app, step)).rejects.toThrow()

    await changePassword(session.ctx(), { current: PASSWORD, password: 'another long one' })

    expect(await outcomeOf(complete(app, step, proof()))).toBe('sign_in_expired')
  })

  test('stays necessary after a reset of the password', async () => {
    const { app } = await setUp()
    const { linkSecret } = await createPasswordLink(app.ctx(), 'ada@example.com')
    await resetPassword(visitor(app), { secret: linkSecret, password: 'another long one' })

    const outcome = await signIn(visitor(app), { email: 'ada@example.com', password: 'another long one' })

    expect(outcome).toMatchObject({ kind: 'second-factor', factors: ['totp', 'recovery'] })
  })
})

describe('a recovery code', () => {
  test('works once however it is typed, and is no longer counted', async () => {
    const { app, session } = await setUp()
    const [code = ''] = session.recoveryCodes

    await complete(app, await stepOf(app), { kind: 'recovery', code: ` ${code.toUpperCase().replaceAll('-', ' ')} ` })

    expect(await outcomeOf(complete(app, await stepOf(app), { kind: 'recovery', code }))).toBe('second_factor_refused')
    expect(app.events.find(({ type }) => type === 'recovery-code.used')).toMatchObject({ left: 9 })
  })

  test('abuse 42 one code twice at once: one wins', async () => {
    const { app, session } = await setUp()
    const steps = [await stepOf(app), await stepOf(app)]
    const proof = { kind: 'recovery', code: session.recoveryCodes[0] ?? '' } as const

    const outcomes = await Promise.all(steps.map((step) => outcomeOf(complete(app, step, proof))))

    expect(outcomes.sort()).toEqual(['done', 'second_factor_refused'])
  })

  test('is replaced with all others on demand, and goes with the last second factor', async () => {
    const { app, session } = await setUp()
    const codes = await renewRecoveryCodes(session.ctx())
    const [old = ''] = session.recoveryCodes
    expect(await outcomeOf(complete(app, await stepOf(app), { kind: 'recovery', code: old }))).toBe('second_factor_refused')
    await complete(app, await stepOf(app), { kind: 'recovery', code: codes[0] ?? '' })

    await removeAuthenticatorApp(session.ctx())

    expect(await countRecoveryCodes(app.ports.database.read, session.user)).toBe(0)
    expect(await outcomeOf(removeAuthenticatorApp(session.ctx()))).toBe('factor_not_found')
    expect(await outcomeOf(renewRecoveryCodes(session.ctx()))).toBe('factor_not_found')
    await enter(app)
  })
})

describe('changing second factors', () => {
  test('needs a sign-in or a confirmation within the last 15 minutes', async () => {
    const { app, session } = await setUp()
    app.clock.advance('15 minutes')
    const changes = [
      removeAuthenticatorApp,
      renewRecoveryCodes,
      (ctx: Parameters<typeof renewRecoveryCodes>[0]) => requestAuthenticatorApp(ctx, HOST),
    ]

    for (const change of changes) {
      expect(await outcomeOf(change(session.ctx()))).toBe('confirmation_required')
      expect(await outcomeOf(change(visitor(app)))).toBe('sign_in_required')
      expect(await outcomeOf(change(ctxAs(app, { kind: 'operator' })))).toBe('user_required')
    }
    await confirmIdentity(session.ctx(), PASSWORD)

    await removeAuthenticatorApp(session.ctx())
  })

  test('is done by an operator for whoever lost them', async () => {
    const { app } = await setUp()

    await removeSecondFactors(app.ctx(), 'ada@example.com')

    await enter(app)
    expect(await outcomeOf(removeSecondFactors(app.ctx(), 'ada@example.com'))).toBe('factor_not_found')
  })
})

test('RFC 6238 codes are those of the standard', () => {
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
  const vectors = [
    [59, '287082'],
    [1111111109, '081804'],
    [1111111111, '050471'],
    [1234567890, '005924'],
    [2000000000, '279037'],
  ] as const

  for (const [seconds, code] of vectors) {
    expect(findTotpStep({ secret, code, now: seconds * 1000 })).toBe(Math.floor(seconds / 30))
  }
  expect(findTotpStep({ secret, code: '28708', now: 59_000 })).toBeNull()
  expect(findTotpStep({ secret, code: 'abcdef', now: 59_000 })).toBeNull()
})
