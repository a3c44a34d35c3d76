import type { Tx } from '../kernel/ctx.ts'
import type { JobId } from '../kernel/values.ts'

/** Enqueues the comparison of packages with advisories; one that waits already is enough. */
export async function requestScan(tx: Tx): Promise<JobId> {
  return tx.enqueue({
    kind: 'advisories.scan',
    payload: {},
    organization: null,
    dedupeKey: 'advisories.scan',
    lane: 'background',
    maxAttempts: 3,
  })
}
