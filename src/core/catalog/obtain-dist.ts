import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { BlobLocation } from '../kernel/ports.ts'
import type { ArchiveFormat } from '../../composer/index.ts'
import { findDistByPrefix, requestArchive, type Package } from '../packages/index.ts'
import { findSource, findUpstream, isCloneable } from '../sources/index.ts'
import type { Audience } from './audience.ts'
import { getVisiblePackage } from './find-package.ts'
import type { UnknownReferences } from './unknown-references.ts'

/** How long a request waits for an archive to be built, in milliseconds; Composer itself waits longer. */
const BUILD_TIMEOUT = 120_000

/** An archive that can be sent. */
export interface ObtainedDist {
  package: Package
  reference: string
  format: ArchiveFormat
  location: BlobLocation
}

/**
 * The archive of a package at a reference: a commit id in full or abbreviated, published now, earlier, or never (CO-071, CO-074). One that
 * was not built, or whose blob got lost, is built while the caller waits; all who ask for the same wait for one job
 * (CO-085); an upload that got lost stays lost until it is uploaded again. Throws `package_not_found`, `dist_not_found`,
 * `request_limited` for who guesses commits, and `archive_failed` when it cannot be built.
 */
export async function obtainDist(
  ctx: Ctx,
  audience: Audience,
  input: { name: string; reference: string; unknown: UnknownReferences },
): Promise<ObtainedDist> {
  const target = await getVisiblePackage(ctx, audience, input.name)
  const ready = await findReady(ctx, target, input.reference)
  if (ready !== null) {
    return ready
  }
  await requireBuildable(ctx, target, input.reference)
  const asked = {
    package: target.id,
    reference: input.reference,
    token: ctx.actor.kind === 'token' ? ctx.actor.token : null,
    at: ctx.now,
  }
  if ((await findDistByPrefix(ctx.db, target.id, input.reference)) === null) {
    input.unknown.requireUntried(asked)
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
    input.unknown.note(asked)
    throw new DomainError('dist_not_found')
  }
  throw new DomainError('archive_failed')
}

/**
 * What was uploaded cannot be built: it is there, it got lost, or it never was. What was defined is known, or it is nothing. Where archives
 * are switched off none is built any more (PR-607).
 */
async function requireBuildable(ctx: Ctx, target: Package, reference: string): Promise<void> {
  const source = await findSource(ctx.db, target.source)
  const kind = source?.kind
  if (!ctx.archives.enabled && isCloneable(source)) {
    throw new DomainError('dist_not_found')
  }
  if (kind !== 'artifact' && kind !== 'custom') {
    return
  }
  const lost = await findDistByPrefix(ctx.db, target.id, reference)
  if (lost === null) {
    throw new DomainError('dist_not_found')
  }
  if (kind === 'custom') {
    return requireDefined(ctx, target, lost.reference)
  }
  ctx.log.error('The stored bytes of an uploaded archive are lost; upload the same file again to bring it back.', {
    package: target.name,
    reference: lost.reference,
  })
  throw new DomainError('archive_failed')
}

/** A custom version that has a source and nothing else. */
async function requireDefined(ctx: Ctx, target: Package, reference: string): Promise<void> {
  if ((await findUpstream(ctx.db, target.id, reference)) === null) {
    throw new DomainError('dist_not_found')
  }
}

async function findReady(ctx: Ctx, target: Package, reference: string): Promise<ObtainedDist | null> {
  const dist = await findDistByPrefix(ctx.db, target.id, reference)
  if (dist === null || dist.sha256 === null) {
    return null
  }
  const location = await ctx.blobs.locate(dist.sha256)
  return location === null ? null : { package: target, reference: dist.reference, format: dist.format, location }
}
