import type { Ctx } from '../kernel/ctx.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import { addOrganization, selectOrganizations, type Organization } from '../organizations/index.ts'
import { authorize } from './permissions.ts'

/** Creates a top-level organization. Throws `invalid_input`, `slug_taken`. */
export async function createOrganization(ctx: Ctx, input: { slug: string; name: string }): Promise<Organization> {
  authorize(ctx.actor, 'organization.create', null)
  return ctx.transaction((tx) => addOrganization(tx, { ...input, owner: null }))
}

/** All organizations of the instance, oldest first. */
export async function listOrganizations(ctx: Ctx, page: Page): Promise<Paged<Organization>> {
  authorize(ctx.actor, 'organization.list', null)
  return selectOrganizations(ctx.db, page)
}
