/**
 * Choosing a password by a link (abuse 42). The answer to a request never says whether there is such a user: the same rows are
 * written for an address that nobody has, with a link that leads nowhere, and only the mail is left out. Links have 256 random bits, are stored as
 * hashes, and work once; whoever has one still needs the second factor to sign in.
 */
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { addressGroup } from '../kernel/address-group.ts'
import { DomainError } from '../kernel/errors.ts'
import { queueMail } from '../mail/index.ts'
import { deleteLinks, findLink, insertLink, useLink, type AccountLink } from './account-links.sql.ts'
import { composeLinkMail, composeNotice } from './account-mails.ts'
import { hashSecret, isSecretForm, mintSecret } from './account-secret.ts'
import { canonicalEmail } from './create-user.ts'
import { requireAcceptablePassword } from './password-rules.ts'
import { deleteSessions } from './sessions.sql.ts'
import { findPasswordHash, findUser, findUserByEmail, markVerified, replacePasswordHash, type User } from './users.sql.ts'

const HOUR = 60 * 60 * 1000
/** How long a mailed link works, in milliseconds. */
export const RESET_LASTS = HOUR
/** How long a link works that an operator hands over, in milliseconds. */
export const CHOICE_LASTS = 24 * HOUR
const PER_ACCOUNT = { limit: 3, window: HOUR }
const PER_ADDRESS = { limit: 20, window: HOUR }
const PURPOSES = ['password-reset', 'password-choice'] as const

/** The path of the page on which a link lets somebody choose a password. */
export function passwordPath(secret: string): string {
  return `/app/reset-password/${secret}`
}

/**
 * Mails a link for a new password to a user, if there is one with that address who is not disabled. The result is the same in every case, also
 * beyond three requests an hour for an address, or twenty from one, and for what is no address.
 */
export async function requestPasswordReset(ctx: Ctx, input: { email: string }): Promise<void> {
  const email = canonicalEmail(input.email)
  if (email === null || !mayRequest(ctx, email)) {
    return
  }
  const secret = mintSecret(ctx.random)
  const found = await findUserByEmail(ctx.db, email)
  const user = found === null || found.disabledAt !== null ? null : found
  const mail = composeLinkMail(ctx, {
    kind: 'password-reset',
    to: email,
    subject: 'Choose a new password',
    paragraphs: [
      'Somebody asked for a new password for your account. The link works once and for one hour.',
      { link: 'Choose a new password', path: passwordPath(secret) },
      'If it was not you, do nothing: your password stays as it is.',
    ],
  })
  await ctx.transaction(async (tx) => {
    const link: AccountLink = {
      purpose: 'password-reset',
      user: user?.id ?? null,
      email,
      createdAt: tx.now,
      expiresAt: tx.now + RESET_LASTS,
    }
    await insertLink(tx.db, link, hashSecret(secret))
    await tx.record({ type: 'password.reset-requested', organization: null, user: user?.id ?? null })
    if (user !== null) {
      await queueMail(tx, mail)
    }
  })
}

function mayRequest(ctx: Ctx, email: string): boolean {
  return (
    ctx.limiter.take(`reset-from:${addressGroup(ctx.origin.address)}`, PER_ADDRESS).allowed &&
    ctx.limiter.take(`reset-of:${hashSecret(email)}`, PER_ACCOUNT).allowed
  )
}

/**
 * Stores a link by which a user may choose a password within 24 hours, in the caller's transaction; earlier ones of the kind end. The caller
 * is authorized already and hands `secret` over.
 */
export async function storePasswordChoice(tx: Tx, user: User, secret: string): Promise<void> {
  await deleteLinks(tx.db, user.id, ['password-choice'])
  const times = { createdAt: tx.now, expiresAt: tx.now + CHOICE_LASTS }
  await insertLink(tx.db, { purpose: 'password-choice', user: user.id, email: null, ...times }, hashSecret(secret))
  await tx.record({ type: 'password.link-created', organization: null, user: user.id })
}

/** Whether a link for a password works now. */
export async function isPasswordLink(ctx: Pick<Ctx, 'db' | 'now'>, secret: string): Promise<boolean> {
  return (await findPasswordLink(ctx, secret)) !== null
}

function findPasswordLink(ctx: Pick<Ctx, 'db' | 'now'>, secret: string) {
  return isSecretForm(secret)
    ? findLink(ctx.db, { secretHash: hashSecret(secret), purposes: PURPOSES, now: ctx.now })
    : Promise.resolve(null)
}

/**
 * Gives the user of a link a new password, once, and ends all of their sessions, steps and other links. The second factor stays. A link that was
 * mailed also proves the address. Throws `link_not_valid`, and `invalid_input` for a password that is not acceptable; the link stays then.
 */
export async function resetPassword(ctx: Ctx, input: { secret: string; password: string }): Promise<void> {
  const link = await findPasswordLink(ctx, input.secret)
  const user = link === null ? null : await findUser(ctx.db, link.user)
  if (link === null || user === null) {
    throw new DomainError('link_not_valid')
  }
  requireAcceptablePassword(input.password, user)
  const from = await findPasswordHash(ctx.db, user.id)
  const to = await ctx.passwords.hash(input.password)
  const notice = composeNotice(ctx, user, {
    subject: 'Your password was changed',
    text: 'A new password was chosen for your account by a link, and all sessions were ended.',
  })
  await ctx.transaction(async (tx) => {
    if (!(await replacePasswordHash(tx.db, user.id, { from, to })) || !(await useLink(tx.db, hashSecret(input.secret)))) {
      throw new DomainError('link_not_valid')
    }
    await deleteSessions(tx.db, user.id, null)
    await deleteLinks(tx.db, user.id, [...PURPOSES, 'second-factor'])
    if (link.email !== null) {
      await markVerified(tx.db, user.id, { email: link.email, at: tx.now })
    }
    await tx.record({ type: 'password.reset', organization: null, user: user.id })
    await queueMail(tx, notice)
  })
}
