import { parseDisplayName } from '../accounts/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { TeamPermission } from '../kernel/schema.ts'
import type { OrganizationId } from '../kernel/values.ts'
import {
  countTeams,
  deleteTeamRow,
  findTeam,
  findTeamByName,
  insertTeam,
  selectTeams,
  updateTeam,
  type CountedTeam,
  type Organization,
  type Team,
} from '../organizations/index.ts'
import { holdOrganization } from './manage-organizations.ts'
import { authorize } from './permissions.ts'

const MAX_TEAMS = 500

/** What a team may be allowed. */
export const TEAM_PERMISSIONS: readonly TeamPermission[] = [
  'package.add',
  'package.edit',
  'suborganization.create',
  'customer.view',
  'customer.manage',
]

/** Permissions as people write them, each once. Throws `invalid_input`. */
export function parseTeamPermissions(texts: readonly string[]): TeamPermission[] {
  const unknown = texts.find((text) => !(TEAM_PERMISSIONS as readonly string[]).includes(text))
  if (unknown !== undefined) {
    throw invalidInput('permissions', `"${unknown}" is none of ${TEAM_PERMISSIONS.join(', ')}`)
  }
  return TEAM_PERMISSIONS.filter((permission) => texts.includes(permission))
}

/** What is chosen for a team. */
export interface TeamSettings {
  name: string
  permissions: readonly TeamPermission[]
  /** Whether it has every package, also future ones. */
  allPackages: boolean
}

/** The teams of an organization, oldest first, with their sizes. */
export async function listTeams(ctx: Ctx, input: { organization: OrganizationId; page: Page }): Promise<Paged<CountedTeam>> {
  await authorize(ctx, 'team.list', input.organization)
  return selectTeams(ctx.db, input.organization, input.page)
}

/** The team with that uid. Throws `team_not_found`. */
export async function getTeam(ctx: Ctx, input: { organization: OrganizationId; uid: string }): Promise<Team> {
  await authorize(ctx, 'team.list', input.organization)
  return requireTeam(ctx, input)
}

/** The team with exactly that name, or with that uid. Throws `team_not_found`. */
export async function getTeamByName(ctx: Ctx, input: { organization: OrganizationId; name: string }): Promise<Team> {
  await authorize(ctx, 'team.list', input.organization)
  const named = await findTeamByName(ctx.db, input.organization, input.name)
  return named ?? requireTeam(ctx, { organization: input.organization, uid: input.name })
}

/** The team, for a command that has authorized. Throws `team_not_found`. */
export async function requireTeam(
  { db }: Pick<Ctx, 'db'>,
  { organization, uid }: { organization: OrganizationId; uid: string },
): Promise<Team> {
  const team = await findTeam(db, organization, uid)
  if (team === null) {
    throw new DomainError('team_not_found')
  }
  return team
}

/** Creates a team without members and packages. Throws `invalid_input`, `team_exists`, `limit_reached`. */
export async function createTeam(ctx: Ctx, input: { organization: Organization } & TeamSettings): Promise<Team> {
  const { organization } = input
  await authorize(ctx, 'team.change', organization.id)
  const name = parseDisplayName('name', input.name)
  return ctx.transaction(async (tx) => {
    await holdOrganization(tx, organization)
    if ((await countTeams(tx.db, organization.id)) >= MAX_TEAMS) {
      throw new DomainError('limit_reached', { limit: MAX_TEAMS, things: 'teams' })
    }
    const team = await insertTeam(tx.db, {
      uid: tx.newId(),
      organization: organization.id,
      name,
      permissions: [...input.permissions],
      allPackages: input.allPackages,
      createdAt: tx.now,
    })
    if (team === null) {
      throw new DomainError('team_exists', { name })
    }
    await tx.record({ type: 'team.created', organization: organization.id, team: team.id, name })
    return team
  })
}

/** Changes name, permissions or the access to all packages; what is left out stays. Throws `invalid_input`, `team_exists`, `team_not_found`. */
export async function changeTeam(
  ctx: Ctx,
  input: { organization: Organization; uid: string; settings: Partial<TeamSettings> },
): Promise<Team> {
  const { organization, uid, settings } = input
  await authorize(ctx, 'team.change', organization.id)
  const name = settings.name === undefined ? undefined : parseDisplayName('name', settings.name)
  const fields = Object.keys(settings)
  if (fields.length === 0) {
    return requireTeam(ctx, { organization: organization.id, uid })
  }
  return ctx.transaction(async (tx) => {
    await holdOrganization(tx, organization)
    const team = await requireTeam(tx, { organization: organization.id, uid })
    const twin = name === undefined ? null : await findTeamByName(tx.db, organization.id, name)
    if (twin !== null && twin.id !== team.id) {
      throw new DomainError('team_exists', { name: twin.name })
    }
    const changed = await updateTeam(tx.db, team.id, { ...settings, ...(name === undefined ? {} : { name }) })
    if (changed === null) {
      throw new DomainError('team_not_found')
    }
    await tx.record({ type: 'team.changed', organization: organization.id, team: team.id, name: changed.name, fields })
    return changed
  })
}

/** Deletes a team; its members stay in the organization. Throws `team_not_found`. */
export async function deleteTeam(ctx: Ctx, input: { organization: Organization; uid: string }): Promise<void> {
  const { organization, uid } = input
  await authorize(ctx, 'team.change', organization.id)
  await ctx.transaction(async (tx) => {
    await holdOrganization(tx, organization)
    const team = await requireTeam(tx, { organization: organization.id, uid })
    await deleteTeamRow(tx.db, team.id)
    await tx.record({ type: 'team.deleted', organization: organization.id, team: team.id, name: team.name })
  })
}
