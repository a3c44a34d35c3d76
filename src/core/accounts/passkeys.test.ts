/** Passkeys with a real authenticator in software: its keys sign, and the library verifies. */
import { describe, expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import { createAuthenticator, type Around, type SoftwareAuthenticator } from '../../../test/kit/passkey.ts'
import { buildUser, enter, PASSWORD, sessionOf, visitor, type SignedIn } from '../../../test/kit/people.ts'
import { switchUser } from '../access/manage-users.ts'
import { completeSignIn, requestStepPasskey } from './complete-sign-in.ts'
import { toSite } from './passkey-assertion.ts'
import {
  listOwnPasskeys,
  registerPasskey,
  removePasskey,
  requestPasskey,
  requestPasskeySignIn,
  signInWithPasskey,
} from './passkeys.ts'
import { signIn } from './sign-in.ts'
import type { User } from './users.sql.ts'

const SITE = toSite('https://packages.example.org')

async function outcomeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: { code: string }) => error.code,
  )
}

function around(challenge: string, other: Partial<Around> = {}): Around {
  return { origin: SITE.origin, site: SITE.id, challenge, ...other }
}

function handleOf(user: User): string {
  return Buffer.from(user.uid).toString('base64url')
}

interface World {
  app: TestApp
  user: User
  session: SignedIn
  key: SoftwareAuthenticator
}

async function addKey(session: SignedIn, key: SoftwareAuthenticator, other: Partial<Around> = {}) {
  const { options, state } = await requestPasskey(session.ctx(), SITE)
  const response = key.register(around(options.challenge, other))
  return registerPasskey(session.ctx(), { site: SITE, name: 'Key', state, response })
}

async function setUp(): Promise<World> {
  const app = await createTestApp()
  const user = await buildUser(app)
  const session = await enter(app)
  const key = createAuthenticator()
  await addKey(session, key)
  return { app, user, session, key }
}

/** A whole sign-in with a passkey; the parts may lie. */
async function signInWith(
  { app, user, key }: World,
  lie: Partial<Around> & { userHandle?: string | null } = {},
): Promise<{ secret: string }> {
  const { options, state } = await requestPasskeySignIn(visitor(app), SITE)
  const { userHandle = handleOf(user), ...other } = lie
  const response = key.assert({ ...around(options.challenge, other), userHandle })
  return signInWithPasskey(visitor(app), { site: SITE, state, response })
}

describe('registering a passkey', () => {
  test('keeps its public key, and brings recovery codes with the first factor alone', async () => {
    const app = await createTestApp()
    await buildUser(app)
    const session = await enter(app)

    const first = await addKey(session, createAuthenticator())
    const second = await addKey(session, createAuthenticator())

    expect(first.recoveryCodes).toHaveLength(10)
    expect(second.recoveryCodes).toBeNull()
    expect(await listOwnPasskeys(session.ctx())).toMatchObject([
      { name: 'Key', counter: 0, lastUsedAt: null },
      { name: 'Key', counter: 0, lastUsedAt: null },
    ])
  })

  test.each<[string, Partial<Around>]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another relying party', { site: 'evil.example' }],
    ['another challenge', { challenge: Buffer.alloc(32).toString('base64url') }],
  ])('is refused for %s', async (_, lie) => {
    const app = await createTestApp()
    await buildUser(app)
    const session = await enter(app)

    expect(await outcomeOf(addKey(session, createAuthenticator(), lie))).toBe('passkey_refused')
  })

  test('is refused for an answer to the challenge of somebody else, a second time, and after five minutes', async () => {
    const { app, session, key } = await setUp()
    await buildUser(app, { email: 'eve@example.com', name: 'Eve' })
    const eve = await enter(app, 'eve@example.com')
    const { options, state } = await requestPasskey(session.ctx(), SITE)
    const other = createAuthenticator()
    const input = { site: SITE, name: 'Key', state, response: other.register(around(options.challenge)) }

    expect(await outcomeOf(registerPasskey(eve.ctx(), input))).toBe('passkey_refused')
    await registerPasskey(session.ctx(), input)
    expect(await outcomeOf(registerPasskey(session.ctx(), input))).toBe('passkey_refused')
    expect(await outcomeOf(addKey(eve, key))).toBe('factor_exists')
    const late = await requestPasskey(session.ctx(), SITE)
    app.clock.advance('5 minutes')
    const response = createAuthenticator().register(around(late.options.challenge))
    expect(await outcomeOf(registerPasskey(session.ctx(), { ...input, state: late.state, response }))).toBe('passkey_refused')
  })

  test('needs a host name', () => {
    for (const url of ['http://192.0.2.1:8080', 'http://[::1]:8080']) {
      expect(() => toSite(url)).toThrow(/host name/)
    }
    expect(toSite('http://localhost:8080')).toEqual({ id: 'localhost', origin: 'http://localhost:8080' })
  })
})

describe('signing in with a passkey alone', () => {
  test('starts a session and moves the counter', async () => {
    const world = await setUp()

    const { secret } = await signInWith(world)

    expect(await sessionOf(world.app, secret)).toMatchObject({ actor: { user: world.user.id } })
    expect(await listOwnPasskeys(world.session.ctx())).toMatchObject([{ counter: 1, lastUsedAt: world.app.clock.now() }])
    expect(world.app.events.at(-1)).toMatchObject({ type: 'user.signed-in', method: 'passkey' })
  })

  test('is refused without verification of the holder', async () => {
    const world = await setUp()
    world.key.verifies = false

    expect(await outcomeOf(signInWith(world))).toBe('passkey_refused')
  })

  test.each<[string, Partial<Around> & { userHandle?: string | null }]>([
    ['another origin', { origin: 'https://packages.example.org.evil.example' }],
    ['another relying party', { site: 'example.org' }],
    ['another challenge', { challenge: Buffer.alloc(32).toString('base64url') }],
    ['another user', { userHandle: Buffer.from('00000000-0000-7000-8000-000000000000').toString('base64url') }],
    ['no user', { userHandle: null }],
  ])('is refused for %s', async (_, lie) => {
    expect(await outcomeOf(signInWith(await setUp(), lie))).toBe('passkey_refused')
  })

  test('is refused for a counter that did not grow: the key was copied', async () => {
    const world = await setUp()
    world.key.counter = 9
    await signInWith(world)
    world.key.counter = 9

    expect(await outcomeOf(signInWith(world))).toBe('passkey_refused')
  })

  test('is refused for a changed signature, an unknown key and a disabled user', async () => {
    const world = await setUp()
    const { app, user, key } = world
    const { options, state } = await requestPasskeySignIn(visitor(app), SITE)
    const response = key.assert({ ...around(options.challenge), userHandle: handleOf(user) })
    const changed = {
      ...response,
      response: { ...response.response, signature: `${response.response.signature.slice(0, -6)}AAAAAA` },
    }

    expect(await outcomeOf(signInWithPasskey(visitor(app), { site: SITE, state, response: changed }))).toBe('passkey_refused')
    expect(await outcomeOf(signInWith({ ...world, key: createAuthenticator() }))).toBe('passkey_refused')
    await switchUser(app.ctx(), user.uid, 'disable')
    expect(await outcomeOf(signInWith(world))).toBe('passkey_refused')
  })

  test('abuse 42 an answer works once, also at once', async () => {
    const { app, user, key } = await setUp()
    const { options, state } = await requestPasskeySignIn(visitor(app), SITE)
    const response = key.assert({ ...around(options.challenge), userHandle: handleOf(user) })
    const proof = { site: SITE, state, response }

    const outcomes = await Promise.all([1, 2, 3].map(() => outcomeOf(signInWithPasskey(visitor(app), proof))))

    expect(outcomes.sort()).toEqual(['done', 'passkey_refused', 'passkey_refused'])
    expect(await outcomeOf(signInWithPasskey(visitor(app), proof))).toBe('passkey_refused')
  })

  test('asking for challenges writes nothing', async () => {
    const { app } = await setUp()
    const before = app.events.length
    for (let count = 0; count < 100; count += 1) {
      await requestPasskeySignIn(visitor(app), SITE)
    }

    expect(app.events.length).toBe(before)
    expect(await app.ports.database.read.selectFrom('used_challenges').selectAll().execute()).toHaveLength(1)
  })
})

describe('a passkey as second factor', () => {
  test('completes a sign-in, also without verification of the holder', async () => {
    const { app, key } = await setUp()
    key.verifies = false
    const outcome = await signIn(visitor(app), { email: 'ada@example.com', password: PASSWORD })
    const step = outcome.secret
    const { options, state } = await requestStepPasskey(visitor(app), { step, site: SITE })
    const response = key.assert({ ...around(options.challenge), userHandle: null })

    const { secret } = await completeSignIn(visitor(app), { step, proof: { kind: 'passkey', site: SITE, state, response } })

    expect(outcome).toMatchObject({ kind: 'second-factor', factors: ['passkey', 'recovery'] })
    expect(options.allowCredentials?.map(({ id }) => id)).toEqual([key.id])
    await sessionOf(app, secret)
  })

  test("of somebody else is refused, and so is the answer to a sign-in's challenge", async () => {
    const world = await setUp()
    const { app, key } = world
    await buildUser(app, { email: 'eve@example.com', name: 'Eve' })
    const eve = createAuthenticator()
    await addKey(await enter(app, 'eve@example.com'), eve)
    const { secret: step } = await signIn(visitor(app), { email: 'ada@example.com', password: PASSWORD })
    const asked = await requestStepPasskey(visitor(app), { step, site: SITE })
    const open = await requestPasskeySignIn(visitor(app), SITE)
    const complete = (authenticator: SoftwareAuthenticator, { options, state }: typeof asked) => {
      const response = authenticator.assert({ ...around(options.challenge), userHandle: null })
      return outcomeOf(completeSignIn(visitor(app), { step, proof: { kind: 'passkey', site: SITE, state, response } }))
    }

    expect(await complete(eve, asked)).toBe('passkey_refused')
    expect(await complete(key, open)).toBe('passkey_refused')
    expect(await complete(key, asked)).toBe('done')
  })

  test('is removed by its owner alone', async () => {
    const { app, session } = await setUp()
    await buildUser(app, { email: 'eve@example.com', name: 'Eve' })
    const eve = await enter(app, 'eve@example.com')
    const uid = (await listOwnPasskeys(session.ctx()))[0]?.uid ?? ''

    expect(await outcomeOf(removePasskey(eve.ctx(), uid))).toBe('factor_not_found')
    await removePasskey(session.ctx(), uid)

    expect(await listOwnPasskeys(session.ctx())).toEqual([])
    await enter(app)
  })
})
