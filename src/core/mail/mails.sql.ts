import type { Db } from '../kernel/schema.ts'
import type { Instant, MailId, OrganizationId } from '../kernel/values.ts'

/** A mail as it is stored. */
export interface MailRow {
  id: MailId
  uid: string
  organization: OrganizationId | null
  kind: string
  recipient: string
  /** Sealed; null once the mail is sent or given up. */
  content: string | null
  state: 'queued' | 'sent' | 'failed'
  createdAt: Instant
}

/** Stores a mail that is to be sent. */
export async function insertMail(
  db: Db,
  mail: { uid: string; organization: OrganizationId | null; kind: string; recipient: string; sealed: string },
  now: Instant,
): Promise<MailId> {
  const { id } = await db
    .insertInto('mails')
    .values({
      uid: mail.uid,
      organization_id: mail.organization,
      kind: mail.kind,
      recipient: mail.recipient,
      content: mail.sealed,
      state: 'queued',
      problem: null,
      created_at: now,
      ended_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** How many mails were queued for an address since then. */
export async function countMailsSince(db: Db, recipient: string, since: Instant): Promise<number> {
  const row = await db
    .selectFrom('mails')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('recipient', '=', recipient)
    .where('created_at', '>', since)
    .executeTakeFirstOrThrow()
  return row.count
}

/** The mail with that id, or null. */
export async function findMail(db: Db, id: MailId): Promise<MailRow | null> {
  const row = await db
    .selectFrom('mails')
    .select(['id', 'uid', 'organization_id as organization', 'kind', 'recipient', 'content', 'state', 'created_at as createdAt'])
    .where('id', '=', id)
    .executeTakeFirst()
  return row ?? null
}

/** Writes what became of a queued mail and erases its content. False when somebody else did already. */
export async function endMail(
  db: Db,
  id: MailId,
  ending: { state: 'sent' | 'failed'; problem: string | null; at: Instant },
): Promise<boolean> {
  const result = await db
    .updateTable('mails')
    .set({ state: ending.state, problem: ending.problem, ended_at: ending.at, content: null })
    .where('id', '=', id)
    .where('state', '=', 'queued')
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Deletes up to `limit` ended mails from before `before`, and returns how many there were. */
export async function deleteMailsBefore(db: Db, before: Instant, limit: number): Promise<number> {
  const result = await db
    .deleteFrom('mails')
    .where('id', 'in', (eb) =>
      eb.selectFrom('mails').select('id').where('created_at', '<', before).where('state', '<>', 'queued').limit(limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
