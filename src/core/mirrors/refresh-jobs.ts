import type { Tx } from '../kernel/ctx.ts'
import type { JobId } from '../kernel/values.ts'
import type { Mirror } from './mirror.ts'

const REFRESH_ATTEMPTS = 3
const FETCH_ATTEMPTS = 3

/** Enqueues a refresh of a mirror; one that waits already is enough, and only one runs at a time. */
export async function enqueueRefresh(
  tx: Tx,
  { id, organization }: Pick<Mirror, 'id' | 'organization'>,
  lane: 'interactive' | 'background',
): Promise<JobId> {
  return tx.enqueue({
    kind: 'mirror.refresh',
    payload: { source: id },
    organization,
    dedupeKey: `mirror.refresh:${id}`,
    lane,
    maxAttempts: lane === 'interactive' ? 1 : REFRESH_ATTEMPTS,
  })
}

/** Enqueues the mirroring of one package (its name in lower case), or another look at it. */
export async function enqueueFetch(
  tx: Tx,
  { id, organization }: Pick<Mirror, 'id' | 'organization'>,
  { name, lane }: { name: string; lane: 'interactive' | 'background' },
): Promise<JobId> {
  return tx.enqueue({
    kind: 'mirror.fetch',
    payload: { source: id, name },
    organization,
    dedupeKey: `mirror.fetch:${id}:${name}`,
    lane,
    // Who waits is told of a failure, rather than kept waiting for another try.
    maxAttempts: lane === 'interactive' ? 1 : FETCH_ATTEMPTS,
  })
}
