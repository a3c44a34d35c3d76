import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { JobReport } from '../kernel/jobs.ts'
import { findPackageById } from '../packages/index.ts'
import { recordFetchRun } from './record-run.ts'
import { recordArchives } from './record-archives.ts'
import { recordFetched, selectUnfetched } from './custom-sources.sql.ts'
import { storeCustomArchive } from './fetch-custom-archive.ts'
import type { Source } from './sources.sql.ts'

/** What a run fetched; `failed` archives are tried again with the job, or when somebody asks for them. */
export interface CustomSync {
  fetched: number
  failed: number
}

/**
 * Fetches the archives of a custom source that metadata shows and that are not there yet, one after the other, each recorded at once, so that
 * a run that was cut off goes on where it ended. After all were tried throws the failure of one of them, rather one that another try may mend.
 */
export async function syncCustomSource(ctx: Ctx, source: Source, report: JobReport): Promise<CustomSync> {
  const unfetched = await selectUnfetched(ctx.db, source.id)
  await report.step('fetch', unfetched.length)
  const failures: DomainError[] = []
  for (const [index, wanted] of unfetched.entries()) {
    const failure = await fetchOne(ctx, source, wanted)
    if (failure !== null) {
      failures.push(failure.error)
      report.log('error', `The archive of ${failure.name} (${wanted.reference}) is missing: ${failure.error.message}`)
    }
    report.progress(index + 1)
  }
  const [failure] = failures.toSorted((left, right) => Number(right.kind === 'upstream') - Number(left.kind === 'upstream'))
  if (failure !== undefined) {
    throw failure
  }
  await ctx.transaction(async (tx) => {
    if (!(await recordFetched(tx.db, source.id, tx.now))) {
      throw new DomainError('source_not_found')
    }
    await recordFetchRun(ctx, tx, source, unfetched.length)
    const { organization, id } = source
    await tx.record({ type: 'source.synced', organization, source: id, versions: unfetched.length, skipped: 0 })
  })
  report.log('info', `${unfetched.length} archives fetched.`)
  return { fetched: unfetched.length, failed: 0 }
}

type Wanted = Awaited<ReturnType<typeof selectUnfetched>>[number]

async function fetchOne(ctx: Ctx, source: Source, wanted: Wanted): Promise<{ name: string; error: DomainError } | null> {
  const target = await findPackageById(ctx.db, wanted.package)
  if (target === null) {
    return null
  }
  try {
    const stored = await storeCustomArchive(ctx, { source, target, reference: wanted.reference })
    if (stored !== null && (await recordArchives(ctx, target, [stored])).length > 0) {
      throw new DomainError('archive_failed')
    }
    return null
  } catch (error) {
    if (!isDomainError(error) || error.kind === 'unavailable') {
      throw error
    }
    return { name: target.name, error }
  }
}
