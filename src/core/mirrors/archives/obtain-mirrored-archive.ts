import type { Ctx } from '../../kernel/ctx.ts'
import { DomainError } from '../../kernel/errors.ts'
import { findDist } from '../../packages/index.ts'
import { recordArchives } from '../../sources/index.ts'
import { withLease, type LeasedWork } from '../upstream/index.ts'
import type { ArchiveKey } from './archive-problems.ts'
import { isStored, storeMirroredArchive } from './store-mirrored-archive.ts'

/**
 * Has the archive of a mirrored package fetched and recorded unless it is there, once however many ask, in whichever process (abuse 32). It is
 * done where it was asked for, without a job, and goes on when whoever asked first has left. Throws as `storeMirroredArchive`, and
 * `archive_failed` when other bytes were recorded meanwhile.
 */
export async function obtainMirroredArchive(ctx: Ctx, key: ArchiveKey): Promise<void> {
  const { target, reference } = key
  const name = `archive:${target.id}:${reference}`
  const leased: LeasedWork<true> = {
    work: async () => {
      const stored = await storeMirroredArchive(ctx, key)
      if (stored !== null && (await recordArchives(ctx, target, [stored])).length > 0) {
        throw new DomainError('archive_failed')
      }
      return true
    },
    isDone: async () => {
      const dist = await findDist(ctx.db, target.id, reference)
      return dist !== null && (await isStored(ctx, dist)) ? true : null
    },
    patience: ctx.limits.sourceDuration,
  }
  await ctx.upstreams.once(`obtain ${name}`, () => withLease(ctx, name, leased))
}
