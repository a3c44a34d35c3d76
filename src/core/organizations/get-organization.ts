import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { findOrganizationByPath, type Organization } from './organizations.sql.ts'

/** The organization at `slug` or `slug/slug`. Throws `organization_not_found`. Whoever calls authorizes next. */
export async function getOrganizationByPath(ctx: Pick<Ctx, 'db'>, path: string): Promise<Organization> {
  const organization = await findOrganizationByPath(ctx.db, path)
  if (organization === null) {
    throw new DomainError('organization_not_found')
  }
  return organization
}
