import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { BlobLocation } from '../kernel/ports.ts'
import type { ArchiveFormat } from '../../composer/index.ts'
import { requireUnblocked } from '../advisories/index.ts'
import { findMirroredDist, obtainMirroredArchive } from '../mirrors/index.ts'
import { findDistByPrefix, requestArchive, type Dist, type Package } from '../packages/index.ts'
import { findSource, findUpstream, isCloneable, type Source } from '../sources/index.ts'
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

/** An archive that somebody asks for. `version` is what it was called where it was found, if that is known. */
export interface WantedDist {
  name: string
  version?: string | null
  reference: string
  unknown: UnknownReferences
}

/**
 * The archive of a package at a reference: a commit id in full or abbreviated, published now, earlier, or never (CO-071, CO-074). One that
 * was not built, or whose blob got lost, is built while the caller waits; all who ask for the same wait for one job
 * (CO-085); an upload that got lost stays lost until it is uploaded again. That of a mirrored package is fetched, for those who belong to
 * the organization. Throws `package_not_found`, `dist_not_found`, `package_blocked`, `request_limited` for who guesses commits,
 * `archive_failed` when it cannot be built, and as `obtainMirroredArchive`.
 */
export async function obtainDist(ctx: Ctx, audience: Audience, input: WantedDist): Promise<ObtainedDist> {
  const target = await getVisiblePackage(ctx, audience, input.name)
  const source = await findSource(ctx.db, target.source)
  if (source?.kind === 'mirror') {
    return obtainMirrored(ctx, audience, { target, input })
  }
  await requireHandedOut(ctx, target, input)
  return (await findReady(ctx, target, input.reference)) ?? obtainBuilt(ctx, { target, source }, input)
}

/** Throws `package_blocked` for what the organization, or a list of malware, keeps back; abbreviations are no way around. */
async function requireHandedOut(ctx: Ctx, target: Package, { version = null, reference: asked }: WantedDist): Promise<void> {
  const reference = (await findDistByPrefix(ctx.db, target.id, asked))?.reference ?? asked
  await requireUnblocked(ctx.db, target, { reference, version })
}

/** An upstream has no archives but those that it named, and is asked by nobody from outside. */
async function obtainMirrored(
  ctx: Ctx,
  audience: Audience,
  { target, input }: { target: Package; input: WantedDist },
): Promise<ObtainedDist> {
  const dist = await findMirroredDist(ctx.db, target.id, input.reference)
  if (dist === null) {
    throw new DomainError('dist_not_found')
  }
  const { reference } = dist
  await requireUnblocked(ctx.db, target, { reference, version: input.version ?? null })
  const ready = await locate(ctx, target, dist)
  if (ready !== null) {
    return ready
  }
  if (audience.origins !== 'all') {
    throw new DomainError('dist_not_found')
  }
  const obtained = await obtainMirroredArchive(ctx, { target, reference })
  const fetched = await locate(ctx, target, { ...obtained, reference })
  if (fetched === null) {
    throw new DomainError('archive_failed')
  }
  return fetched
}

async function obtainBuilt(
  ctx: Ctx,
  { target, source }: { target: Package; source: Source | null },
  { reference, unknown }: WantedDist,
): Promise<ObtainedDist> {
  await requireBuildable(ctx, { target, source }, reference)
  const asked = {
    package: target.id,
    reference,
    token: ctx.actor.kind === 'token' ? ctx.actor.token : null,
    at: ctx.now,
  }
  if ((await findDistByPrefix(ctx.db, target.id, reference)) === null) {
    unknown.requireUntried(asked)
  }
  const job = await requestArchive(ctx, { package: target, reference })
  if (job === null) {
    throw new DomainError('dist_not_found')
  }
  const outcome = await ctx.jobs.wait(job, BUILD_TIMEOUT)
  const built = await findReady(ctx, target, reference)
  if (built !== null) {
    return built
  }
  if (outcome.kind === 'failed' && outcome.code === 'dist_not_found') {
    unknown.note(asked)
    throw new DomainError('dist_not_found')
  }
  throw new DomainError('archive_failed')
}

/**
 * What was uploaded cannot be built: it is there, it got lost, or it never was. What was defined is known, or it is nothing. Where archives
 * are switched off none is built any more (PR-607).
 */
async function requireBuildable(
  ctx: Ctx,
  { target, source }: { target: Package; source: Source | null },
  reference: string,
): Promise<void> {
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
  return dist === null ? null : locate(ctx, target, dist)
}

async function locate(
  ctx: Ctx,
  target: Package,
  dist: Pick<Dist, 'reference' | 'sha256' | 'format'>,
): Promise<ObtainedDist | null> {
  if (dist.sha256 === null) {
    return null
  }
  const location = await ctx.blobs.locate(dist.sha256)
  return location === null ? null : { package: target, reference: dist.reference, format: dist.format, location }
}
