import type { Db, TeamPermission } from '../kernel/schema.ts'
import type { Instant, OrganizationId, TeamId } from '../kernel/values.ts'

/** A team of the parent in a suborganization. */
export interface AssignedTeam {
  id: TeamId
  uid: string
  name: string
  permissions: TeamPermission[]
  role: 'admin' | 'member'
}

/** Assigns a team to a suborganization, or changes the role that it has there. */
export async function upsertAssignment(
  db: Db,
  input: { organization: OrganizationId; team: TeamId; role: 'admin' | 'member'; createdAt: Instant },
): Promise<void> {
  await db
    .insertInto('organization_teams')
    .values({
      organization_id: input.organization,
      team_id: input.team,
      role: input.role,
      created_at: input.createdAt,
    })
    .onConflict((conflict) => conflict.columns(['organization_id', 'team_id']).doUpdateSet({ role: input.role }))
    .execute()
}

/** Ends an assignment; false when there was none. */
export async function deleteAssignment(db: Db, organization: OrganizationId, team: TeamId): Promise<boolean> {
  const result = await db
    .deleteFrom('organization_teams')
    .where('organization_id', '=', organization)
    .where('team_id', '=', team)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** The teams of the parent that are assigned to a suborganization. Bounded by the number of teams of an organization. */
export async function selectAssignedTeams(db: Db, organization: OrganizationId): Promise<AssignedTeam[]> {
  const rows = await db
    .selectFrom('organization_teams')
    .innerJoin('teams', 'teams.id', 'organization_teams.team_id')
    .select(['teams.id', 'teams.uid', 'teams.name', 'teams.permissions', 'organization_teams.role'])
    .where('organization_teams.organization_id', '=', organization)
    .orderBy('teams.id')
    .execute()
  return rows.map((row) => ({ ...row, permissions: JSON.parse(row.permissions) as TeamPermission[] }))
}

/** The suborganizations to which a team is assigned. */
export async function selectAssignments(
  db: Db,
  team: TeamId,
): Promise<{ id: OrganizationId; uid: string; slug: string; name: string; role: 'admin' | 'member' }[]> {
  return db
    .selectFrom('organization_teams')
    .innerJoin('organizations', 'organizations.id', 'organization_teams.organization_id')
    .select(['organizations.id', 'organizations.uid', 'organizations.slug', 'organizations.name', 'organization_teams.role'])
    .where('organization_teams.team_id', '=', team)
    .where('organizations.deleted_at', 'is', null)
    .orderBy('organizations.id')
    .execute()
}
