import type { Ctx, Tx } from '../../kernel/ctx.ts'
import { DomainError } from '../../kernel/errors.ts'
import { findDist, type Dist, type Package } from '../../packages/index.ts'
import { logDiffering, recordArchivesWithin, type StoredArchive } from '../../sources/index.ts'
import { gatherWork } from '../gather-work.ts'
import { withLease, type LeasedWork } from '../upstream/index.ts'
import type { ArchiveKey } from './archive-problems.ts'
import { isStored, storeMirroredArchive } from './store-mirrored-archive.ts'

interface Recording {
  target: Package
  stored: StoredArchive
}

const record = gatherWork(recordTogether)

/**
 * Has the archive of a mirrored package fetched and recorded unless it is there, once however many ask, in whichever process (abuse 32), and returns
 * what is there of it then. It is done where it was asked for, without a job, and goes on when whoever asked first has left. Throws as
 * `storeMirroredArchive`, and `archive_failed` when other bytes were recorded meanwhile.
 */
export async function obtainMirroredArchive(ctx: Ctx, key: ArchiveKey): Promise<Pick<Dist, 'sha256' | 'format'>> {
  const { target, reference } = key
  const name = `archive:${target.id}:${reference}`
  // What is looked at last before the work begins.
  let missing: Dist | null = null
  const leased: LeasedWork<Pick<Dist, 'sha256' | 'format'>> = {
    work: () => fetchArchive(ctx, key, missing),
    isDone: async () => {
      const dist = await findDist(ctx.db, target.id, reference)
      missing = dist
      return dist !== null && (await isStored(ctx, dist)) ? dist : null
    },
    patience: ctx.limits.sourceDuration,
  }
  return ctx.upstreams.once(`obtain ${name}`, () => withLease(ctx, name, leased))
}

async function fetchArchive(ctx: Ctx, key: ArchiveKey, missing: Dist | null): Promise<Pick<Dist, 'sha256' | 'format'>> {
  const { target, reference } = key
  const stored = await storeMirroredArchive(ctx, key, missing)
  if (stored === null) {
    const dist = await findDist(ctx.db, target.id, reference)
    if (dist === null) {
      throw new DomainError('dist_not_found')
    }
    return dist
  }
  const differing = await record(ctx, String(target.organization), { target, stored })
  if (differing.length > 0) {
    logDiffering(ctx, target, differing)
    throw new DomainError('archive_failed')
  }
  return { sha256: stored.blob.sha256, format: stored.format ?? 'zip' }
}

/** Composer downloads a dozen archives at once, each of another package as a rule. */
async function recordTogether(
  tx: Tx,
  some: readonly [Recording, ...Recording[]],
): Promise<readonly (readonly StoredArchive[])[]> {
  const differing = new Map<Recording, readonly StoredArchive[]>()
  // In one order everywhere: two processes that record the same packages or archives of them must not wait for each other in a circle.
  for (const one of some.toSorted((left, right) => (left.target.name < right.target.name ? -1 : 1))) {
    differing.set(one, await recordArchivesWithin(tx, one.target, [one.stored]))
  }
  return some.map((one) => differing.get(one) ?? [])
}
