import { authorize, getPackageVisibility, isPackageVisible, type PackageVisibility } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { MAX_PAGE } from '../kernel/paging.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { findOrganization } from '../organizations/index.ts'
import { findPackage, selectPackages, selectVersions, type Package, type VersionRow } from './package-reading.sql.ts'

/** A package with the number of versions that metadata shows. */
export type ListedPackage = Package & { versions: number }

async function getVisible(ctx: Ctx, id: OrganizationId): Promise<PackageVisibility> {
  const organization = await findOrganization(ctx.db, id)
  if (organization === null) {
    throw new DomainError('organization_not_found')
  }
  return getPackageVisibility(ctx, organization)
}

/** The packages of an organization that the actor may see, by name; at most `MAX_PAGE` after `afterName`. */
export async function listPackages(
  ctx: Ctx,
  input: { organization: OrganizationId; limit: number; afterName: string },
): Promise<ListedPackage[]> {
  await authorize(ctx, 'package.list', input.organization)
  const visible = await getVisible(ctx, input.organization)
  const limit = Math.min(input.limit, MAX_PAGE)
  const listed: ListedPackage[] = []
  let afterName: string | undefined = input.afterName
  while (afterName !== undefined && listed.length < limit) {
    const page: ListedPackage[] = await selectPackages(ctx.db, input.organization, { limit: MAX_PAGE, afterName })
    listed.push(...page.filter((one) => isPackageVisible(visible, one.name)))
    afterName = page.length < MAX_PAGE ? undefined : page.at(-1)?.name
  }
  return listed.slice(0, limit)
}

/** A package with its visible versions. Throws `package_not_found`, also when the actor may not see it. */
export async function getPackage(
  ctx: Ctx,
  input: { organization: OrganizationId; name: string },
): Promise<{ package: Package; versions: VersionRow[] }> {
  await authorize(ctx, 'package.read', input.organization)
  const found = await findPackage(ctx.db, input.organization, input.name.toLowerCase())
  if (found === null || !isPackageVisible(await getVisible(ctx, input.organization), found.name)) {
    throw new DomainError('package_not_found')
  }
  const versions = [...(await selectVersions(ctx.db, found.id, 'dev')), ...(await selectVersions(ctx.db, found.id, 'stable'))]
  return { package: found, versions }
}
