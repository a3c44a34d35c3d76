import { sql } from 'kysely'
import type { Db, NoticesTable } from '../kernel/schema.ts'
import type { Instant, NoticeId, OrganizationId } from '../kernel/values.ts'

/** What a notice is about. */
export type NoticeKind = NoticesTable['kind']

/** What administrators are to be told. */
export interface Notice {
  id: NoticeId
  kind: NoticeKind
  subject: string
}

/** Names a notice: there is one of each at a time. */
export interface NoticeKey {
  organization: OrganizationId
  kind: NoticeKind
  subject: string
}

/** Notes what is to be told, unless it is noted already or was told. True when it is new. */
export async function insertNotice(db: Db, notice: NoticeKey, now: Instant): Promise<boolean> {
  const row = await db
    .insertInto('notices')
    .values({
      organization_id: notice.organization,
      kind: notice.kind,
      subject: notice.subject,
      created_at: now,
      sent_at: null,
    })
    .onConflict((conflict) => conflict.columns(['organization_id', 'kind', 'subject']).doNothing())
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** Forgets a notice. `told` says whether it had been sent; `absent` that there was none. */
export async function deleteNotice(db: Db, notice: NoticeKey): Promise<'absent' | 'untold' | 'told'> {
  const row = await db
    .deleteFrom('notices')
    .where('organization_id', '=', notice.organization)
    .where('kind', '=', notice.kind)
    .where('subject', '=', notice.subject)
    .returning('sent_at')
    .executeTakeFirst()
  if (row === undefined) {
    return 'absent'
  }
  return row.sent_at === null ? 'untold' : 'told'
}

/** What an organization has not been told yet, oldest first. */
export async function selectUntold(db: Db, organization: OrganizationId, limit: number): Promise<Notice[]> {
  return db
    .selectFrom('notices')
    .select(['id', 'kind', 'subject'])
    .where('organization_id', '=', organization)
    .where('sent_at', 'is', null)
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** Notes that these were told. */
export async function markTold(db: Db, ids: readonly NoticeId[], now: Instant): Promise<void> {
  await db.updateTable('notices').set({ sent_at: now }).where('id', 'in', ids).where('sent_at', 'is', null).execute()
}

/** Deletes what was told before `before` and is no state that may end. */
export async function deleteToldBefore(db: Db, before: Instant): Promise<number> {
  const result = await db
    .deleteFrom('notices')
    .where('sent_at', '<', before)
    .where('kind', 'not in', ['source_failing', 'credential_refused'])
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** Whether the organization wants no notices. */
export async function isMuted(db: Db, organization: OrganizationId): Promise<boolean> {
  const row = await db
    .selectFrom('notice_mutes')
    .select(sql.lit(1).as('one'))
    .where('organization_id', '=', organization)
    .executeTakeFirst()
  return row !== undefined
}

/** Switches the notices of an organization off or on. */
export async function setMuted(db: Db, organization: OrganizationId, muted: { at: Instant } | null): Promise<void> {
  if (muted === null) {
    await db.deleteFrom('notice_mutes').where('organization_id', '=', organization).execute()
    return
  }
  await db
    .insertInto('notice_mutes')
    .values({ organization_id: organization, created_at: muted.at })
    .onConflict((conflict) => conflict.column('organization_id').doNothing())
    .execute()
}
