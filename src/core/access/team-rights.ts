import type { Actor } from '../kernel/actor.ts'
import type { Tx } from '../kernel/ctx.ts'
import type { Db, TeamPermission } from '../kernel/schema.ts'
import type { OrganizationId, SourceId, UserId } from '../kernel/values.ts'
import { findStanding, insertTeamSources, selectHeldNames, selectTeamsOf, selectTeamsOfSource } from '../organizations/index.ts'

/** What a right is about: packages by name (lower case), and the source that they come from if that is meant. */
export interface TeamSubject {
  packages: readonly string[]
  source: SourceId | null
}

/** The person who acts, signed in or through a personal token; null for everybody else. */
export function personOf(actor: Actor): UserId | null {
  if (actor.kind === 'token') {
    return actor.organization === null ? actor.user : null
  }
  return actor.kind === 'user' ? actor.user : null
}

/**
 * Whether a member may do something by a team. `package.edit` reaches as far as the packages of the teams that have it: those of the subject must
 * all be among them, or its source must come from one of these teams. For a subject that is not known yet (`any`) having
 * the permission is enough, without a subject it is not. Every other permission is for the whole organization.
 */
export async function hasTeamRight(
  { actor, db }: { actor: Actor; db: Db },
  input: { organization: OrganizationId | null; permission: TeamPermission | undefined; subject: TeamSubject | 'any' | null },
): Promise<boolean> {
  const { organization, permission, subject } = input
  const user = personOf(actor)
  if (permission === undefined || organization === null || user === null) {
    return false
  }
  const teams = (await selectTeamsOf(db, organization, user)).filter((team) => team.permissions.includes(permission))
  if (teams.length === 0) {
    return false
  }
  if (permission !== 'package.edit' || subject === 'any') {
    return true
  }
  return (
    subject !== null &&
    (teams.some((team) => team.allPackages) ||
      holdsAll(
        db,
        teams.map(({ id }) => id),
        subject,
      ))
  )
}

async function holdsAll(
  db: Db,
  teams: Parameters<typeof selectHeldNames>[1],
  { packages, source }: TeamSubject,
): Promise<boolean> {
  if (source !== null && (await selectTeamsOfSource(db, source)).some((team) => teams.includes(team))) {
    return true
  }
  const names = new Set(packages)
  return names.size > 0 && (await selectHeldNames(db, teams, [...names])).size === names.size
}

/**
 * Gives a source that a member adds by a right of teams to these teams, inside the caller's transaction: its packages belong to them from the
 * beginning, so that whoever adds something also sees it. Does nothing for those who may add sources by their role.
 */
export async function giveSourceToOwnTeams(
  tx: Tx,
  { organization, source }: { organization: OrganizationId; source: SourceId },
): Promise<void> {
  const user = personOf(tx.actor)
  if (user === null || (tx.actor.kind === 'user' && tx.actor.isOperator)) {
    return
  }
  const standing = await findStanding(tx.db, organization, user)
  if (standing?.role !== 'member') {
    return
  }
  const teams = await selectTeamsOf(tx.db, organization, user)
  const adding = teams.filter((team) => team.permissions.includes('package.add') && !team.allPackages)
  await insertTeamSources(
    tx.db,
    source,
    adding.map(({ id }) => id),
  )
}
