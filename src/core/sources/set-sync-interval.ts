import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { authorizeSource } from './authorize-source.ts'
import { planNextSync } from './plan-next-sync.ts'
import { updateInterval } from './reconcile.sql.ts'
import type { Source } from './sources.sql.ts'

const SHORTEST = 60
const LONGEST = 30 * 24 * 60 * 60

/**
 * Sets how often the reconciler looks at a source: 60 seconds to 30 days, or null to leave it to the registry. Counted from the last
 * successful sync. Throws `invalid_input`, `source_not_found`.
 */
export async function setSyncInterval(ctx: Ctx, source: Source, seconds: number | null): Promise<void> {
  await authorizeSource(ctx, 'source.configure', source)
  if (seconds !== null && !(Number.isInteger(seconds) && seconds >= SHORTEST && seconds <= LONGEST)) {
    throw invalidInput('interval', 'give a minute to 30 days')
  }
  const nextSyncAt = planNextSync({ ...source, syncInterval: seconds }, source.syncedAt ?? source.createdAt)
  await ctx.transaction(async (tx) => {
    if (!(await updateInterval(tx.db, { id: source.id, seconds, nextSyncAt }))) {
      throw new DomainError('source_not_found')
    }
    await tx.record({ type: 'source.interval-changed', organization: source.organization, source: source.id, seconds })
  })
}
