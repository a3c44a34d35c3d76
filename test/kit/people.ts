/** People for tests: accounts, and calls as somebody who is signed in. */
import { createCtx } from '../../src/app.ts'
import { addUser } from '../../src/core/access/index.ts'
import { findSession, signIn, toUserActor, type User } from '../../src/core/accounts/index.ts'
import type { Actor } from '../../src/core/kernel/actor.ts'
import type { Ctx } from '../../src/core/kernel/ctx.ts'
import { Secret, TOTP } from 'otpauth'
import type { TestApp } from './app.ts'

export const PASSWORD = 'correct horse battery'
export const ADDRESS = '192.0.2.7'

export async function buildUser(
  app: TestApp,
  { email = 'ada@example.com', name = 'Ada Lovelace', password = PASSWORD, isOperator = false } = {},
): Promise<User> {
  return (await addUser(app.ctx(), { email, name, password, isOperator })).user
}

/** A call from somewhere. */
export function ctxAs(app: TestApp, actor: Actor, address: string | null = ADDRESS): Ctx {
  return createCtx(app.ports, actor, { surface: 'console', address, agent: 'Test browser', requestId: null })
}

/** A call of somebody who is not signed in. */
export function visitor(app: TestApp, address: string | null = ADDRESS): Ctx {
  return ctxAs(app, { kind: 'anonymous' }, address)
}

export interface SignedIn {
  secret: string
  actor: Actor
  /** A new call in the session. */
  ctx(): Ctx
}

/** Signs in with a password that is enough. */
export async function enter(app: TestApp, email = 'ada@example.com', password = PASSWORD): Promise<SignedIn> {
  const outcome = await signIn(visitor(app), { email, password })
  if (outcome.kind !== 'session') {
    throw new Error('A second factor is needed.')
  }
  return sessionOf(app, outcome.secret)
}

/** The session behind a secret, as the server would find it. */
export async function sessionOf(app: TestApp, secret: string): Promise<SignedIn> {
  const found = await findSession(app.ports.database.read, secret, app.clock.now())
  if (found === null) {
    throw new Error('There is no such session.')
  }
  const actor = toUserActor(found)
  return { secret, actor, ctx: () => ctxAs(app, actor) }
}

/** The code that an authenticator app shows. */
export function codeOf(secret: string, at: number): string {
  return new TOTP({ secret: Secret.fromBase32(secret), digits: 6, period: 30 }).generate({ timestamp: at })
}
