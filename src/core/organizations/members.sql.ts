import { sql } from 'kysely'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Db, Role } from '../kernel/schema.ts'
import type { Instant, OrganizationId, UserId } from '../kernel/values.ts'

/** A member with what other members see of the person. `id` is the user's. */
export interface Member {
  id: UserId
  uid: string
  email: string
  name: string
  role: Role
  joinedAt: Instant
}

/** Adds a member. False when the person is one already; the role stays as it is then. */
export async function insertMember(
  db: Db,
  input: { organization: OrganizationId; user: UserId; role: Role; createdAt: Instant },
): Promise<boolean> {
  const result = await db
    .insertInto('members')
    .values({ organization_id: input.organization, user_id: input.user, role: input.role, created_at: input.createdAt })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

function members(db: Db, organization: OrganizationId) {
  return db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select(['users.id', 'users.uid', 'users.email', 'users.name', 'members.role', 'members.created_at as joinedAt'])
    .where('members.organization_id', '=', organization)
}

/** The members of an organization in the order of their accounts. Those who act there by a role in the parent are none. */
export async function selectMembers(db: Db, organization: OrganizationId, page: Page): Promise<Paged<Member>> {
  const rows = await members(db, organization)
    .where('members.user_id', '>', (page.after ?? 0) as UserId)
    .orderBy('members.user_id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows, page.limit)
}

/** The member with that uid or id of a user, or null. */
export async function findMember(db: Db, organization: OrganizationId, user: string | UserId): Promise<Member | null> {
  const query = members(db, organization)
  const row = await (
    typeof user === 'string' ? query.where('users.uid', '=', user) : query.where('users.id', '=', user)
  ).executeTakeFirst()
  return row ?? null
}

/** How many members an organization has. Only under the organization's lock does it stay so. */
export async function countMembers(db: Db, organization: OrganizationId): Promise<number> {
  const row = await db
    .selectFrom('members')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('organization_id', '=', organization)
    .executeTakeFirstOrThrow()
  return row.count
}

/** The user with that uid or e-mail address (lower case), or null. For callers to whom the existence of accounts is no secret. */
export async function findUserId(db: Db, text: string): Promise<UserId | null> {
  const row = await db
    .selectFrom('users')
    .select('id')
    .where((where) => where.or([where('uid', '=', text), where('email', '=', text)]))
    .executeTakeFirst()
  return row?.id ?? null
}

/** Whether somebody with that e-mail address (lower case) is a member. */
export async function hasMemberWithEmail(db: Db, organization: OrganizationId, email: string): Promise<boolean> {
  return (await members(db, organization).where('users.email', '=', email).executeTakeFirst()) !== undefined
}

/** How many owners an organization has. Only under the organization's lock does it stay so. */
export async function countOwners(db: Db, organization: OrganizationId): Promise<number> {
  const row = await db
    .selectFrom('members')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('organization_id', '=', organization)
    .where('role', '=', 'owner')
    .executeTakeFirstOrThrow()
  return row.count
}

/** Changes the role of a member. */
export async function updateRole(db: Db, input: { organization: OrganizationId; user: UserId; role: Role }): Promise<void> {
  await db
    .updateTable('members')
    .set({ role: input.role })
    .where('organization_id', '=', input.organization)
    .where('user_id', '=', input.user)
    .execute()
}

/** Ends a membership and with it the places in teams. */
export async function deleteMember(db: Db, organization: OrganizationId, user: UserId): Promise<void> {
  await db.deleteFrom('members').where('organization_id', '=', organization).where('user_id', '=', user).execute()
}

/** The top-level organizations, not deleted, whose only owner is that user. */
export async function selectSoleOwnerships(db: Db, user: UserId): Promise<{ id: OrganizationId; slug: string }[]> {
  return db
    .selectFrom('organizations')
    .innerJoin('members', 'members.organization_id', 'organizations.id')
    .select(['organizations.id', 'organizations.slug'])
    .where('members.user_id', '=', user)
    .where('members.role', '=', 'owner')
    .where('organizations.parent_id', 'is', null)
    .where('organizations.deleted_at', 'is', null)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('members as others')
            .select('others.user_id')
            .whereRef('others.organization_id', '=', 'organizations.id')
            .where('others.role', '=', 'owner')
            .where('others.user_id', '!=', user),
        ),
      ),
    )
    .orderBy('organizations.id')
    .execute()
}

/**
 * How a user stands to an organization: the role, and by what. `member`: by the person's own membership; `parent`: as owner or admin of the
 * parent; `team`: by a team of the parent that was assigned.
 */
export interface Standing {
  role: Role
  by: 'member' | 'parent' | 'team'
}

const RANKS = ['owner', 'admin', 'member'] as const

/**
 * The highest standing of a user in an organization, or null. Owners and admins of an organization are the same in its suborganizations, and the
 * members of a team that was assigned to a suborganization have the role of the assignment there. Among equal roles a team's comes
 * first, because it shows all packages.
 */
export async function findStanding(db: Db, organization: OrganizationId, user: UserId): Promise<Standing | null> {
  const own = db
    .selectFrom('organizations')
    .innerJoin('members', 'members.organization_id', 'organizations.id')
    .select(['members.role', sql<Standing['by']>`'member'`.as('by')])
    .where('organizations.id', '=', organization)
    .where('organizations.deleted_at', 'is', null)
    .where('members.user_id', '=', user)
  const inherited = db
    .selectFrom('organizations')
    .innerJoin('members', 'members.organization_id', 'organizations.parent_id')
    .select(['members.role', sql<Standing['by']>`'parent'`.as('by')])
    .where('organizations.id', '=', organization)
    .where('organizations.deleted_at', 'is', null)
    .where('members.user_id', '=', user)
    .where('members.role', 'in', ['owner', 'admin'])
  const assigned = db
    .selectFrom('organizations')
    .innerJoin('organization_teams', 'organization_teams.organization_id', 'organizations.id')
    .innerJoin('team_members', 'team_members.team_id', 'organization_teams.team_id')
    .select(['organization_teams.role', sql<Standing['by']>`'team'`.as('by')])
    .where('organizations.id', '=', organization)
    .where('organizations.deleted_at', 'is', null)
    .where('team_members.user_id', '=', user)
  const standings = await own.unionAll(inherited).unionAll(assigned).execute()
  for (const role of RANKS) {
    const found = standings.filter((standing) => standing.role === role)
    const best = found.find((standing) => standing.by === 'team') ?? found[0]
    if (best !== undefined) {
      return best
    }
  }
  return null
}

/** The role of a user in an organization, or null; see `findStanding`. */
export async function findRole(db: Db, organization: OrganizationId, user: UserId): Promise<Role | null> {
  return (await findStanding(db, organization, user))?.role ?? null
}
