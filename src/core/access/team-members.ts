import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import {
  deleteAssignment,
  deleteTeamMember,
  findMember,
  insertTeamMember,
  selectAssignedTeams,
  selectAssignments,
  selectTeamMembers,
  upsertAssignment,
  type AssignedTeam,
  type Organization,
  type Team,
  type TeamMember,
} from '../organizations/index.ts'
import { holdOrganization } from './manage-organizations.ts'
import { requireTeam } from './manage-teams.ts'
import { authorize } from './permissions.ts'

/** Who is in a team. */
export async function listTeamMembers(ctx: Ctx, input: { team: Team; page: Page }): Promise<Paged<TeamMember>> {
  await authorize(ctx, 'team.list', input.team.organization)
  return selectTeamMembers(ctx.db, input.team.id, input.page)
}

/** A team and the uid of a user. */
export interface TeamPlace {
  organization: Organization
  team: string
  user: string
}

/** Puts a member of the organization into a team; once is enough. Throws `team_not_found`, `member_not_found`. */
export async function addTeamMember(ctx: Ctx, input: TeamPlace): Promise<void> {
  const { organization } = input
  await authorize(ctx, 'team.change', organization.id)
  await ctx.transaction(async (tx) => {
    await holdOrganization(tx, organization)
    const { team, member } = await findPlace(tx, input)
    await insertTeamMember(tx.db, {
      team: team.id,
      organization: organization.id,
      user: member.id,
      createdAt: tx.now,
    })
    await tx.record({
      type: 'team.member-added',
      organization: organization.id,
      team: team.id,
      name: team.name,
      user: member.id,
    })
  })
}

/** Takes a member out of a team. Throws `team_not_found`, and `member_not_found` when the person is not in it. */
export async function removeTeamMember(ctx: Ctx, input: TeamPlace): Promise<void> {
  const { organization } = input
  await authorize(ctx, 'team.change', organization.id)
  await ctx.transaction(async (tx) => {
    await holdOrganization(tx, organization)
    const { team, member } = await findPlace(tx, input)
    if (!(await deleteTeamMember(tx.db, team.id, member.id))) {
      throw new DomainError('member_not_found')
    }
    await tx.record({
      type: 'team.member-removed',
      organization: organization.id,
      team: team.id,
      name: team.name,
      user: member.id,
    })
  })
}

async function findPlace(caller: Pick<Ctx, 'db'>, { organization, team, user }: TeamPlace) {
  const found = await requireTeam(caller, { organization: organization.id, uid: team })
  const member = await findMember(caller.db, organization.id, user)
  if (member === null) {
    throw new DomainError('member_not_found')
  }
  return { team: found, member }
}

/** A suborganization and the uid of a team of its parent. */
export interface TeamAssignment {
  suborganization: Organization
  team: string
}

/**
 * Gives the members of a team of the parent a role in a suborganization, or another one than they had; they see all of its packages. Decided by the
 * admins of the parent. Throws `team_not_found`, `invalid_input` for what is no suborganization.
 */
export async function assignTeam(ctx: Ctx, input: TeamAssignment & { role: 'admin' | 'member' }): Promise<void> {
  const { suborganization, role } = input
  const parent = requireParent(suborganization)
  await authorize(ctx, 'team.change', parent)
  await ctx.transaction(async (tx) => {
    await holdOrganization(tx, { id: parent })
    await holdOrganization(tx, suborganization)
    const team = await requireTeam(tx, { organization: parent, uid: input.team })
    await upsertAssignment(tx.db, { organization: suborganization.id, team: team.id, role, createdAt: tx.now })
    await tx.record({ type: 'team.assigned', organization: suborganization.id, team: team.id, name: team.name, role })
  })
}

/** Ends the role of a team in a suborganization. Throws `team_not_found` also when it has none there. */
export async function unassignTeam(ctx: Ctx, input: TeamAssignment): Promise<void> {
  const { suborganization } = input
  const parent = requireParent(suborganization)
  await authorize(ctx, 'team.change', parent)
  await ctx.transaction(async (tx) => {
    const team = await requireTeam(tx, { organization: parent, uid: input.team })
    if (!(await deleteAssignment(tx.db, suborganization.id, team.id))) {
      throw new DomainError('team_not_found')
    }
    await tx.record({ type: 'team.unassigned', organization: suborganization.id, team: team.id, name: team.name })
  })
}

function requireParent({ parent }: Organization) {
  if (parent === null) {
    throw invalidInput('organization', 'this is no suborganization')
  }
  return parent
}

/** The teams of the parent that have a role in a suborganization. */
export async function listAssignedTeams(ctx: Ctx, suborganization: Organization): Promise<AssignedTeam[]> {
  await authorize(ctx, 'team.list', suborganization.id)
  return selectAssignedTeams(ctx.db, suborganization.id)
}

/** The suborganizations in which a team has a role. */
export async function listAssignments(ctx: Ctx, team: Team): Promise<Awaited<ReturnType<typeof selectAssignments>>> {
  await authorize(ctx, 'team.list', team.organization)
  return selectAssignments(ctx.db, team.id)
}
