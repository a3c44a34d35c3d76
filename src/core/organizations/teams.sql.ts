import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Db, TeamPermission } from '../kernel/schema.ts'
import type { Instant, OrganizationId, TeamId, UserId } from '../kernel/values.ts'

/** A group of members with what they may do and see. */
export interface Team {
  id: TeamId
  uid: string
  organization: OrganizationId
  name: string
  permissions: TeamPermission[]
  /** Whether it has every package, also future ones. */
  allPackages: boolean
  createdAt: Instant
}

const COLUMNS = [
  'teams.id',
  'teams.uid',
  'teams.organization_id as organization',
  'teams.name',
  'teams.permissions',
  'teams.all_packages as allPackages',
  'teams.created_at as createdAt',
] as const

type Row = Omit<Team, 'permissions' | 'allPackages'> & { permissions: string; allPackages: number }

function toTeam(row: Row): Team {
  return { ...row, permissions: JSON.parse(row.permissions) as TeamPermission[], allPackages: row.allPackages === 1 }
}

/** Stores a team, or returns null when the organization has one of that name. */
export async function insertTeam(db: Db, team: Omit<Team, 'id'>): Promise<Team | null> {
  const row = await db
    .insertInto('teams')
    .values({
      uid: team.uid,
      organization_id: team.organization,
      name: team.name,
      permissions: JSON.stringify(team.permissions),
      all_packages: team.allPackages ? 1 : 0,
      created_at: team.createdAt,
    })
    .onConflict((conflict) => conflict.columns(['organization_id', 'name']).doNothing())
    .returning(COLUMNS)
    .executeTakeFirst()
  return row === undefined ? null : toTeam(row)
}

/** The team with that uid, or null. */
export async function findTeam(db: Db, organization: OrganizationId, uid: string): Promise<Team | null> {
  const row = await db
    .selectFrom('teams')
    .select(COLUMNS)
    .where('organization_id', '=', organization)
    .where('uid', '=', uid)
    .executeTakeFirst()
  return row === undefined ? null : toTeam(row)
}

/** The team with exactly that name, or null. */
export async function findTeamByName(db: Db, organization: OrganizationId, name: string): Promise<Team | null> {
  const row = await db
    .selectFrom('teams')
    .select(COLUMNS)
    .where('organization_id', '=', organization)
    .where('name', '=', name)
    .executeTakeFirst()
  return row === undefined ? null : toTeam(row)
}

/** A team with its sizes. `packages` does not count for a team that has all. */
export interface CountedTeam extends Team {
  members: number
  packages: number
}

/** The teams of an organization in the order of their creation. */
export async function selectTeams(db: Db, organization: OrganizationId, page: Page): Promise<Paged<CountedTeam>> {
  const rows = await db
    .selectFrom('teams')
    .select(COLUMNS)
    .select((select) => [
      select
        .selectFrom('team_members')
        .select((inner) => inner.fn.countAll<number>().as('count'))
        .whereRef('team_members.team_id', '=', 'teams.id')
        .as('members'),
      select
        .selectFrom('team_packages')
        .select((inner) => inner.fn.countAll<number>().as('count'))
        .whereRef('team_packages.team_id', '=', 'teams.id')
        .as('packages'),
    ])
    .where('organization_id', '=', organization)
    .where('teams.id', '>', (page.after ?? 0) as TeamId)
    .orderBy('teams.id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(
    rows.map(({ members, packages, ...row }) => ({ ...toTeam(row), members: members ?? 0, packages: packages ?? 0 })),
    page.limit,
  )
}

/** Of these ids the teams of an organization. */
export async function selectTeamsById(db: Db, organization: OrganizationId, ids: readonly TeamId[]): Promise<Team[]> {
  if (ids.length === 0) {
    return []
  }
  const rows = await db
    .selectFrom('teams')
    .select(COLUMNS)
    .where('organization_id', '=', organization)
    .where('id', 'in', ids)
    .orderBy('id')
    .execute()
  return rows.map(toTeam)
}

/** How many teams an organization has. */
export async function countTeams(db: Db, organization: OrganizationId): Promise<number> {
  const row = await db
    .selectFrom('teams')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('organization_id', '=', organization)
    .executeTakeFirstOrThrow()
  return row.count
}

/** Changes a team. Null when it is gone. */
export async function updateTeam(
  db: Db,
  id: TeamId,
  change: { name?: string; permissions?: readonly TeamPermission[]; allPackages?: boolean },
): Promise<Team | null> {
  const { name, permissions, allPackages } = change
  const row = await db
    .updateTable('teams')
    .set((set) => ({
      created_at: set.ref('created_at'),
      ...(name === undefined ? {} : { name }),
      ...(permissions === undefined ? {} : { permissions: JSON.stringify(permissions) }),
      ...(allPackages === undefined ? {} : { all_packages: allPackages ? (1 as const) : (0 as const) }),
    }))
    .where('id', '=', id)
    .returning(COLUMNS)
    .executeTakeFirst()
  return row === undefined ? null : toTeam(row)
}

/** Deletes a team; its members stay members. False when it was gone. */
export async function deleteTeamRow(db: Db, id: TeamId): Promise<boolean> {
  const result = await db.deleteFrom('teams').where('id', '=', id).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** Puts a member of the organization into a team. False when the person is in it already. */
export async function insertTeamMember(
  db: Db,
  input: { team: TeamId; organization: OrganizationId; user: UserId; createdAt: Instant },
): Promise<boolean> {
  const result = await db
    .insertInto('team_members')
    .values({
      team_id: input.team,
      organization_id: input.organization,
      user_id: input.user,
      created_at: input.createdAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** Takes a person out of a team; false when it was not in it. */
export async function deleteTeamMember(db: Db, team: TeamId, user: UserId): Promise<boolean> {
  const result = await db.deleteFrom('team_members').where('team_id', '=', team).where('user_id', '=', user).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** A person in a team. `id` is the user's. */
export interface TeamMember {
  id: UserId
  uid: string
  email: string
  name: string
}

/** Who is in a team, in the order of their accounts. */
export async function selectTeamMembers(db: Db, team: TeamId, page: Page): Promise<Paged<TeamMember>> {
  const rows = await db
    .selectFrom('team_members')
    .innerJoin('users', 'users.id', 'team_members.user_id')
    .select(['users.id', 'users.uid', 'users.email', 'users.name'])
    .where('team_members.team_id', '=', team)
    .where('team_members.user_id', '>', (page.after ?? 0) as UserId)
    .orderBy('team_members.user_id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows, page.limit)
}

/** The teams of a person in an organization. */
export async function selectTeamsOf(db: Db, organization: OrganizationId, user: UserId): Promise<Team[]> {
  const rows = await db
    .selectFrom('teams')
    .innerJoin('team_members', 'team_members.team_id', 'teams.id')
    .select(COLUMNS)
    .where('teams.organization_id', '=', organization)
    .where('team_members.user_id', '=', user)
    .orderBy('teams.id')
    .execute()
  return rows.map(toTeam)
}
