import type { Ctx } from '../kernel/ctx.ts'
import { deleteExpiredLinks } from './account-links.sql.ts'
import { deleteEndedSessions } from './sessions.sql.ts'
import { IDLE_FOR } from './start-session.ts'

/** Deletes sessions, links and used challenges that are over. They had no effect any more. */
export async function purgeAccounts(ctx: Ctx): Promise<void> {
  await ctx.transaction(async (tx) => {
    const sessions = await deleteEndedSessions(tx.db, { now: tx.now, seenBefore: tx.now - IDLE_FOR })
    const links = await deleteExpiredLinks(tx.db, tx.now)
    await tx.record({ type: 'accounts.purged', organization: null, sessions, links })
  })
}
