import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { MailId } from '../kernel/values.ts'
import { openContent } from './mail-content.ts'
import { deleteMailsBefore, endMail, findMail, type MailRow } from './mails.sql.ts'

const DAY = 24 * 60 * 60 * 1000
/** How long a mail is tried. */
const TRIED_FOR = DAY
/** How long it is known that there was a mail. */
const KEPT_FOR = 30 * DAY
const PORTION = 5_000

/**
 * Sends a mail unless that was done. A crash between the mail server's answer and our noting it sends the mail twice, with one Message-ID.
 * Throws `mail_unavailable` while another try may help; what was refused, or tried for a day, is given up. Either end erases the content.
 */
export async function sendMail(ctx: Ctx, id: MailId): Promise<void> {
  const mail = await findMail(ctx.db, id)
  if (mail === null || mail.content === null) {
    return
  }
  const problem = await trySending(ctx, { ...mail, content: mail.content })
  await ctx.transaction(async (tx) => {
    const { uid, kind, organization } = mail
    await endMail(tx.db, id, { state: problem === null ? 'sent' : 'failed', problem, at: tx.now })
    await tx.record(
      problem === null
        ? { type: 'mail.sent', organization, mail: uid, kind }
        : { type: 'mail.failed', organization, mail: uid, kind, problem },
    )
  })
  if (problem !== null) {
    ctx.log.warn('A mail was given up.', { mail: mail.uid, kind: mail.kind, problem })
  }
}

/** Null when the mail was taken, else why it is given up. */
async function trySending(ctx: Ctx, mail: MailRow & { content: string }): Promise<string | null> {
  try {
    if (ctx.mailer === null) {
      throw new DomainError('mail_unavailable', { problem: 'mail is not configured' })
    }
    await ctx.mailer.send({ id: mail.uid, to: mail.recipient, ...openContent(ctx, mail) })
    return null
  } catch (error) {
    const isOver = ctx.now - mail.createdAt >= TRIED_FOR
    if (isDomainError(error, 'mail_refused') || (isDomainError(error, 'mail_unavailable') && isOver)) {
      return error.message
    }
    throw error
  }
}

/** Forgets mails that ended and are older than 30 days. Returns how many. */
export async function purgeMails(ctx: Ctx): Promise<number> {
  let purged = 0
  for (;;) {
    const deleted = await ctx.transaction(async (tx) => {
      const mails = await deleteMailsBefore(tx.db, tx.now - KEPT_FOR, PORTION)
      await tx.record({ type: 'mails.purged', organization: null, mails })
      return mails
    })
    purged += deleted
    if (deleted < PORTION) {
      return purged
    }
  }
}
