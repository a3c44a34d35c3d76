import { authorize } from '../../access/index.ts'
import type { Ctx } from '../../kernel/ctx.ts'
import { invalidInput, isDomainError } from '../../kernel/errors.ts'
import { eachAtOnce } from '../../kernel/each-at-once.ts'
import type { JobReport } from '../../kernel/jobs.ts'
import type { JobId, SourceId } from '../../kernel/values.ts'
import { findPackageById } from '../../packages/index.ts'
import { insertSyncRun, lockForDelivery, NO_COUNTS, selectUnfetched } from '../../sources/index.ts'
import type { Mirror } from '../mirror.ts'
import { findMirror } from '../mirrors.sql.ts'

import { obtainMirroredArchive } from './obtain-mirrored-archive.ts'

/** Archives that one job fetches at the same time. */
const AT_ONCE = 4
const ATTEMPTS = 3
const NAMED_FAILURES = 20

/** What a job fetched, and what it could not (PR-703). */
export interface PrefetchedArchives {
  fetched: number
  failed: { name: string; reference: string; problem: string }[]
}

/**
 * Has every archive of a mirror fetched that metadata shows, so that its packages can be installed without the upstream. Returns the job. Throws
 * `invalid_input` for a mirror whose archives are not kept here.
 */
export async function requestMirrorArchives(ctx: Ctx, { id, organization, keepsArchives }: Mirror): Promise<JobId> {
  await authorize(ctx, 'mirror.refresh', organization)
  if (!keepsArchives) {
    throw invalidInput('mirror', 'its archives are not kept here')
  }
  return ctx.transaction(async (tx) => {
    await tx.record({ type: 'mirror.archives-requested', organization, source: id })
    return tx.enqueue({
      kind: 'archives.prefetch',
      payload: { source: id },
      organization,
      dedupeKey: `archives.prefetch:${id}`,
      lane: 'background',
      maxAttempts: ATTEMPTS,
    })
  })
}

/**
 * Fetches the archives of a mirror that metadata shows and that are not there yet. One that cannot be fetched is reported, also in the mirror's log, and
 * left to whoever asks for it. Throws `storage_unavailable`, because nothing more can be kept then.
 */
export async function prefetchArchives(ctx: Ctx, source: SourceId, report: JobReport): Promise<PrefetchedArchives> {
  const result = await fetchAll(ctx, source, report)
  report.log('info', `${result.fetched} archives fetched, ${result.failed.length} failed.`)
  const mirror = await findMirror(ctx.db, source)
  if (mirror !== null && result.fetched + result.failed.length > 0) {
    await recordRun(ctx, mirror, result)
  }
  return result
}

async function fetchAll(ctx: Ctx, source: SourceId, report: JobReport): Promise<PrefetchedArchives> {
  const wanted = await selectUnfetched(ctx.db, source)
  await report.step('archives', wanted.length)
  const result: PrefetchedArchives = { fetched: 0, failed: [] }
  let done = 0
  await eachAtOnce(wanted, AT_ONCE, async ({ package: id, reference }) => {
    const target = await findPackageById(ctx.db, id)
    if (target !== null) {
      try {
        await obtainMirroredArchive(ctx, { target, reference })
        result.fetched += 1
      } catch (error) {
        if (!isDomainError(error) || error.code === 'storage_unavailable') {
          throw error
        }
        result.failed.push({ name: target.name, reference, problem: error.message })
        report.log('error', `The archive of ${target.name} (${reference}) is missing: ${error.message}`)
      }
    }
    done += 1
    report.progress(done)
  })
  return result
}

async function recordRun(ctx: Ctx, { id, organization }: Mirror, { fetched, failed }: PrefetchedArchives): Promise<void> {
  const named = failed.slice(0, NAMED_FAILURES).map(({ name, reference, problem }) => `${name} (${reference}): ${problem}`)
  await ctx.transaction(async (tx) => {
    await tx.record({ type: 'mirror.archives-fetched', organization, source: id, fetched, failed: failed.length })
    if (await lockForDelivery(tx.db, id, null)) {
      await insertSyncRun(tx.db, {
        ...NO_COUNTS,
        uid: tx.newId(),
        source: id,
        state: fetched === 0 ? 'failed' : 'success',
        startedAt: ctx.now,
        completedAt: ctx.clock.now(),
        errorCode: failed.length === 0 ? null : 'archive_failed',
        error: named.length === 0 ? null : named.join(' '),
        updated: fetched,
        failed: failed.length,
        details: null,
      })
    }
  })
}
