/**
 * Everything that a lock file installs is got beforehand, by a job that whoever asked can watch: packages that a mirror has are added, archives are
 * fetched or built. The job acts for the registry, so what it may touch is decided when it is asked for: names that the audience sees, for
 * those alone who may cause requests to upstreams.
 */
import { createHash } from 'node:crypto'
import { tryNormalizeVersion } from '../../composer/index.ts'
import type { Audience } from '../catalog/index.ts'
import { sees } from '../catalog/index.ts'
import { findJob, findJobByUid, findJobPayload, type Job } from '../jobs/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { LockPrefetch } from '../kernel/jobs.ts'
import { loadArchiveStates, type ArchiveState } from './check-lock.ts'
import { loadLockFacts, lockedReference } from './lock-facts.ts'
import type { LockedPackage } from './parse-lock-file.ts'

const KIND = 'lock.prefetch'
const ATTEMPTS = 3

/** A package whose archive was asked for. */
export type WantedArchive = LockPrefetch['packages'][number]

/** What came of it. */
export interface PrefetchedArchive extends WantedArchive {
  archive: ArchiveState
}

/** How far a job is; `packages` says what came of it once it has ended, as far as the audience sees it. */
export interface Prefetch {
  job: Job
  packages: PrefetchedArchive[] | null
}

/**
 * Has all archives of a lock file got that can be got; the same lock file is joined to the job that waits. Throws
 * `forbidden` for those who do not belong to the organization.
 */
export async function prefetchLock(ctx: Ctx, audience: Audience, locked: readonly LockedPackage[]): Promise<Job> {
  if (audience.origins !== 'all') {
    throw new DomainError('forbidden', { action: 'lock.prefetch' })
  }
  const organization = audience.organization.id
  const packages = locked
    .filter(({ name, dist }) => dist !== null && sees(audience, name))
    .map((one): WantedArchive => ({ name: one.name, version: one.version, reference: lockedReference(one) }))
  const digest = createHash('sha256').update(JSON.stringify(packages)).digest('hex')
  const id = await ctx.transaction(async (tx) => {
    await tx.record({ type: 'lock.prefetch-requested', organization, packages: packages.length })
    return tx.enqueue({
      kind: KIND,
      payload: { organization, packages, onlyOpen: audience.visible.teams !== null },
      organization,
      dedupeKey: `${KIND}:${organization}:${digest}`,
      lane: 'interactive',
      maxAttempts: ATTEMPTS,
    })
  })
  const job = await findJob(ctx.db, id)
  if (job === null) {
    throw new DomainError('job_not_found')
  }
  return job
}

/** A job of `prefetchLock` in this repository. Throws `job_not_found` for any other. */
export async function getPrefetch(ctx: Ctx, audience: Audience, uid: string): Promise<Prefetch> {
  const job = await findJobByUid(ctx.db, uid)
  if (job === null || job.kind !== KIND || job.organization !== audience.organization.id) {
    throw new DomainError('job_not_found')
  }
  if (job.state !== 'succeeded' && job.state !== 'failed') {
    return { job, packages: null }
  }
  const payload = JSON.parse((await findJobPayload(ctx.db, job.id)) ?? '{"packages":[]}') as LockPrefetch
  const wanted = payload.packages.filter(({ name }) => sees(audience, name))
  return { job, packages: await findOutcomes(ctx, audience, wanted) }
}

async function findOutcomes(ctx: Ctx, audience: Audience, wanted: readonly WantedArchive[]): Promise<PrefetchedArchive[]> {
  const locked = wanted.map(({ name, version, reference }) => ({
    name,
    normalized: tryNormalizeVersion(version),
    source: null,
    dist: { url: '', reference, shasum: null, preferred: [] },
  }))
  const facts = await loadLockFacts(ctx, audience, locked)
  const states = await loadArchiveStates(ctx, facts, locked)
  return wanted.map((one) => ({ ...one, archive: states.get(one.name) ?? 'unavailable' }))
}
