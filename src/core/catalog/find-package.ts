import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { PackageId } from '../kernel/values.ts'
import { findPackage, selectPackageIds, type Package } from '../packages/index.ts'
import { sees, type Audience } from './audience.ts'

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
