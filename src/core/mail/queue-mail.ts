import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { MailId, OrganizationId } from '../kernel/values.ts'
import { contextOf } from './mail-content.ts'
import { countMailsSince, insertMail } from './mails.sql.ts'
import { renderMail, type MailText } from './render-mail.ts'

const HOUR = 60 * 60 * 1000
/** Mails that one address gets within an hour, so that nobody can be flooded through us. */
const MAILS_PER_HOUR = 20
/** Tries come with pauses of up to 15 minutes; `sendMail` gives up by time, long before this. */
const MOST_TRIES = 1_000

/** A mail to be queued. `kind` is its name in the log and in events, such as `invitation`. */
export interface MailDraft extends MailText {
  kind: string
  to: string
  /** Whom the mail concerns; null for what is between the instance and a person. */
  organization: OrganizationId | null
  /** `interactive`: somebody waits for it. */
  lane: 'interactive' | 'background'
}

/** A rendered and sealed mail. */
export interface ComposedMail {
  readonly uid: string
  readonly kind: string
  readonly recipient: string
  readonly organization: OrganizationId | null
  readonly lane: 'interactive' | 'background'
  readonly sealed: string
}

/** Whether mails can be sent at all; if not, callers show what they would have sent, such as the link of an invitation. */
export function isMailConfigured(ctx: Pick<Ctx, 'mailer'>): boolean {
  return ctx.mailer !== null
}

/** Renders and seals a mail, to be queued in the transaction that causes it. Null when mail is not configured. */
export function composeMail(ctx: Ctx, draft: MailDraft): ComposedMail | null {
  if (!isMailConfigured(ctx)) {
    return null
  }
  const uid = ctx.newId()
  const rendered = renderMail(draft, ctx.publicUrl)
  return {
    uid,
    kind: draft.kind,
    recipient: draft.to.trim().toLowerCase(),
    organization: draft.organization,
    lane: draft.lane,
    sealed: ctx.secrets.encrypt(JSON.stringify(rendered), contextOf(uid)),
  }
}

/**
 * Queues a mail with the change that causes it. `off`: mail is not configured. `limited`: the address got 20 mails within the last hour, and
 * this one is dropped.
 */
export async function queueMail(tx: Tx, mail: ComposedMail | null): Promise<'queued' | 'off' | 'limited'> {
  if (mail === null) {
    return 'off'
  }
  if ((await countMailsSince(tx.db, mail.recipient, tx.now - HOUR)) >= MAILS_PER_HOUR) {
    return 'limited'
  }
  const id = await insertMail(tx.db, mail, tx.now)
  await enqueueMail(tx, mail, id)
  return 'queued'
}

async function enqueueMail(tx: Tx, mail: ComposedMail, id: MailId): Promise<void> {
  await tx.enqueue({
    kind: 'mail.send',
    payload: { mail: id },
    organization: mail.organization,
    dedupeKey: `mail.send:${id}`,
    lane: mail.lane,
    maxAttempts: MOST_TRIES,
  })
}
