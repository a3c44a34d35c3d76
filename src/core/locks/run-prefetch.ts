import { requireUnblocked } from '../advisories/index.ts'
import { findVersionArchive } from '../catalog/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { eachAtOnce } from '../kernel/each-at-once.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { LockPrefetch } from '../kernel/jobs.ts'
import { findMirroredDist, obtainMirroredArchive, obtainMirroredPackage } from '../mirrors/index.ts'
import { findDist, findPackage, type Package } from '../packages/index.ts'
import { buildArchive, findSource, isCloneable, type ArchiveTools } from '../sources/index.ts'
import type { WantedArchive } from './prefetch-lock.ts'

/** Archives that one job gets at the same time. */
const AT_ONCE = 4

/**
 * Gets the archives that a lock file wants, one by one as a client's request would; what cannot be got is written to the job's log and does not stop
 * the rest. Does nothing for what is there, so it may run twice. Throws `storage_unavailable`, because nothing more can be kept then.
 */
export async function runLockPrefetch(ctx: Ctx, payload: LockPrefetch, tools: ArchiveTools): Promise<void> {
  const { packages } = payload
  const { report } = tools
  await report.step('archives', packages.length)
  const inner: ArchiveTools = { ...tools, report: { ...report, step: async () => {}, progress() {} } }
  let done = 0
  let failed = 0
  await eachAtOnce(packages, AT_ONCE, async (wanted) => {
    const problem = await tryOne(ctx, { payload, wanted, tools: inner })
    if (problem !== null) {
      failed += 1
      report.log('warning', `${wanted.name} ${wanted.version}: ${problem}`)
    }
    done += 1
    report.progress(done)
  })
  report.log('info', `${packages.length - failed} of ${packages.length} archives are there.`)
}

interface Getting {
  payload: LockPrefetch
  wanted: WantedArchive
  tools: ArchiveTools
}

async function tryOne(ctx: Ctx, getting: Getting): Promise<string | null> {
  try {
    await getOne(ctx, getting)
    return null
  } catch (error) {
    if (!isDomainError(error) || error.code === 'storage_unavailable') {
      throw error
    }
    return error.message
  }
}

async function getOne(ctx: Ctx, { payload, wanted, tools }: Getting): Promise<void> {
  const { organization, onlyOpen } = payload
  const { name, version } = wanted
  const known = await findPackage(ctx.db, organization, name)
  const target = known ?? (await obtainMirroredPackage(ctx, { organization, name, onlyOpen }))
  if (target === null) {
    throw new DomainError('package_not_found')
  }
  const asked = wanted.reference ?? (await findVersionArchive(ctx.db, target.id, version))?.reference
  if (asked === undefined) {
    throw new DomainError('dist_not_found')
  }
  const source = await findSource(ctx.db, target.source)
  const isMirrored = source?.kind === 'mirror'
  const reference = isMirrored ? (await findMirroredDist(ctx.db, target.id, asked))?.reference : asked
  if (reference === undefined) {
    throw new DomainError('dist_not_found')
  }
  await requireUnblocked(ctx.db, target, { reference, version })
  if (await isThere(ctx, target, reference)) {
    return
  }
  if (!ctx.archives.enabled && isCloneable(source)) {
    throw new DomainError('dist_not_found')
  }
  await (isMirrored
    ? obtainMirroredArchive(ctx, { target, reference })
    : buildArchive(ctx, { package: target.id, reference }, tools))
}

async function isThere(ctx: Ctx, { id }: Package, reference: string): Promise<boolean> {
  const sha256 = (await findDist(ctx.db, id, reference))?.sha256 ?? null
  return sha256 !== null && (await ctx.blobs.locate(sha256)) !== null
}
