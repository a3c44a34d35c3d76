import type { UserActor } from '../kernel/actor.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { findConfirmation } from './sessions.sql.ts'
import { findUser, type User } from './users.sql.ts'

/** How long after a proof of identity a session may change how its owner signs in, in milliseconds. */
export const CONFIRMED_FOR = 15 * 60 * 1000

/** The person who acts in a session. Tokens change nothing about accounts. Throws `sign_in_required` or `user_required`. */
export function requireSignedIn(ctx: Pick<Ctx, 'actor'>): UserActor {
  if (ctx.actor.kind === 'user') {
    return ctx.actor
  }
  throw new DomainError(ctx.actor.kind === 'anonymous' ? 'sign_in_required' : 'user_required')
}

/** The account of the person who acts. Throws as `requireSignedIn`. */
export async function getOwnUser(ctx: Pick<Ctx, 'actor' | 'db'>): Promise<User> {
  const { user } = requireSignedIn(ctx)
  const own = await findUser(ctx.db, user)
  if (own === null) {
    throw new DomainError('sign_in_required')
  }
  return own
}

/**
 * As `getOwnUser` for changes of how somebody signs in: a stolen session must not be enough. The person signed in or confirmed the password
 * within the last 15 minutes. Throws `confirmation_required` otherwise.
 */
export async function getConfirmedUser(ctx: Pick<Ctx, 'actor' | 'db' | 'now'>): Promise<User> {
  const { session } = requireSignedIn(ctx)
  const confirmedAt = await findConfirmation(ctx.db, session)
  if (confirmedAt === null) {
    throw new DomainError('sign_in_required')
  }
  if (confirmedAt <= ctx.now - CONFIRMED_FOR) {
    throw new DomainError('confirmation_required')
  }
  return getOwnUser(ctx)
}
