import type { Ctx } from '../kernel/ctx.ts'
import { isDomainError } from '../kernel/errors.ts'
import type { PackageId } from '../kernel/values.ts'
import { findPackageById, selectUnbuilt, type Package } from '../packages/index.ts'
import { isCloneable } from './archives-built.ts'
import { storeArchive, type ArchiveTools } from './build-archive.ts'
import { recordArchives, type StoredArchive } from './record-archives.ts'
import { findSource } from './sources.sql.ts'

/** How many archives are built ahead of the first request after a package changed. */
const PREBUILT = 20

/**
 * Builds the archives that clients are likely to ask for next, the default branch and the newest releases, and records them
 * together, so that the package's metadata changes once. One that cannot be built is logged and left to whoever asks for it.
 */
export async function prebuildArchives(ctx: Ctx, packageId: PackageId, tools: ArchiveTools): Promise<void> {
  const target = await findPackageById(ctx.db, packageId)
  if (target === null || (await isSwitchedOff(ctx, target))) {
    return
  }
  const unbuilt = await selectUnbuilt(ctx.db, packageId, PREBUILT)
  const references = [...new Set(unbuilt.map(({ reference }) => reference))]
  const stored: StoredArchive[] = []
  for (const reference of references) {
    const archive = await tryStore(ctx, { target, reference }, tools)
    if (archive !== null) {
      stored.push(archive)
    }
  }
  await tools.report.step('store')
  if (stored.length > 0) {
    await recordArchives(ctx, target, stored)
  }
}

async function isSwitchedOff(ctx: Ctx, target: Package): Promise<boolean> {
  return !ctx.archives.enabled && isCloneable(await findSource(ctx.db, target.source))
}

async function tryStore(
  ctx: Ctx,
  wanted: { target: Package; reference: string },
  tools: ArchiveTools,
): Promise<StoredArchive | null> {
  try {
    return await storeArchive(ctx, wanted, tools)
  } catch (error) {
    if (!isDomainError(error)) {
      throw error
    }
    tools.report.log('warning', `The archive of ${wanted.reference} was not built: ${error.message}`)
    return null
  }
}
