import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { Role } from '../kernel/schema.ts'
import { findOrganizationByUid, findRole, organizationPath, type Organization } from '../organizations/index.ts'
import { authorize } from './permissions.ts'
import { personOf } from './team-rights.ts'

/** An organization as somebody in it finds it. */
export interface OwnOrganization {
  organization: Organization
  /** `slug`, or `slug/slug` for a suborganization. */
  path: string
  /** The role of the person who asks; null for operators and tokens. */
  role: Role | null
}

/**
 * The organization with that uid, for who belongs to it; to everybody else it does not exist (`organization_not_found`, abuse 38). Throws
 * `unauthenticated` for nobody, whether there is one or not.
 */
export async function getOwnOrganization(ctx: Ctx, uid: string): Promise<OwnOrganization> {
  if (ctx.actor.kind === 'anonymous') {
    throw new DomainError('unauthenticated')
  }
  const organization = await findOrganizationByUid(ctx.db, uid)
  if (organization === null) {
    throw new DomainError('organization_not_found')
  }
  try {
    await authorize(ctx, 'organization.read', organization.id)
  } catch (error) {
    const isForeign = isDomainError(error, 'not_member') || isDomainError(error, 'foreign_organization')
    throw isForeign ? new DomainError('organization_not_found') : error
  }
  const user = personOf(ctx.actor)
  const role = user === null ? null : await findRole(ctx.db, organization.id, user)
  return { organization, path: await organizationPath(ctx.db, organization), role }
}
