import type { Ctx } from '../kernel/ctx.ts'
import { deleteOrphanedReadmes, hasOrphanedReadmes } from './readmes.sql.ts'

/** Removes the texts of READMEs that no commit of any source has any more. */
export async function collectReadmes(ctx: Ctx): Promise<void> {
  if (!(await hasOrphanedReadmes(ctx.db))) {
    return
  }
  await ctx.transaction(async (tx) => {
    await tx.record({ type: 'readmes.collected', organization: null, readmes: await deleteOrphanedReadmes(tx.db) })
  })
}
