import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { findOrganizationBySlug, type Organization } from './organizations.sql.ts'

/** The top-level organization with that slug. Throws `organization_not_found`. Whoever calls authorizes next. */
export async function getOrganizationBySlug(ctx: Pick<Ctx, 'db'>, slug: string): Promise<Organization> {
  const organization = await findOrganizationBySlug(ctx.db, slug)
  if (organization === null) {
    throw new DomainError('organization_not_found')
  }
  return organization
}
