import type { Actor } from '../kernel/actor.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { UserId } from '../kernel/values.ts'
import { addOrganization, selectOrganizations, type Organization, type OrganizationFilter } from '../organizations/index.ts'
import { authorize } from './permissions.ts'

/** A top-level organization to be created. */
export interface CreateOrganization {
  /** Made of the name when it is left out or null; see `addOrganization`. */
  slug?: string | null
  name: string
  /** The first owner; a signed-in operator who names nobody. */
  owner?: UserId | null
}

/** Creates a top-level organization. Throws `invalid_input`, `slug_taken`. */
export async function createOrganization(ctx: Ctx, input: CreateOrganization): Promise<Organization> {
  await authorize(ctx, 'organization.create', null)
  const owner = input.owner ?? (ctx.actor.kind === 'user' ? ctx.actor.user : null)
  return ctx.transaction((tx) => addOrganization(tx, { ...input, owner: owner === null ? null : { id: owner } }))
}

/**
 * The organizations that concern the actor, oldest first: all of the instance for operators, the own one for an organization token, those
 * of which the person is a member for people and personal tokens.
 */
export async function listOrganizations(ctx: Ctx, page: Page): Promise<Paged<Organization>> {
  await authorize(ctx, 'organization.list', null)
  const filter = toFilter(ctx.actor)
  return filter === null ? { items: [], next: null } : selectOrganizations(ctx.db, filter, page)
}

function toFilter(actor: Actor): OrganizationFilter | null {
  switch (actor.kind) {
    case 'token':
      if (actor.organization !== null) {
        return { organization: actor.organization }
      }
      return actor.user === null ? null : { user: actor.user }
    case 'user':
      return actor.isOperator ? 'all' : { user: actor.user }
    default:
      return 'all'
  }
}
