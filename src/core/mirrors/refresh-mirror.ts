/**
 * Jobs that keep mirrors up to date. A refresh reads the root file, then what the upstream's feed of changes names, or without one every known
 * package, conditionally. Each package is recorded by itself, so a refresh may be cut off anywhere and goes on with those that were looked at
 * longest ago; the failure of one is noted with it and stops no other. What was mirrored stays as it is when an upstream fails.
 */
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { JobReport } from '../kernel/jobs.ts'
import type { SourceId } from '../kernel/values.ts'
import { findReservation } from './protect-names.ts'
import type { Mirror } from './mirror.ts'
import { findMirror } from './mirrors.sql.ts'
import { planNames, type RefreshPlan } from './plan-refresh.ts'
import { readRoot, type ReadRoot } from './read-root.ts'
import { LARGEST_DOCUMENT, refreshPackage } from './refresh-package.ts'
import { refreshPackages } from './refresh-packages.ts'
import { recordFailure, recordRefresh } from './record-refresh.ts'

/**
 * Brings a mirror up to date. Throws the `DomainError` that explains why the upstream could not be read, after writing it to the mirror. Does
 * nothing when the mirror is gone or disabled.
 */
export async function refreshMirror(ctx: Ctx, id: SourceId, report: JobReport): Promise<void> {
  const mirror = await findMirror(ctx.db, id)
  if (mirror === null || mirror.behavior === 'disabled') {
    report.log('info', 'The mirror is gone or disabled; there is nothing to do.')
    return
  }
  try {
    await report.step('root')
    const read = await readForRefresh(ctx, mirror)
    const plan = await planNames(ctx, read)
    const outcome = await refreshPackages(ctx, { mirror: read.mirror, plan, report })
    await recordRefresh(ctx, { mirror: read.mirror, plan, outcome })
    logOutcome(report, plan, outcome.failures.length)
  } catch (error) {
    if (isDomainError(error) && error.code !== 'mirror_not_found') {
      await recordFailure(ctx, mirror, error)
    }
    throw error
  }
}

/** Between two complete looks a feed of changes is enough. */
const ROOT_LASTS = 4 * 3_600_000

async function readForRefresh(ctx: Ctx, mirror: Mirror): Promise<ReadRoot> {
  const isFollowed = mirror.root?.changesUrl !== null && mirror.feedSince !== null && mirror.failingSince === null
  const isRecent = mirror.rootCheckedAt !== null && mirror.rootCheckedAt + ROOT_LASTS > ctx.now
  if (mirror.root !== null && isFollowed && isRecent) {
    return { mirror: { ...mirror, root: mirror.root }, file: null }
  }
  // What an upstream lists is in the file itself, so it is needed even if it did not change.
  return readRoot(ctx, mirror.takesAll ? { ...mirror, rootModified: null, rootEtag: null } : mirror)
}

function logOutcome(report: JobReport, plan: RefreshPlan, failed: number): void {
  report.log('info', `${plan.names.length} packages were looked at, ${failed} could not be read.`)
}

/**
 * Mirrors one package, or looks at it again. Throws what kept the upstream from answering; `package_not_found` when it does not have the
 * package, `package_taken` when the organization has it from elsewhere, `package_reserved`.
 */
export async function fetchMirroredPackage(
  ctx: Ctx,
  { source, name }: { source: SourceId; name: string },
  report: JobReport,
): Promise<void> {
  const found = await findMirror(ctx.db, source)
  if (found === null || found.behavior === 'disabled') {
    report.log('info', 'The mirror is gone or disabled; there is nothing to do.')
    return
  }
  const pattern = await findReservation(ctx.db, found.organization, name)
  if (pattern !== null) {
    throw new DomainError('package_reserved', { name, pattern })
  }
  const mirror = found.root === null ? (await readRoot(ctx, found)).mirror : found
  const refreshed = await refreshPackage(ctx, mirror, { name, maxBytes: LARGEST_DOCUMENT })
  if (refreshed.kind === 'absent') {
    throw new DomainError('package_not_found')
  }
  if (refreshed.kind === 'refused') {
    throw new DomainError('package_taken', { name })
  }
  report.log('info', `${name}: ${refreshed.kind}`)
}
