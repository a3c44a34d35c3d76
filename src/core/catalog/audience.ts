import { createHash } from 'node:crypto'
import { getPackageVisibility, isPackageVisible, type PackageVisibility } from '../access/index.ts'
import type { Actor } from '../kernel/actor.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Visibility } from '../kernel/schema.ts'
import { atLeast } from '../kernel/visibility.ts'
import { findOrganizationByPath, findRole, type Organization } from '../organizations/index.ts'
import { selectOpenNames } from './listing.sql.ts'

/**
 * What an actor may see of one organization's repository. Metadata, archives, listings, search and counters all ask it. Today
 * a package is visible with all of its versions or not at all; rules on versions belong here when they come.
 */
export interface Audience {
  organization: Organization
  /** The packages that it may see at most. */
  visible: PackageVisibility
  /** The same for audiences that see the same; part of the key of whatever is rendered for them. */
  view: string
  /**
   * Which repositories it is told: those who belong to the organization of every package, others of those packages alone that anybody
   * could clone.
   */
  origins: Origins
}

/** See `Audience.origins`. */
export type Origins = 'all' | 'open'

/** The view of an audience without limits. */
export const FULL_VIEW = '*'

/**
 * The audience of an actor in the repository at that path, `slug` or `slug/slug`. Throws `unauthenticated` for nobody, unless there is a
 * public organization, `organization_not_found` for somebody to whom it does not exist (domain.md §5.14), and `scope_missing` for
 * a token that is not for the use of repositories.
 */
export async function getAudience(ctx: Pick<Ctx, 'actor' | 'db'>, path: string): Promise<Audience> {
  const { actor } = ctx
  const organization = await findOrganizationByPath(ctx.db, path)
  const audience = organization === null ? null : await findAudience(ctx, organization)
  if (audience === null) {
    throw new DomainError(isNobody(actor) ? 'unauthenticated' : 'organization_not_found')
  }
  requireUse(actor)
  return audience
}

/** Whether an actor is nobody in particular. */
export function isNobody(actor: Actor): boolean {
  return actor.kind === 'anonymous' || actor.kind === 'setup'
}

/** Throws `scope_missing` for a token that is not for the use of repositories. */
export function requireUse(actor: Actor): void {
  if (actor.kind === 'token' && actor.scopes !== null && !actor.scopes.includes('composer')) {
    throw new DomainError('scope_missing', { scope: 'composer' })
  }
}

/** What an actor sees of an organization: as somebody who belongs to it, or what is open to everybody like the actor; null when it does not exist for it. */
export async function findAudience(ctx: Pick<Ctx, 'actor' | 'db'>, organization: Organization): Promise<Audience | null> {
  if (await belongsTo(ctx, organization)) {
    return toAudience(ctx, organization)
  }
  return openTo(ctx.actor).includes(organization.visibility) ? findOpenAudience(ctx, organization) : null
}

/** What of an organization is open to an actor who does not belong to it. Whether the organization is open is asked before. */
export async function findOpenAudience(ctx: Pick<Ctx, 'actor' | 'db'>, organization: Organization): Promise<Audience> {
  const open = openTo(ctx.actor)
  const globs = ctx.actor.kind === 'token' ? ctx.actor.packages : null
  const names = new Set(await selectOpenNames(ctx.db, organization.id, open))
  const visible: PackageVisibility = { globs, teams: null, sources: { only: open, names } }
  return { organization, visible, view: digestOf('open', names, visible), origins: 'open' }
}

/** The visibilities that are open to an actor who belongs nowhere. */
export function openTo(actor: Actor): readonly Visibility[] {
  return atLeast(isNobody(actor) ? 'public' : 'internal')
}

/** What somebody who may look into an organization at all sees there: the limits of the token, and of the person's teams. */
export async function toAudience(ctx: Pick<Ctx, 'actor' | 'db'>, organization: Organization): Promise<Audience> {
  const visible = await getPackageVisibility(ctx, organization)
  return { organization, visible, view: viewOf(visible), origins: 'all' }
}

/** Of patterns themselves; of sets of packages a digest, so that the same packages are the same view whoever's teams have them. */
function viewOf(visible: PackageVisibility): string {
  const { globs, teams, sources } = visible
  const listed = teams ?? sources
  if (listed === null) {
    return globs === null ? FULL_VIEW : globs.toSorted().join(',')
  }
  return digestOf('teams', listed.names, visible)
}

function digestOf(kind: 'teams' | 'open', listed: ReadonlySet<string>, visible: PackageVisibility): string {
  const names = [...listed].filter((name) => isPackageVisible(visible, name)).sort()
  return `${kind}:${createHash('sha256').update(names.join(',')).digest('hex')}`
}

/** Whether an actor belongs to an organization. */
export async function belongsTo({ actor, db }: Pick<Ctx, 'actor' | 'db'>, organization: Organization): Promise<boolean> {
  switch (actor.kind) {
    case 'token':
      if (actor.organization !== null) {
        return actor.organization === organization.id
      }
      return actor.user !== null && (await findRole(db, organization.id, actor.user)) !== null
    case 'user':
      return actor.isOperator || (await findRole(db, organization.id, actor.user)) !== null
    case 'anonymous':
    case 'setup':
      return false
    default:
      return true
  }
}

/** Whether the audience sees a package of that name (lower case), if there is one. */
export function sees(audience: Audience, name: string): boolean {
  return isPackageVisible(audience.visible, name)
}
