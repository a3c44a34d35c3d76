import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { queueMail } from '../mail/index.ts'
import { deleteLinks } from './account-links.sql.ts'
import { composeNotice } from './account-mails.ts'
import { requireSignedIn } from './own-account.ts'
import { requireAcceptablePassword } from './password-rules.ts'
import { deleteSessions } from './sessions.sql.ts'
import { replacePasswordHash } from './users.sql.ts'
import { verifyOwnPassword } from './verify-password.ts'

/**
 * Changes the password of the person who acts and ends all other sessions, steps and reset links. Throws `password_refused` for a wrong
 * present password or one that was changed meanwhile, `invalid_input` for a new one that is not acceptable, `request_limited`.
 */
export async function changePassword(ctx: Ctx, input: { current: string; password: string }): Promise<void> {
  const { session } = requireSignedIn(ctx)
  const { user, hash } = await verifyOwnPassword(ctx, input.current)
  requireAcceptablePassword(input.password, user)
  const newHash = await ctx.passwords.hash(input.password)
  const notice = composeNotice(ctx, user, {
    subject: 'Your password was changed',
    text: 'The password of your account was changed, and all other sessions were ended.',
  })
  await ctx.transaction(async (tx) => {
    if (!(await replacePasswordHash(tx.db, user.id, { from: hash, to: newHash }))) {
      throw new DomainError('password_refused')
    }
    await deleteSessions(tx.db, user.id, session)
    await deleteLinks(tx.db, user.id, ['password-reset', 'password-choice', 'second-factor'])
    await tx.record({ type: 'password.changed', organization: null, user: user.id })
    await queueMail(tx, notice)
  })
}
