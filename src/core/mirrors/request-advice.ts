import type { UpstreamRoot } from '../../composer/index.ts'
import type { Tx } from '../kernel/ctx.ts'

const ATTEMPTS = 3

/**
 * Has the advisories and the filter lists of an upstream read soon, where its root file names them for the first time or at another address. Until
 * then nothing is known against what is mirrored from there, and the next round would come minutes later. Other rounds that wait are joined.
 */
export async function requestAdvice(
  tx: Tx,
  { before, root }: { before: UpstreamRoot | null; root: UpstreamRoot },
): Promise<void> {
  const apiUrl = root.advisories?.apiUrl ?? null
  if (apiUrl !== null && apiUrl !== before?.advisories?.apiUrl) {
    await enqueueRound(tx, 'advisories.refresh')
  }
  const lists = describeLists(root)
  if (lists !== null && lists !== describeLists(before)) {
    await enqueueRound(tx, 'filters.refresh')
  }
}

/** Which filter lists a root file names, and where they are; null for none. */
function describeLists(root: UpstreamRoot | null): string | null {
  const filter = root?.filter ?? null
  return filter === null || filter.lists.length === 0 ? null : JSON.stringify([filter.lists, filter.summaryUrl, filter.apiUrl])
}

/** As the schedule enqueues it, so that the two are one. */
async function enqueueRound(tx: Tx, kind: 'advisories.refresh' | 'filters.refresh'): Promise<void> {
  await tx.enqueue({ kind, payload: {}, organization: null, dedupeKey: kind, lane: 'background', maxAttempts: ATTEMPTS })
}
