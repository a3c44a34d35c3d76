import type { Ctx } from '../kernel/ctx.ts'
import { isDomainError, type DomainError } from '../kernel/errors.ts'
import type { JobReport } from '../kernel/jobs.ts'
import type { PackageId } from '../kernel/values.ts'
import type { Mirror } from './mirror.ts'
import { findMirroredPackage, writeProblem, writeUnchanged } from './mirrored-packages.sql.ts'
import type { RefreshPlan } from './plan-refresh.ts'
import { LARGEST_DOCUMENT, refreshPackage } from './refresh-package.ts'

/** Packages that are asked for at once. */
const CONCURRENCY = 8
/** Packages that were found unchanged are written together. */
const UNCHANGED_PER_WRITE = 200
const LOGGED_FAILURES = 200

/** What a refresh came to: versions that were added, changed and hidden, packages that were not read, and why. */
export interface RefreshOutcome {
  added: number
  updated: number
  removed: number
  unchanged: number
  failures: { name: string; error: DomainError; isKnown: boolean }[]
}

interface Refreshing {
  mirror: Mirror
  report: JobReport
  outcome: RefreshOutcome
  unchanged: PackageId[]
}

/**
 * Looks at the packages of a plan, some at once. Failures of single packages are collected; when the upstream as a whole does not answer any
 * more the first such failure is thrown, and what was done stays.
 */
export async function refreshPackages(
  ctx: Ctx,
  { mirror, plan, report }: { mirror: Mirror; plan: RefreshPlan; report: JobReport },
): Promise<RefreshOutcome> {
  await report.step('packages', plan.names.length)
  const outcome: RefreshOutcome = { added: 0, updated: 0, removed: 0, unchanged: 0, failures: [] }
  const refreshing: Refreshing = { mirror, report, outcome, unchanged: [] }
  const waiting = plan.names.values()
  let done = 0
  async function work(): Promise<void> {
    for (const name of waiting) {
      await refreshOne(ctx, refreshing, name)
      done += 1
      report.progress(done)
    }
  }
  // Settled, not raced: nobody may still be writing when the job ends.
  const ended = await Promise.allSettled(Array.from({ length: CONCURRENCY }, work))
  await flushUnchanged(ctx, refreshing)
  const failed = ended.find((result) => result.status === 'rejected')
  if (failed !== undefined) {
    throw failed.reason
  }
  return outcome
}

async function refreshOne(ctx: Ctx, refreshing: Refreshing, name: string): Promise<void> {
  const { mirror, report, outcome, unchanged } = refreshing
  try {
    const refreshed = await refreshPackage(ctx, mirror, { name, maxBytes: LARGEST_DOCUMENT })
    if (refreshed.kind === 'recorded') {
      const { published, updated, removed } = refreshed.recorded.publication
      outcome.added += published
      outcome.updated += updated
      outcome.removed += removed
    }
    if (refreshed.kind === 'unchanged') {
      const known = await findMirroredPackage(ctx.db, mirror.id, name)
      unchanged.push(...(known === null ? [] : [known.id]))
      outcome.unchanged += 1
    }
    if (unchanged.length >= UNCHANGED_PER_WRITE) {
      await flushUnchanged(ctx, refreshing)
    }
  } catch (error) {
    // While the host is left alone, asking for the other packages would only count more failures.
    if (!isDomainError(error) || error.code === 'upstream_paused') {
      throw error
    }
    const isKnown = await noteProblem(ctx, mirror, { name, problem: error.message })
    outcome.failures.push({ name, error, isKnown })
    if (outcome.failures.length <= LOGGED_FAILURES) {
      report.log('error', `${name} could not be read: ${error.message}`)
    }
  }
}

async function flushUnchanged(ctx: Ctx, { mirror, unchanged }: Refreshing): Promise<void> {
  const ids = unchanged.splice(0)
  if (ids.length === 0) {
    return
  }
  await ctx.transaction(async (tx) => {
    await writeUnchanged(tx.db, ids, ctx.clock.now())
    await tx.record({ type: 'mirror.checked', organization: mirror.organization, source: mirror.id, packages: ids.length })
  })
}

/** Notes with a package why it could not be read. False when there is no such package yet. */
async function noteProblem(ctx: Ctx, mirror: Mirror, { name, problem }: { name: string; problem: string }): Promise<boolean> {
  const known = await findMirroredPackage(ctx.db, mirror.id, name)
  if (known === null || known.problem === problem) {
    return known !== null
  }
  await ctx.transaction(async (tx) => {
    await writeProblem(tx.db, known.id, { problem, at: ctx.clock.now() })
    await tx.record({
      type: 'package.upstream-failed',
      organization: mirror.organization,
      package: known.id,
      name,
      problem,
    })
  })
  return true
}
