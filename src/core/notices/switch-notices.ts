import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { isMuted, setMuted } from './notices.sql.ts'

/** Switches the mails that tell owners and admins of failing sources, moved tags, ending tokens and credentials, and hooks that were switched off. On by default. */
export async function switchNotices(ctx: Ctx, input: { organization: OrganizationId; on: boolean }): Promise<void> {
  const { organization, on } = input
  await authorize(ctx, 'notices.switch', organization)
  await ctx.transaction(async (tx) => {
    await setMuted(tx.db, organization, on ? null : { at: tx.now })
    await tx.record({ type: 'notices.switched', organization, on })
  })
}

/** Whether an organization gets such mails, if mail is configured. */
export async function areNoticesOn(ctx: Ctx, organization: OrganizationId): Promise<boolean> {
  await authorize(ctx, 'notices.switch', organization)
  return !(await isMuted(ctx.db, organization))
}
