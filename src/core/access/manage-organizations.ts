import { parseDisplayName } from '../accounts/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { Visibility } from '../kernel/schema.ts'
import { narrower } from '../kernel/visibility.ts'
import {
  addOrganization,
  countSuborganizations,
  findDeletedByUid,
  findOrganization,
  findStanding,
  lockOrganization,
  markDeleted,
  narrowSuborganizations,
  selectDeleted,
  selectSuborganizations,
  unmarkDeleted,
  updateOrganization,
  type DeletedOrganization,
  type Organization,
  type OrganizationSettings,
} from '../organizations/index.ts'
import { authorize } from './permissions.ts'
import { personOf } from './team-rights.ts'

/** How long a deleted organization can be restored, in milliseconds: 30 days. */
export const RESTORABLE = 30 * 24 * 60 * 60 * 1000

const MAX_SUBORGANIZATIONS = 1000
const MAX_DESCRIPTION = 2000

/** The organization, locked for the rest of the transaction. Throws `organization_not_found` when it was deleted meanwhile. */
export async function holdOrganization(tx: Tx, { id }: Pick<Organization, 'id'>): Promise<Organization> {
  const organization = await lockOrganization(tx.db, id)
  if (organization === null) {
    throw new DomainError('organization_not_found')
  }
  return organization
}

/** The suborganizations of an organization, oldest first. Members find those to which they belong by `listOrganizations`. */
export async function listSuborganizations(
  ctx: Ctx,
  { organization, page }: { organization: Organization; page: Page },
): Promise<Paged<Organization>> {
  await authorize(ctx, 'suborganization.list', organization.id)
  return selectSuborganizations(ctx.db, organization.id, page)
}

/**
 * Creates a suborganization, which has members, teams, tokens, sources and packages of its own. The owners and admins of the parent are the same in it;
 * somebody else, who may create it by a team, becomes its owner. Throws `invalid_input`, `slug_taken`, `limit_reached`.
 */
export async function createSuborganization(
  ctx: Ctx,
  input: { parent: Organization; slug?: string | null; name: string },
): Promise<Organization> {
  const { parent, name } = input
  await authorize(ctx, 'suborganization.create', parent.id)
  if (parent.parent !== null) {
    throw invalidInput('parent', 'a suborganization cannot have suborganizations')
  }
  return ctx.transaction(async (tx) => {
    await holdOrganization(tx, parent)
    if ((await countSuborganizations(tx.db, parent.id)) >= MAX_SUBORGANIZATIONS) {
      throw new DomainError('limit_reached', { limit: MAX_SUBORGANIZATIONS, things: 'suborganizations' })
    }
    const owner = await ownerToBe(tx, parent)
    const created = await addOrganization(tx, { slug: input.slug ?? null, name, parent: parent.id, owner })
    await tx.record({ type: 'suborganization.created', organization: parent.id, slug: created.slug })
    return created
  })
}

/** Whoever would not be in charge of a suborganization by a role in its parent. */
async function ownerToBe(tx: Tx, parent: Organization) {
  const user = personOf(tx.actor)
  const standing = user === null ? null : await findStanding(tx.db, parent.id, user)
  return user !== null && standing?.role === 'member' ? { id: user } : null
}

/** Changes name, description, what members see or who else sees it. Narrowing an organization narrows its suborganizations. Throws `invalid_input`. */
export async function changeOrganization(
  ctx: Ctx,
  input: { organization: Organization; settings: OrganizationSettings },
): Promise<Organization> {
  const { organization } = input
  await authorize(ctx, 'organization.update', organization.id)
  const settings = parseSettings(input.settings)
  const fields = Object.keys(settings)
  if (fields.length === 0) {
    return organization
  }
  return ctx.transaction(async (tx) => {
    await requireWithinParent(tx, organization, settings.visibility)
    await holdOrganization(tx, organization)
    if (organization.parent === null && settings.visibility !== undefined) {
      await narrowSuborganizations(tx.db, organization.id, settings.visibility)
    }
    await tx.record({ type: 'organization.settings-changed', organization: organization.id, fields })
    return updateOrganization(tx.db, organization.id, settings)
  })
}

/** A suborganization is seen by nobody who does not see its parent; the parent's lock comes first, as everywhere. */
async function requireWithinParent(tx: Tx, { parent }: Organization, visibility: Visibility | undefined): Promise<void> {
  if (parent === null || visibility === undefined) {
    return
  }
  const widest = (await holdOrganization(tx, { id: parent })).visibility
  if (narrower(visibility, widest) !== visibility) {
    throw invalidInput('visibility', `a suborganization cannot be seen more widely than its organization, which is ${widest}`)
  }
}

function parseSettings({ name, description, memberAccess, visibility }: OrganizationSettings): OrganizationSettings {
  return {
    ...(name === undefined ? {} : { name: parseDisplayName('name', name) }),
    ...(description === undefined ? {} : { description: parseDescription(description) }),
    ...(memberAccess === undefined ? {} : { memberAccess }),
    ...(visibility === undefined ? {} : { visibility }),
  }
}

function parseDescription(text: string | null): string | null {
  const description = text?.trim() ?? ''
  if (description.length > MAX_DESCRIPTION || /[^\P{Cc}\n\r\t]/u.test(description)) {
    throw invalidInput('description', `give at most ${MAX_DESCRIPTION} characters without control characters`)
  }
  return description === '' ? null : description
}

/**
 * Deletes an organization with its suborganizations: at once nobody sees anything of it, its tokens are refused and nothing is synced. For 30 days an operator
 * can restore it; afterwards it is gone for good. Its slug stays taken until then. A suborganization is deleted by whoever is in charge of its parent.
 */
export async function deleteOrganization(ctx: Ctx, organization: Organization): Promise<void> {
  const { id, slug, parent } = organization
  await (parent === null ? authorize(ctx, 'organization.delete', id) : authorize(ctx, 'suborganization.delete', parent))
  await ctx.transaction(async (tx) => {
    // The parent before the child, as everywhere, so that two deletions cannot wait for each other.
    if (parent !== null) {
      await holdOrganization(tx, { id: parent })
      await tx.record({ type: 'suborganization.deleted', organization: parent, slug })
    }
    await holdOrganization(tx, organization)
    await markDeleted(tx.db, id, tx.now)
    await tx.record({ type: 'organization.deleted', organization: id, slug })
  })
}

const LISTED_DELETED = 500

/** The organizations that can be restored, those that were deleted first in front. For operators. */
export async function listDeletedOrganizations(ctx: Ctx): Promise<DeletedOrganization[]> {
  await authorize(ctx, 'organization.restore', null)
  return selectDeleted(ctx.db, { limit: LISTED_DELETED })
}

/**
 * Brings a deleted organization back, with those suborganizations that were deleted together with it; members, tokens and packages are as they
 * were. Throws `organization_not_found` when it is gone for good or not deleted, `invalid_input` below a deleted parent.
 */
export async function restoreOrganization(ctx: Ctx, uid: string): Promise<Organization> {
  await authorize(ctx, 'organization.restore', null)
  const found = await findDeletedByUid(ctx.db, uid)
  if (found === null) {
    throw new DomainError('organization_not_found')
  }
  if (found.parent !== null && (await findOrganization(ctx.db, found.parent)) === null) {
    throw invalidInput('organization', 'its parent is deleted; restore that first')
  }
  const { deletedAt, ...organization } = found
  await ctx.transaction(async (tx) => {
    if (!(await unmarkDeleted(tx.db, found.id, deletedAt))) {
      throw new DomainError('organization_not_found')
    }
    await tx.record({ type: 'organization.restored', organization: found.id, slug: found.slug })
  })
  return organization
}
