import type { Tx } from '../kernel/ctx.ts'
import { toSeconds, type Instant } from '../kernel/values.ts'
import { bumpAllOrganizations } from '../organizations/index.ts'
import { bumpAllPackages } from '../packages/index.ts'
import { getFeedHealth } from './feed-health.ts'

/** A time in seconds above that of documents which became stale until now; theirs is rounded up. */
export function afterStale(now: Instant): number {
  return toSeconds(now) + 2
}

/**
 * Called in the transaction that writes a complete answer of the installation's feed or of an import, before that is written. Where nothing could be
 * vouched for, every root and metadata file says something else from now on, so that all clocks move (CO-041).
 */
export async function moveRecovered(tx: Tx, advisoryFeed: string | null): Promise<void> {
  const { state } = await getFeedHealth({ db: tx.db, now: tx.now, advisoryFeed })
  if (state !== 'fresh') {
    await bumpAllOrganizations(tx.db, afterStale(tx.now))
    await bumpAllPackages(tx.db, afterStale(tx.now))
  }
}
