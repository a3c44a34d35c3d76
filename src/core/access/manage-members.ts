/**
 * Members and their roles. Every change holds the organization's row lock and asks again, under it, who may do it and how many owners there are: of two
 * owners who demote each other at once the second is refused, and an organization never ends without an owner.
 */
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError, invalidInput, isDomainError } from '../kernel/errors.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { Role } from '../kernel/schema.ts'
import type { OrganizationId, UserId } from '../kernel/values.ts'
import {
  countMembers,
  countOwners,
  deleteMember,
  findMember,
  findUserId,
  insertMember,
  selectMembers,
  updateRole,
  type Member,
  type Organization,
} from '../organizations/index.ts'
import { holdOrganization } from './manage-organizations.ts'
import { authorize, authorizeSelf } from './permissions.ts'
import { personOf } from './team-rights.ts'

const MAX_MEMBERS = 10_000

/** A role as people write it. Throws `invalid_input`. */
export function parseRole(text: string): Role {
  if (text === 'owner' || text === 'admin' || text === 'member') {
    return text
  }
  throw invalidInput('role', 'give "owner", "admin" or "member"')
}

/** The members of an organization in the order of their accounts. */
export async function listMembers(ctx: Ctx, input: { organization: OrganizationId; page: Page }): Promise<Paged<Member>> {
  await authorize(ctx, 'member.list', input.organization)
  return selectMembers(ctx.db, input.organization, input.page)
}

/** The member with that uid of a user. Throws `member_not_found`. */
export async function getMember(ctx: Ctx, input: { organization: OrganizationId; user: string }): Promise<Member> {
  await authorize(ctx, 'member.list', input.organization)
  return requireMember(ctx, input)
}

async function requireMember(
  { db }: Pick<Ctx, 'db'>,
  { organization, user }: { organization: OrganizationId; user: string | UserId },
): Promise<Member> {
  const member = await findMember(db, organization, user)
  if (member === null) {
    throw new DomainError('member_not_found')
  }
  return member
}

/**
 * Makes somebody who has an account a member. For operators, to whom accounts are no secret; everybody else invites. `user` is a uid or an e-mail
 * address. Throws `member_not_found` when there is no such account, `already_member`, `limit_reached`.
 */
export async function addMember(ctx: Ctx, input: { organization: Organization; user: string; role: Role }): Promise<Member> {
  const { organization, role } = input
  await authorize(ctx, 'member.add', organization.id)
  const user = await findUserId(ctx.db, input.user.trim().toLowerCase())
  if (user === null) {
    throw new DomainError('member_not_found')
  }
  return ctx.transaction(async (tx) => {
    await holdOrganization(tx, organization)
    return enterMember(tx, { organization: organization.id, user, role })
  })
}

/** Adds a member inside the caller's transaction, which holds the organization. Throws `already_member`, `limit_reached`. */
export async function enterMember(tx: Tx, input: { organization: OrganizationId; user: UserId; role: Role }): Promise<Member> {
  const { organization, user, role } = input
  if (!(await insertMember(tx.db, { organization, user, role, createdAt: tx.now }))) {
    throw new DomainError('already_member')
  }
  if ((await countMembers(tx.db, organization)) > MAX_MEMBERS) {
    throw new DomainError('limit_reached', { limit: MAX_MEMBERS, things: 'members' })
  }
  await tx.record({ type: 'member.added', organization, user, role })
  return requireMember(tx, { organization, user })
}

/**
 * Gives a member another role. Throws `member_not_found`, `owner_protected` when only an owner may do it, `last_owner`.
 */
export async function changeMemberRole(
  ctx: Ctx,
  input: { organization: Organization; user: string; role: Role },
): Promise<Member> {
  const { organization, role } = input
  await authorize(ctx, 'member.change', organization.id)
  const before = await requireMember(ctx, { organization: organization.id, user: input.user })
  if (before.role === role) {
    return before
  }
  return ctx.transaction(async (tx) => {
    const held = await holdOrganization(tx, organization)
    const member = await requireMember(tx, { organization: held.id, user: input.user })
    if (member.role === 'owner' || role === 'owner') {
      await requireOwnerRight(tx, held.id)
    }
    await authorize(tx, 'member.change', held.id)
    await requireRemainingOwner(tx, held, { leaves: member, becomes: role })
    await updateRole(tx.db, { organization: held.id, user: member.id, role })
    await tx.record({
      type: 'member.role-changed',
      organization: held.id,
      user: member.id,
      from: member.role,
      to: role,
    })
    return { ...member, role }
  })
}

/**
 * Ends a membership: at once the person, and every personal token, sees nothing of the organization. Throws as `changeMemberRole`.
 */
export async function removeMember(ctx: Ctx, input: { organization: Organization; user: string }): Promise<void> {
  const { organization } = input
  await authorize(ctx, 'member.change', organization.id)
  await ctx.transaction(async (tx) => {
    const held = await holdOrganization(tx, organization)
    const member = await requireMember(tx, { organization: held.id, user: input.user })
    if (member.role === 'owner') {
      await requireOwnerRight(tx, held.id)
    }
    await authorize(tx, 'member.change', held.id)
    await endMembership(tx, held, member)
  })
}

/** Ends the own membership. Throws `user_required` for who is no person, `member_not_found`, `last_owner`. */
export async function leaveOrganization(ctx: Ctx, organization: Organization): Promise<void> {
  const user = personOf(ctx.actor)
  if (user === null) {
    throw new DomainError('user_required')
  }
  await authorizeSelf(ctx, 'member.leave', user)
  await ctx.transaction(async (tx) => {
    const held = await holdOrganization(tx, organization)
    await endMembership(tx, held, await requireMember(tx, { organization: held.id, user }))
  })
}

async function endMembership(tx: Tx, organization: Organization, member: Member): Promise<void> {
  await requireRemainingOwner(tx, organization, { leaves: member, becomes: null })
  await deleteMember(tx.db, organization.id, member.id)
  await tx.record({ type: 'member.removed', organization: organization.id, user: member.id, role: member.role })
}

/** A suborganization may be without owners of its own: those of its parent are in charge of it. */
async function requireRemainingOwner(
  tx: Tx,
  organization: Organization,
  { leaves, becomes }: { leaves: Member; becomes: Role | null },
): Promise<void> {
  if (leaves.role !== 'owner' || becomes === 'owner' || organization.parent !== null) {
    return
  }
  if ((await countOwners(tx.db, organization.id)) <= 1) {
    throw new DomainError('last_owner')
  }
}

async function requireOwnerRight(caller: Pick<Ctx, 'actor' | 'db'>, organization: OrganizationId): Promise<void> {
  try {
    await authorize(caller, 'member.change-owner', organization)
  } catch (error) {
    throw isDomainError(error, 'forbidden') ? new DomainError('owner_protected') : error
  }
}
