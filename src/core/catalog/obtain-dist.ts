import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { BlobLocation } from '../kernel/ports.ts'
import { findDistByPrefix, requestArchive, type Package } from '../packages/index.ts'
import type { Audience } from './audience.ts'
import { getVisiblePackage } from './find-package.ts'

/** How long a request waits for an archive to be built, in milliseconds; Composer itself waits longer. */
const BUILD_TIMEOUT = 120_000

/** An archive that can be sent. */
export interface ObtainedDist {
  package: Package
  reference: string
  location: BlobLocation
}

/**
 * The archive of a package at a reference: a commit id in full or abbreviated, published now, earlier, or never (CO-071, CO-074). One that
 * was not built, or whose blob got lost, is built while the caller waits; all who ask for the same wait for one job
 * (CO-085). Throws `package_not_found`, `dist_not_found`, and `archive_failed` or `archive_too_large` when it cannot be built.
 */
export async function obtainDist(
  ctx: Ctx,
  audience: Audience,
  input: { name: string; reference: string },
): Promise<ObtainedDist> {
  const target = await getVisiblePackage(ctx, audience, input.name)
  const ready = await findReady(ctx, target, input.reference)
  if (ready !== null) {
    return ready
  }
  const job = await requestArchive(ctx, { package: target, reference: input.reference })
  if (job === null) {
    throw new DomainError('dist_not_found')
  }
  const outcome = await ctx.jobs.wait(job, BUILD_TIMEOUT)
  const built = await findReady(ctx, target, input.reference)
  if (built !== null) {
    return built
  }
  if (outcome.kind === 'failed' && outcome.code === 'dist_not_found') {
    throw new DomainError('dist_not_found')
  }
  throw new DomainError('archive_failed')
}

async function findReady(ctx: Ctx, target: Package, reference: string): Promise<ObtainedDist | null> {
  const dist = await findDistByPrefix(ctx.db, target.id, reference)
  if (dist === null || dist.sha256 === null) {
    return null
  }
  const location = await ctx.blobs.locate(dist.sha256)
  return location === null ? null : { package: target, reference: dist.reference, location }
}
