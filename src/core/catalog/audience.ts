import { coversPackage } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { findOrganizationBySlug, isMember, type Organization } from '../organizations/index.ts'

/**
 * What an actor may see of one organization's repository. Metadata, archives, listings, search and counters all ask it. Today
 * a package is visible with all of its versions or not at all; rules on versions belong here when they come.
 */
export interface Audience {
  organization: Organization
  /** Package name patterns, or null for every package. */
  packages: readonly string[] | null
  /** The same for audiences that see the same; part of the key of whatever is rendered for them. */
  view: string
}

/** The view of an audience without limits. */
export const FULL_VIEW = '*'

/**
 * The audience of an actor in the repository with that slug. Throws `unauthenticated` for nobody, whether the organization
 * exists or not, and `organization_not_found` for somebody to whom it does not exist (domain.md §5.14).
 */
export async function getAudience(ctx: Pick<Ctx, 'actor' | 'db'>, slug: string): Promise<Audience> {
  const { actor } = ctx
  if (actor.kind === 'anonymous' || actor.kind === 'setup') {
    throw new DomainError('unauthenticated')
  }
  const organization = await findOrganizationBySlug(ctx.db, slug)
  if (organization === null || !(await belongsTo(ctx, organization))) {
    throw new DomainError('organization_not_found')
  }
  const packages = actor.kind === 'token' ? actor.packages : null
  return { organization, packages, view: packages === null ? FULL_VIEW : packages.toSorted().join(',') }
}

async function belongsTo({ actor, db }: Pick<Ctx, 'actor' | 'db'>, organization: Organization): Promise<boolean> {
  if (actor.kind !== 'token') {
    return true
  }
  if (actor.organization !== null) {
    return actor.organization === organization.id
  }
  return actor.user !== null && (await isMember(db, organization.id, actor.user))
}

/** Whether the audience sees a package of that name (lower case), if there is one. */
export function sees(audience: Audience, name: string): boolean {
  return coversPackage(audience.packages, name)
}
