import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { Instant, JobId, OrganizationId } from '../kernel/values.ts'
import { deletePackageIn, selectPackagesOfSource } from '../packages/index.ts'
import { deleteCredential, deleteSourceRow, lockSource, selectSyncRuns, type SyncRun } from '../sources/index.ts'
import { bumpRoot } from './bump-root.ts'
import { countOpenIncidents, markDismissed, selectIncidents, type MirrorIncident } from './incidents.sql.ts'
import type { Mirror } from './mirror.ts'
import { countMirrored, deleteValidators } from './mirrored-packages.sql.ts'
import { findMirrorByUid, selectMirrors } from './mirrors.sql.ts'
import { enqueueFetch, enqueueRefresh } from './refresh-jobs.ts'

/** A mirror with what is to be known of it at a glance. */
export interface DescribedMirror {
  mirror: Mirror
  packages: number
  /** Packages that could not be looked at lately. */
  failing: number
  /** Incidents that nobody dismissed. */
  incidents: number
  /** Until when its host is left alone, as far as this process knows; null when it is not. */
  pausedUntil: Instant | null
}

/** The mirrors of an organization in the order in which they are asked. */
export async function listMirrors(ctx: Ctx, organization: OrganizationId): Promise<DescribedMirror[]> {
  await authorize(ctx, 'mirror.list', organization)
  return describeAll(ctx, await selectMirrors(ctx.db, organization))
}

/** The mirror of an organization with that uid. Throws `mirror_not_found`. */
export async function getMirror(
  ctx: Ctx,
  { organization, uid }: { organization: OrganizationId; uid: string },
): Promise<DescribedMirror> {
  await authorize(ctx, 'mirror.list', organization)
  const mirror = await findMirrorByUid(ctx.db, organization, uid)
  const [described] = mirror === null ? [] : await describeAll(ctx, [mirror])
  if (described === undefined) {
    throw new DomainError('mirror_not_found')
  }
  return described
}

async function describeAll(ctx: Ctx, mirrors: readonly Mirror[]): Promise<DescribedMirror[]> {
  const ids = mirrors.map(({ id }) => id)
  const counts = await countMirrored(ctx.db, ids)
  const incidents = await countOpenIncidents(ctx.db, ids)
  const paused = ctx.upstreams.open()
  return mirrors.map((mirror) => ({
    mirror,
    packages: counts.get(mirror.id)?.packages ?? 0,
    failing: counts.get(mirror.id)?.failing ?? 0,
    incidents: incidents.get(mirror.id) ?? 0,
    pausedUntil: paused.get(new URL(mirror.url).origin) ?? null,
  }))
}

/** Asks for a refresh now. Returns the job that does it, which may have been waiting already. Throws `mirror_disabled`. */
export async function requestMirrorRefresh(ctx: Ctx, mirror: Mirror): Promise<JobId> {
  await authorize(ctx, 'mirror.refresh', mirror.organization)
  requireEnabled(mirror)
  return ctx.transaction(async (tx) => {
    await tx.record({ type: 'mirror.refresh-requested', organization: mirror.organization, source: mirror.id })
    return enqueueRefresh(tx, mirror, 'interactive')
  })
}

/** Throws `mirror_disabled`. */
export function requireEnabled({ behavior, name }: Mirror): void {
  if (behavior === 'disabled') {
    throw new DomainError('mirror_disabled', { name })
  }
}

/** The refreshes of a mirror that ended, newest first; the cursor is the id of the oldest one read. */
export async function listMirrorRuns(ctx: Ctx, mirror: Mirror, page: Page): Promise<Paged<SyncRun>> {
  await authorize(ctx, 'mirror.list', mirror.organization)
  return selectSyncRuns(ctx.db, mirror.id, page)
}

/** What an upstream did that must not pass unnoticed, newest first; with `isOpen` only what nobody dismissed. */
export async function listMirrorIncidents(
  ctx: Ctx,
  mirror: Mirror,
  input: { page: Page; isOpen: boolean },
): Promise<Paged<MirrorIncident>> {
  await authorize(ctx, 'mirror.list', mirror.organization)
  return selectIncidents(ctx.db, mirror.id, input)
}

/**
 * Says of an incident that it needs no attention until something else happens. A version that was kept back because of it is let pass, and its
 * package looked at again. Throws `incident_not_found`.
 */
export async function dismissMirrorIncident(ctx: Ctx, mirror: Mirror, uid: string): Promise<void> {
  const { organization, id } = mirror
  await authorize(ctx, 'mirror.change', organization)
  await ctx.transaction(async (tx) => {
    const dismissed = await markDismissed(tx.db, id, { uid, at: tx.now })
    if (dismissed === null) {
      throw new DomainError('incident_not_found')
    }
    const { kind, subject } = dismissed
    await tx.record({ type: 'mirror.incident-dismissed', organization, source: id, kind, subject })
    if (kind === 'suspect' && mirror.holdsSuspects && mirror.behavior !== 'disabled') {
      const name = subject.slice(0, subject.indexOf(' '))
      await deleteValidators(tx.db, id, name)
      await enqueueFetch(tx, mirror, { name, lane: 'background' })
    }
  })
}

const PACKAGES_PER_TRANSACTION = 100

/**
 * Removes a mirror. While it has packages, `mirror_has_packages` is thrown unless `packages` says that they go, too, with their archives: what
 * lock files refer to is gone then. To keep packages without asking the upstream, disable the mirror. Throws `mirror_not_found`.
 */
export async function removeMirror(ctx: Ctx, mirror: Mirror, { packages }: { packages: 'refuse' | 'delete' }): Promise<void> {
  const { organization, id, name, url } = mirror
  await authorize(ctx, 'mirror.remove', organization)
  if (packages === 'delete') {
    await deletePackages(ctx, mirror)
  }
  await ctx.transaction(async (tx) => {
    if (!(await lockSource(tx.db, id))) {
      throw new DomainError('mirror_not_found')
    }
    const left = (await selectPackagesOfSource(tx.db, id)).length
    if (left > 0) {
      throw new DomainError('mirror_has_packages', { name, packages: left })
    }
    await deleteSourceRow(tx.db, id)
    if (mirror.credential !== null) {
      await deleteCredential(tx.db, mirror.credential)
    }
    await bumpRoot(tx, organization)
    await tx.record({ type: 'mirror.removed', organization, source: id, name, url })
  })
}

/** Removes every package that was mirrored from an upstream, with its archives. Returns how many there were. */
export async function removeMirroredPackages(ctx: Ctx, mirror: Mirror): Promise<number> {
  await authorize(ctx, 'mirror.remove', mirror.organization)
  return deletePackages(ctx, mirror)
}

/** In several transactions, so that others can write in between; cut off, it is to be called again. */
async function deletePackages(ctx: Ctx, { id, organization }: Mirror): Promise<number> {
  let deleted = 0
  let packages: { id: Awaited<ReturnType<typeof selectPackagesOfSource>>[number]['id']; name: string }[]
  do {
    packages = (await selectPackagesOfSource(ctx.db, id)).slice(0, PACKAGES_PER_TRANSACTION)
    const some = packages
    await ctx.transaction(async (tx) => {
      for (const one of some) {
        await deletePackageIn(tx, { organization, ...one })
      }
      await tx.record({ type: 'mirror.packages-removed', organization, source: id, packages: some.length })
    })
    deleted += some.length
  } while (packages.length > 0)
  return deleted
}
