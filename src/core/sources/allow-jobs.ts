import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { deleteAllowance, insertAllowance } from './job-allowances.sql.ts'
import type { Source } from './sources.sql.ts'

/**
 * Lets the jobs of one source download and publish packages of another by their tokens, as far as their people may, or lets them no
 * longer. Jobs of the source itself always may.
 */
export async function allowJobs(ctx: Ctx, input: { source: Source; jobsOf: Source; allowed: 'yes' | 'no' }): Promise<void> {
  const { source, jobsOf, allowed } = input
  await authorize(ctx, 'source.open', source.organization)
  await ctx.transaction(async (tx) => {
    const pair = { source: source.id, allowed: jobsOf.id }
    await (allowed === 'yes' ? insertAllowance : deleteAllowance)(tx.db, pair)
    await tx.record({
      type: 'source.jobs-allowed',
      organization: source.organization,
      source: source.id,
      jobsOf: jobsOf.id,
      allowed,
    })
  })
}
