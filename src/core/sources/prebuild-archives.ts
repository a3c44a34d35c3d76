import type { Ctx } from '../kernel/ctx.ts'
import { isDomainError } from '../kernel/errors.ts'
import type { PackageId } from '../kernel/values.ts'
import { selectUnbuilt } from '../packages/index.ts'
import { buildArchive, type ArchiveTools } from './build-archive.ts'

/** How many archives are built ahead of the first request after a package changed. */
const PREBUILT = 20

/**
 * Builds the archives that clients are likely to ask for next: the default branch and the newest releases. One that cannot be
 * built is logged and left to whoever asks for it.
 */
export async function prebuildArchives(ctx: Ctx, packageId: PackageId, tools: ArchiveTools): Promise<void> {
  const unbuilt = await selectUnbuilt(ctx.db, packageId, PREBUILT)
  for (const { reference, normalized } of unbuilt) {
    try {
      await buildArchive(ctx, { package: packageId, reference }, tools)
    } catch (error) {
      if (!isDomainError(error)) {
        throw error
      }
      tools.report.log('warning', `The archive of ${normalized} was not built: ${error.message}`)
    }
  }
}
