import { compareVersions } from '../../composer/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { lockPackage, retireDists, selectArchivedVersions } from '../packages/index.ts'
import { selectBuildablePackages, type BuildablePackage } from './buildable-packages.sql.ts'

const DAY = 24 * 60 * 60 * 1000

/** What was built within this time is kept: somebody just asked for it. */
const REST = 7 * DAY

const BATCH = 200

/**
 * Lets go of the built archives of releases beyond the newest that the configuration keeps (PR-614). Only of repositories, whose archives can
 * be built again with the same bytes: versions, their URLs and checksums stay, and the next request builds what is missing. Branches and what is
 * also the archive of a newer release are kept. The bytes themselves are collected like all that nobody refers to.
 */
export async function retireArchives(ctx: Ctx): Promise<void> {
  if (ctx.archives.keepReleases === 0) {
    return
  }
  let packages: BuildablePackage[] = []
  do {
    packages = await selectBuildablePackages(ctx.db, packages.at(-1)?.id ?? 0, BATCH)
    for (const one of packages) {
      await retireOf(ctx, one)
    }
  } while (packages.length > 0)
}

async function retireOf(ctx: Ctx, { id, name, organization }: BuildablePackage): Promise<void> {
  const versions = await selectArchivedVersions(ctx.db, id)
  const releases = versions
    .filter(({ stability }) => stability !== 'dev')
    .toSorted((left, right) => compareVersions(right.normalized, left.normalized))
  const old = releases.slice(ctx.archives.keepReleases).filter(({ builtAt }) => builtAt !== null && builtAt < ctx.now - REST)
  const kept = new Set(versions.filter((version) => !old.includes(version)).map(({ dist }) => dist))
  const retired = [...new Set(old.map(({ dist }) => dist))].filter((dist) => !kept.has(dist))
  if (retired.length === 0) {
    return
  }
  await ctx.transaction(async (tx) => {
    await lockPackage(tx.db, id)
    await retireDists(tx.db, retired, tx.now)
    await tx.record({ type: 'dists.retired', organization, package: id, name, archives: retired.length })
  })
}
