import type { Ctx } from '../kernel/ctx.ts'
import type { Visibility } from '../kernel/schema.ts'
import type { SourceId, TeamId } from '../kernel/values.ts'
import { findStanding, selectNamesOfTeams, selectTeamsOf, type Organization } from '../organizations/index.ts'
import { selectNamesOfOpenMirrors } from './open-mirrors.sql.ts'
import { coversPackage } from './package-globs.ts'
import { personOf } from './team-rights.ts'
import { selectNamesOfSource } from './tokens.sql.ts'

/** Which packages of an organization somebody may see at most. */
export interface PackageVisibility {
  /** Name patterns of the token, or null for every package. */
  globs: readonly string[] | null
  /** The packages of the person's teams and those of open mirrors, or null for every package. */
  teams: { ids: readonly TeamId[]; names: ReadonlySet<string> } | null
  /** The packages of the only source that a token is for, or those that everybody may see; null for every package. */
  sources: { only: SourceId | readonly Visibility[]; names: ReadonlySet<string> } | null
}

/** Whether no package is hidden. */
export function seesEverything({ globs, teams, sources }: PackageVisibility): boolean {
  return globs === null && teams === null && sources === null
}

/**
 * The packages that an actor, who belongs to the organization, may see there. Where members see only the packages of their teams, and
 * what comes from upstreams that are open to everybody, this
 * limits everybody whose role is member by a membership of their own, unless one of the teams has all packages; owners, admins,
 * operators, organization tokens and teams that the parent assigned are not limited. Whether the actor belongs there at all is asked before.
 */
export async function getPackageVisibility(
  { actor, db }: Pick<Ctx, 'actor' | 'db'>,
  organization: Pick<Organization, 'id' | 'memberAccess'>,
): Promise<PackageVisibility> {
  const globs = actor.kind === 'token' ? actor.packages : null
  const only = actor.kind === 'token' ? actor.source : undefined
  const sources = only === undefined ? null : { only, names: new Set(await selectNamesOfSource(db, only)) }
  const user = personOf(actor)
  if (organization.memberAccess === 'all' || user === null || (actor.kind === 'user' && actor.isOperator)) {
    return { globs, teams: null, sources }
  }
  const standing = await findStanding(db, organization.id, user)
  if (standing !== null && (standing.role !== 'member' || standing.by !== 'member')) {
    return { globs, teams: null, sources }
  }
  const teams = standing === null ? [] : await selectTeamsOf(db, organization.id, user)
  if (teams.some((team) => team.allPackages)) {
    return { globs, teams: null, sources }
  }
  const ids = teams.map(({ id }) => id)
  const names = [...(await selectNamesOfTeams(db, ids)), ...(await selectNamesOfOpenMirrors(db, organization.id))]
  return { globs, teams: { ids, names: new Set(names) }, sources }
}

/** Whether a package of that name (lower case) is visible, if there is one. */
export function isPackageVisible({ globs, teams, sources }: PackageVisibility, name: string): boolean {
  return coversPackage(globs, name) && (teams === null || teams.names.has(name)) && (sources === null || sources.names.has(name))
}
