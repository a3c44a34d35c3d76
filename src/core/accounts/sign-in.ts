/**
 * Signing in with e-mail address and password (abuse 42). Whatever was wrong, the answer is the same, and exactly one password is verified
 * on the way to it, for an unknown address against a hash that nobody has. Tries are counted before they are checked.
 *
 * The session is started under the lock of the user's row and only while the password hash is still the one that was verified, so that a
 * password change, a reset or a disabling that happens meanwhile leaves no session behind.
 */
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Instant, UserId } from '../kernel/values.ts'
import { hashSecret, mintSecret } from './account-secret.ts'
import { insertLink } from './account-links.sql.ts'
import { admitAttempt, recordFailedSignIn } from './admit-attempt.ts'
import { canonicalEmail } from './create-user.ts'
import { listFactors, type FactorKind } from './list-factors.ts'
import { isHashable } from './password-rules.ts'
import { prepareSession, startSession } from './start-session.ts'
import { findPasswordHash, findUserByEmail, replacePasswordHash, type User } from './users.sql.ts'

/** How long somebody may take for the second factor, in milliseconds. */
const STEP_LASTS = 10 * 60 * 1000

/** No user has this id; looking for its password takes as long as for another. */
const NOBODY = 0 as UserId

/** What was typed. */
export interface SignIn {
  email: string
  password: string
}

/**
 * Where a sign-in stands: `session`, with the secret of its cookie; or `second-factor`, with the secret by which this browser, and no other, may
 * go on until `expiresAt`.
 */
export type SignInOutcome =
  | { kind: 'session'; secret: string; user: User }
  | { kind: 'second-factor'; secret: string; factors: FactorKind[]; expiresAt: Instant }

/** Signs a person in with a password. Throws `sign_in_refused` whatever is wrong, and `request_limited` for too many tries. */
export async function signIn(ctx: Ctx, input: SignIn): Promise<SignInOutcome> {
  const account = canonicalEmail(input.email)
  const attempt = await admitAttempt(ctx, 'login', account ?? input.email)
  const user = account === null ? null : await findUserByEmail(ctx.db, account)
  const hash = await findPasswordHash(ctx.db, user?.id ?? NOBODY)
  const matches = await ctx.passwords.verify(isHashable(input.password) ? input.password : '', hash)
  if (user === null || hash === null || !matches || user.disabledAt !== null) {
    await recordFailedSignIn(ctx, { account: attempt.account, user: user?.id ?? null, step: 'password', notice: null })
    throw new DomainError('sign_in_refused')
  }
  await ctx.attempts.succeed(attempt)
  const password = { from: hash, to: ctx.passwords.isOutdated(hash) ? await ctx.passwords.hash(input.password) : hash }
  const factors = await listFactors(ctx.db, user.id)
  return factors.length === 0 ? enter(ctx, user, password) : askSecondFactor(ctx, user, { password, factors })
}

interface VerifiedPassword {
  from: string
  to: string
}

async function enter(ctx: Ctx, user: User, password: VerifiedPassword): Promise<SignInOutcome> {
  const session = prepareSession(ctx)
  await ctx.transaction(async (tx) => {
    if (!(await replacePasswordHash(tx.db, user.id, password))) {
      throw new DomainError('sign_in_refused')
    }
    await startSession(tx, user.id, session)
    await tx.record({ type: 'user.signed-in', organization: null, user: user.id, method: 'password' })
  })
  return { kind: 'session', secret: session.secret, user }
}

async function askSecondFactor(
  ctx: Ctx,
  user: User,
  { password, factors }: { password: VerifiedPassword; factors: FactorKind[] },
): Promise<SignInOutcome> {
  const secret = mintSecret(ctx.random)
  const expiresAt = ctx.now + STEP_LASTS
  await ctx.transaction(async (tx) => {
    if (!(await replacePasswordHash(tx.db, user.id, password))) {
      throw new DomainError('sign_in_refused')
    }
    const step = { purpose: 'second-factor', user: user.id, email: null, createdAt: tx.now, expiresAt } as const
    await insertLink(tx.db, step, hashSecret(secret))
    await tx.record({ type: 'user.second-factor-asked', organization: null, user: user.id })
  })
  return { kind: 'second-factor', secret, factors, expiresAt }
}
