/**
 * Changes of a user that an operator makes, to be called in the transaction of a command that authorized them. They lock the user's row first,
 * as signing in does.
 */
import type { Tx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { deleteLinks } from './account-links.sql.ts'
import { deleteFactors } from './factors.sql.ts'
import { deleteSessions } from './sessions.sql.ts'
import { deleteUserRow, setDisabledAt, setOperator, type User } from './users.sql.ts'

/** Disables a user: sessions, steps and links end, and tokens no longer work. False when that was so already. */
export async function disableUser(tx: Tx, user: User): Promise<boolean> {
  if (!(await setDisabledAt(tx.db, user.id, tx.now))) {
    return false
  }
  await deleteSessions(tx.db, user.id, null)
  await deleteLinks(tx.db, user.id, ['password-reset', 'password-choice', 'second-factor', 'email'])
  await tx.record({ type: 'user.disabled', organization: null, user: user.id, email: user.email })
  return true
}

/** Enables a user again: they sign in anew, and their tokens work. False when that was so already. */
export async function enableUser(tx: Tx, user: User): Promise<boolean> {
  if (!(await setDisabledAt(tx.db, user.id, null))) {
    return false
  }
  await tx.record({ type: 'user.enabled', organization: null, user: user.id, email: user.email })
  return true
}

/** Makes a user an operator of the instance, at once in every session. False when that was so already. */
export async function promoteUser(tx: Tx, user: User): Promise<boolean> {
  if (!(await setOperator(tx.db, user.id, 1))) {
    return false
  }
  await tx.record({ type: 'user.promoted', organization: null, user: user.id, email: user.email })
  return true
}

/** Takes the rights of an operator away, at once in every session. False when that was so already. */
export async function demoteUser(tx: Tx, user: User): Promise<boolean> {
  if (!(await setOperator(tx.db, user.id, 0))) {
    return false
  }
  await tx.record({ type: 'user.demoted', organization: null, user: user.id, email: user.email })
  return true
}

/** Deletes a user with memberships, personal tokens, sessions and factors. Throws `user_not_found` when somebody else did. */
export async function deleteUser(tx: Tx, user: User): Promise<void> {
  if (!(await deleteUserRow(tx.db, user.id))) {
    throw new DomainError('user_not_found')
  }
  await tx.record({ type: 'user.deleted', organization: null, user: user.id, email: user.email })
}

/** Removes all second factors and recovery codes of a user who lost them. Throws `factor_not_found` when there are none. */
export async function removeFactors(tx: Tx, user: User): Promise<void> {
  if ((await deleteFactors(tx.db, user.id)) === 0) {
    throw new DomainError('factor_not_found')
  }
  await tx.record({ type: 'second-factor.removed', organization: null, user: user.id, factor: 'all', name: 'all second factors' })
}

/** Ends all sessions of a user; returns how many. */
export async function endSessions(tx: Tx, user: User): Promise<number> {
  const sessions = await deleteSessions(tx.db, user.id, null)
  await tx.record({ type: 'sessions.ended', organization: null, user: user.id, sessions })
  return sessions
}
