import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { admitAttempt } from './admit-attempt.ts'
import { isHashable } from './password-rules.ts'
import { getOwnUser, requireSignedIn } from './own-account.ts'
import { markConfirmed } from './sessions.sql.ts'
import { findPasswordHash, type User } from './users.sql.ts'

/**
 * Checks the password of the person who acts, throttled like a sign-in. Returns the hash that it matched, for a compare-and-set. Throws
 * `password_refused` and `request_limited`.
 */
export async function verifyOwnPassword(ctx: Ctx, password: string): Promise<{ user: User; hash: string }> {
  const user = await getOwnUser(ctx)
  const attempt = await admitAttempt(ctx, 'login', user.email)
  const hash = await findPasswordHash(ctx.db, user.id)
  const matches = await ctx.passwords.verify(isHashable(password) ? password : '', hash)
  if (hash === null || !matches) {
    throw new DomainError('password_refused')
  }
  await ctx.attempts.succeed(attempt)
  return { user, hash }
}

/** Proves again who acts, so that for 15 minutes the session may change how the person signs in. Throws as `verifyOwnPassword`. */
export async function confirmIdentity(ctx: Ctx, password: string): Promise<void> {
  const { session } = requireSignedIn(ctx)
  const { user } = await verifyOwnPassword(ctx, password)
  await ctx.transaction(async (tx) => {
    if (!(await markConfirmed(tx.db, session, tx.now))) {
      throw new DomainError('sign_in_required')
    }
    await tx.record({ type: 'user.confirmed', organization: null, user: user.id })
  })
}
