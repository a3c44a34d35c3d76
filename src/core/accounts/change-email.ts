/**
 * Verifying and changing an e-mail address. An address counts only after a link that was mailed to it was followed; until then a change is a
 * wish, and the old address stays in force. The old address hears of the change.
 */
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { isMailConfigured, queueMail } from '../mail/index.ts'
import { deleteLinks, findLink, insertLink, useLink } from './account-links.sql.ts'
import { composeLinkMail, composeNotice } from './account-mails.ts'
import { hashSecret, isSecretForm, mintSecret } from './account-secret.ts'
import { parseDisplayName, parseEmail } from './create-user.ts'
import { getConfirmedUser, getOwnUser } from './own-account.ts'
import { findUser, findUserByEmail, lockEnabledUser, markVerified, updateEmail, updateName, type User } from './users.sql.ts'

const HOUR = 60 * 60 * 1000
const LINK_LASTS = 24 * HOUR
const PER_USER = { limit: 5, window: HOUR }

/** Mails a link to the present address of the person who acts. Throws `request_limited`, and `invalid_input` when mail is not configured. */
export async function requestEmailVerification(ctx: Ctx): Promise<void> {
  const user = await getOwnUser(ctx)
  if (user.emailVerifiedAt === null) {
    await mailConfirmation(ctx, user, user.email)
  }
}

/**
 * Mails a link to a new address for the person who acts. Whether somebody else has the address is not told: then no mail goes out. Throws
 * `confirmation_required`, `request_limited`, and `invalid_input` for what is no address or when mail is not configured.
 */
export async function requestEmailChange(ctx: Ctx, input: { email: string }): Promise<void> {
  const user = await getConfirmedUser(ctx)
  const email = parseEmail(input.email)
  if (email === user.email) {
    throw invalidInput('email', 'this is your address already')
  }
  await mailConfirmation(ctx, user, email)
}

async function mailConfirmation(ctx: Ctx, user: User, email: string): Promise<void> {
  if (!isMailConfigured(ctx)) {
    throw invalidInput('email', 'this registry sends no mail; ask its operator')
  }
  const taken = ctx.limiter.take(`email-links:${user.uid}`, PER_USER)
  if (!taken.allowed) {
    throw new DomainError('request_limited', { seconds: Math.ceil((taken.resetAt - ctx.now) / 1000) })
  }
  const other = await findUserByEmail(ctx.db, email)
  const secret = mintSecret(ctx.random)
  const mail = composeLinkMail(ctx, {
    kind: 'email-confirmation',
    to: email,
    subject: 'Confirm your e-mail address',
    paragraphs: [
      `An account of ${user.name} is to use this address. The link works once and for 24 hours.`,
      { link: 'Confirm the address', path: `/app/verify-email/${secret}` },
      'If you did not expect this, do nothing.',
    ],
  })
  await ctx.transaction(async (tx) => {
    await deleteLinks(tx.db, user.id, ['email'])
    const times = { createdAt: tx.now, expiresAt: tx.now + LINK_LASTS }
    await insertLink(tx.db, { purpose: 'email', user: user.id, email, ...times }, hashSecret(secret))
    await tx.record({ type: 'email.confirmation-requested', organization: null, user: user.id, email })
    if (other === null || other.id === user.id) {
      await queueMail(tx, mail)
    }
  })
}

/** The address that a link would confirm, or null when it does not work. */
export async function findEmailOfLink(ctx: Pick<Ctx, 'db' | 'now'>, secret: string): Promise<string | null> {
  return (await findEmailLink(ctx, secret))?.email ?? null
}

function findEmailLink(ctx: Pick<Ctx, 'db' | 'now'>, secret: string) {
  return isSecretForm(secret)
    ? findLink(ctx.db, { secretHash: hashSecret(secret), purposes: ['email'], now: ctx.now })
    : Promise.resolve(null)
}

/** Confirms the address of a link, once: verifies the present one or puts a new one in force. Throws `link_not_valid`, `email_taken`. */
export async function confirmEmail(ctx: Ctx, secret: string): Promise<void> {
  const link = await findEmailLink(ctx, secret)
  const user = link === null ? null : await findUser(ctx.db, link.user)
  const email = link?.email ?? null
  if (user === null || email === null) {
    throw new DomainError('link_not_valid')
  }
  const notice =
    email === user.email
      ? null
      : composeNotice(ctx, user, {
          subject: 'Your e-mail address was changed',
          text: `Your account now uses the address ${email}. This one is no longer used.`,
        })
  await ctx.transaction(async (tx) => {
    if (!(await lockEnabledUser(tx.db, user.id)) || !(await useLink(tx.db, hashSecret(secret)))) {
      throw new DomainError('link_not_valid')
    }
    if (email === user.email) {
      await markVerified(tx.db, user.id, { email, at: tx.now })
      await tx.record({ type: 'email.verified', organization: null, user: user.id, email })
      return
    }
    if (!(await updateEmail(tx.db, user.id, { email, at: tx.now }))) {
      throw new DomainError('email_taken')
    }
    await deleteLinks(tx.db, user.id, ['password-reset'])
    await tx.record({ type: 'email.changed', organization: null, user: user.id, from: user.email, to: email })
    await queueMail(tx, notice)
  })
}

/** Gives the person who acts another display name. Throws `invalid_input`. */
export async function renameOwnUser(ctx: Ctx, input: { name: string }): Promise<void> {
  const user = await getOwnUser(ctx)
  const name = parseDisplayName('name', input.name)
  await ctx.transaction(async (tx) => {
    await updateName(tx.db, user.id, name)
    await tx.record({ type: 'user.renamed', organization: null, user: user.id, name })
  })
}
