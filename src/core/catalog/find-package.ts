import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { PackageId } from '../kernel/values.ts'
import { findPackage, selectPackageIds, type Package } from '../packages/index.ts'
import { sees, type Audience } from './audience.ts'
import { selectProviders } from './listing.sql.ts'

/** The package of that name as far as the audience sees it. Throws `package_not_found` for what it may not see, too (CO-024). */
export async function getVisiblePackage(ctx: Pick<Ctx, 'db'>, audience: Audience, name: string): Promise<Package> {
  const found = sees(audience, name) ? await findPackage(ctx.db, audience.organization.id, name) : null
  if (found === null) {
    throw new DomainError('package_not_found')
  }
  return found
}

/** Of these names (lower case) the packages that exist and that the audience sees, with their ids. */
export async function findVisiblePackages(
  ctx: Pick<Ctx, 'db'>,
  audience: Audience,
  names: readonly string[],
): Promise<Map<string, PackageId>> {
  const visible = [...new Set(names)].filter((name) => sees(audience, name))
  return selectPackageIds(ctx.db, audience.organization.id, visible)
}

/**
 * The package of that name and those that provide it, as far as the audience sees them, that of the name first. What packages replace is not
 * known here.
 */
export async function findProviding(ctx: Pick<Ctx, 'db'>, audience: Audience, name: string): Promise<Package[]> {
  const providing = (await selectProviders(ctx.db, audience.organization.id, name)).map((row) => row.name)
  const packages: Package[] = []
  for (const one of [name, ...providing].filter((candidate) => sees(audience, candidate))) {
    const found = await findPackage(ctx.db, audience.organization.id, one)
    if (found !== null) {
      packages.push(found)
    }
  }
  return packages
}
