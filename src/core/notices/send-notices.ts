import type { Ctx } from '../kernel/ctx.ts'
import type { NoticeId, OrganizationId } from '../kernel/values.ts'
import { composeMail, queueMail, type ComposedMail } from '../mail/index.ts'
import { findOrganization, selectAdministratorEmails, type Organization } from '../organizations/index.ts'
import { describeNotices } from './describe-notices.ts'
import { isMuted, markTold, selectUntold, type Notice } from './notices.sql.ts'

/** News of one mail; what is beyond goes into the next. */
const MOST_NEWS = 1_000

/**
 * Tells the owners and admins of an organization its news, each in one mail however many there are. The mails are queued and the news marked
 * as told in one transaction, so nothing is told twice or lost.
 */
export async function sendNotices(ctx: Ctx, organization: OrganizationId): Promise<void> {
  for (;;) {
    const notices = await selectUntold(ctx.db, organization, MOST_NEWS)
    if (notices.length === 0) {
      return
    }
    const mails = await composeNotices(ctx, organization, notices)
    await tell(ctx, { organization, mails, ids: notices.map(({ id }) => id) })
  }
}

async function composeNotices(ctx: Ctx, id: OrganizationId, notices: readonly Notice[]): Promise<ComposedMail[]> {
  const organization = await findOrganization(ctx.db, id)
  if (organization === null || (await isMuted(ctx.db, id))) {
    return []
  }
  const text = await describeNotices(ctx, organization, notices)
  return text === null ? [] : composeForAdministrators(ctx, organization, text)
}

async function composeForAdministrators(
  ctx: Ctx,
  organization: Organization,
  text: { subject: string; paragraphs: readonly (string | { list: readonly string[] })[] },
): Promise<ComposedMail[]> {
  const recipients = await selectAdministratorEmails(ctx.db, organization)
  return recipients.flatMap((to) => {
    const mail = composeMail(ctx, { ...text, kind: 'notices', to, organization: organization.id, lane: 'background' })
    return mail === null ? [] : [mail]
  })
}

async function tell(
  ctx: Ctx,
  news: { organization: OrganizationId; mails: readonly ComposedMail[]; ids: readonly NoticeId[] },
): Promise<void> {
  const { organization, mails, ids } = news
  await ctx.transaction(async (tx) => {
    await markTold(tx.db, ids, tx.now)
    for (const mail of mails) {
      await queueMail(tx, mail)
    }
    await tx.record({ type: 'notices.sent', organization, notices: ids.length, mails: mails.length })
  })
}
