import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { MAX_PAGE } from '../kernel/paging.ts'
import {
  deleteTeamPackage,
  findTeam,
  insertTeamPackages,
  lockOrganization,
  selectTeamPackages,
  type Organization,
  type Team,
} from '../organizations/index.ts'
import { selectPackageIds, selectPackages } from './package-reading.sql.ts'

const MAX_NAMES = 500

/** The names of the packages that a team has, sorted: all of the organization's for a team that has all. */
export async function listTeamPackages(ctx: Ctx, input: { team: Team; limit: number; afterName: string }): Promise<string[]> {
  const { team, afterName } = input
  await authorize(ctx, 'team.list', team.organization)
  const page = { limit: Math.min(input.limit, MAX_PAGE), afterName }
  if (team.allPackages) {
    return (await selectPackages(ctx.db, team.organization, page)).map(({ name }) => name)
  }
  return selectTeamPackages(ctx.db, team.id, page)
}

/** A team by its uid, and packages by name. */
export interface TeamPackages {
  organization: Organization
  team: string
  names: readonly string[]
}

/** Gives packages of the organization to a team, all or none; those that it has are no fault. Throws `team_not_found`, `package_not_found`, `invalid_input`. */
export async function addTeamPackages(ctx: Ctx, input: TeamPackages): Promise<void> {
  const { organization } = input
  await authorize(ctx, 'team.change', organization.id)
  const names = parseNames(input.names)
  await ctx.transaction(async (tx) => {
    const team = await holdTeam(tx.db, input)
    const known = await selectPackageIds(tx.db, organization.id, names)
    if (known.size < names.length) {
      throw new DomainError('package_not_found')
    }
    await insertTeamPackages(tx.db, { teams: [team.id], names, createdAt: tx.now })
    const { id, name } = team
    await tx.record({ type: 'team.packages-added', organization: organization.id, team: id, name, packages: names })
  })
}

/** Takes packages from a team. Throws `team_not_found`, and `package_not_found` when it does not have one of them. */
export async function removeTeamPackages(ctx: Ctx, input: TeamPackages): Promise<void> {
  const { organization } = input
  await authorize(ctx, 'team.change', organization.id)
  const names = parseNames(input.names)
  await ctx.transaction(async (tx) => {
    const team = await holdTeam(tx.db, input)
    for (const name of names) {
      if (!(await deleteTeamPackage(tx.db, team.id, name))) {
        throw new DomainError('package_not_found')
      }
    }
    const { id, name } = team
    await tx.record({ type: 'team.packages-removed', organization: organization.id, team: id, name, packages: names })
  })
}

function parseNames(texts: readonly string[]): string[] {
  const names = [...new Set(texts.map((text) => text.trim().toLowerCase()))]
  if (names.length === 0 || names.length > MAX_NAMES) {
    throw invalidInput('packages', `give 1 to ${MAX_NAMES} names of packages`)
  }
  return names
}

async function holdTeam(db: Ctx['db'], { organization, team: uid }: TeamPackages): Promise<Team> {
  const held = await lockOrganization(db, organization.id)
  const team = held === null ? null : await findTeam(db, organization.id, uid)
  if (team === null) {
    throw new DomainError('team_not_found')
  }
  return team
}
