import type { Ctx } from '../kernel/ctx.ts'
import { composeMail, type ComposedMail, type MailParagraph } from '../mail/index.ts'
import type { User } from './users.sql.ts'

const NOT_YOU = 'If this was not you, choose a new password now and tell the people who run this registry.'

/** A notice to a person about a change of how they sign in. It holds no link that could be used by whoever reads it. */
export function composeNotice(
  ctx: Ctx,
  user: Pick<User, 'email'>,
  notice: { subject: string; text: string },
): ComposedMail | null {
  return composeMail(ctx, {
    kind: 'security-notice',
    to: user.email,
    organization: null,
    lane: 'background',
    subject: notice.subject,
    paragraphs: [notice.text, NOT_YOU],
  })
}

/** A mail with a link that works once. */
export function composeLinkMail(
  ctx: Ctx,
  mail: { kind: string; to: string; subject: string; paragraphs: readonly MailParagraph[] },
): ComposedMail | null {
  return composeMail(ctx, { ...mail, organization: null, lane: 'interactive' })
}
