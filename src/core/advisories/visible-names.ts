import { getPackageVisibility, isPackageVisible } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { findOrganization } from '../organizations/index.ts'

/** Says of a name (lower case) whether the actor may see a package of that name in the organization. Throws `organization_not_found`. */
export async function getVisibleNames(ctx: Ctx, id: OrganizationId): Promise<(name: string) => boolean> {
  const organization = await findOrganization(ctx.db, id)
  if (organization === null) {
    throw new DomainError('organization_not_found')
  }
  const visible = await getPackageVisibility(ctx, organization)
  return (name) => isPackageVisible(visible, name)
}
