import type { UserActor } from '../kernel/actor.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { addressGroup } from '../kernel/address-group.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Db } from '../kernel/schema.ts'
import type { Instant } from '../kernel/values.ts'
import { hashSecret, isSecretForm } from './account-secret.ts'
import { requireSignedIn } from './own-account.ts'
import {
  deleteSession,
  deleteSessions,
  findSessionByHash,
  selectSessions,
  touchSessionRow,
  type FoundSession,
  type Session,
} from './sessions.sql.ts'
import { IDLE_FOR } from './start-session.ts'

/** How old the time of the last use may get before it is written again, in milliseconds. */
const SEEN_EVERY = 5 * 60 * 1000

/** The session behind the secret of a cookie, or null when it is unknown, ended, or belongs to a disabled user. */
export async function findSession(db: Db, secret: string, now: Instant): Promise<FoundSession | null> {
  const session = isSecretForm(secret) ? await findSessionByHash(db, hashSecret(secret)) : null
  const isOver = session === null || session.expiresAt <= now || session.seenAt <= now - IDLE_FOR
  return isOver ? null : session
}

/** The person who acts in a session. */
export function toUserActor(session: FoundSession): UserActor {
  return { kind: 'user', user: session.user, session: session.id, isOperator: session.isOperator }
}

/** Notes that a session is in use, every few minutes. Like the last use of a token this is no change that anybody made. */
export async function touchSession(write: Db, session: Session, use: { at: Instant; address: string | null }): Promise<void> {
  if (use.at - session.seenAt >= SEEN_EVERY) {
    await touchSessionRow(write, session.id, { at: use.at, address: use.address === null ? null : addressGroup(use.address) })
  }
}

/** A session as its owner sees it. */
export interface OwnSession extends Session {
  isCurrent: boolean
}

/** Where the person who acts is signed in, the last used first. Ended sessions are left out. */
export async function listOwnSessions(ctx: Ctx): Promise<OwnSession[]> {
  const { user, session } = requireSignedIn(ctx)
  const sessions = await selectSessions(ctx.db, user)
  return sessions
    .filter((each) => each.expiresAt > ctx.now && each.seenAt > ctx.now - IDLE_FOR)
    .map((each) => ({ ...each, isCurrent: each.id === session }))
}

/** Ends the session in which the person acts. */
export async function signOut(ctx: Ctx): Promise<void> {
  const { user, session } = requireSignedIn(ctx)
  const current = (await selectSessions(ctx.db, user)).find((each) => each.id === session)
  if (current !== undefined) {
    await ctx.transaction(async (tx) => {
      await deleteSession(tx.db, user, current.uid)
      await tx.record({ type: 'user.signed-out', organization: null, user })
    })
  }
}

/** Ends one session of the person who acts. Throws `session_not_found`. */
export async function endOwnSession(ctx: Ctx, uid: string): Promise<void> {
  const { user } = requireSignedIn(ctx)
  await ctx.transaction(async (tx) => {
    if (!(await deleteSession(tx.db, user, uid))) {
      throw new DomainError('session_not_found')
    }
    await tx.record({ type: 'sessions.ended', organization: null, user, sessions: 1 })
  })
}

/** Ends every other session of the person who acts; returns how many. */
export async function endOtherSessions(ctx: Ctx): Promise<number> {
  const { user, session } = requireSignedIn(ctx)
  return ctx.transaction(async (tx) => {
    const sessions = await deleteSessions(tx.db, user, session)
    await tx.record({ type: 'sessions.ended', organization: null, user, sessions })
    return sessions
  })
}
