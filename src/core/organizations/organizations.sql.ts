import { movedClock } from '../kernel/moved-clock.sql.ts'
import type { Db, Visibility } from '../kernel/schema.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Instant, OrganizationId, UserId } from '../kernel/values.ts'

/** An organization. `modifiedAt` is in seconds and moves whenever its set of packages changes. */
export interface Organization {
  id: OrganizationId
  uid: string
  slug: string
  name: string
  parent: OrganizationId | null
  description: string | null
  /** What members below admin see: all packages, or those of their teams. */
  memberAccess: 'all' | 'teams'
  /** Who sees it besides members. */
  visibility: Visibility
  revision: number
  modifiedAt: number
  createdAt: Instant
}

/** The columns of an organization, under the names of its fields. */
export const ORGANIZATION_COLUMNS = [
  'id',
  'uid',
  'slug',
  'name',
  'parent_id as parent',
  'description',
  'member_access as memberAccess',
  'visibility',
  'revision',
  'modified_at as modifiedAt',
  'created_at as createdAt',
] as const

/** Stores an organization or, with a parent, a suborganization; returns null when the slug is taken there. */
export async function insertOrganization(
  db: Db,
  input: { uid: string; slug: string; name: string; parent: OrganizationId | null; modifiedAt: number; createdAt: Instant },
): Promise<Organization | null> {
  const row = await db
    .insertInto('organizations')
    .values({
      uid: input.uid,
      slug: input.slug,
      name: input.name,
      parent_id: input.parent,
      revision: 1,
      modified_at: input.modifiedAt,
      created_at: input.createdAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning(ORGANIZATION_COLUMNS)
    .executeTakeFirst()
  return row ?? null
}

/** The top-level organization with that slug, or null. Deleted ones do not exist. */
export async function findOrganizationBySlug(db: Db, slug: string): Promise<Organization | null> {
  const row = await db
    .selectFrom('organizations')
    .select(ORGANIZATION_COLUMNS)
    .where('slug', '=', slug)
    .where('parent_id', 'is', null)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row ?? null
}

/** The organization at `slug`, or the suborganization at `slug/slug`, or null. A deleted parent takes its children with it. */
export async function findOrganizationByPath(db: Db, path: string): Promise<Organization | null> {
  const [slug = '', child, ...rest] = path.split('/')
  const top = rest.length > 0 ? null : await findOrganizationBySlug(db, slug)
  if (top === null || child === undefined) {
    return top
  }
  const row = await db
    .selectFrom('organizations')
    .select(ORGANIZATION_COLUMNS)
    .where('parent_id', '=', top.id)
    .where('slug', '=', child)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row ?? null
}

/** The path of an organization below the public URL: `slug`, or `slug/slug` for a suborganization. */
export async function organizationPath(db: Db, organization: Organization): Promise<string> {
  if (organization.parent === null) {
    return organization.slug
  }
  const parent = await db
    .selectFrom('organizations')
    .select('slug')
    .where('id', '=', organization.parent)
    .executeTakeFirstOrThrow()
  return `${parent.slug}/${organization.slug}`
}

/** The organization with that id, or null. */
export async function findOrganization(db: Db, id: OrganizationId): Promise<Organization | null> {
  const row = await db
    .selectFrom('organizations')
    .select(ORGANIZATION_COLUMNS)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row ?? null
}

/** The organization with that uid, or null. */
export async function findOrganizationByUid(db: Db, uid: string): Promise<Organization | null> {
  const row = await db
    .selectFrom('organizations')
    .select(ORGANIZATION_COLUMNS)
    .where('uid', '=', uid)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row ?? null
}

/** Whose organizations to list: everybody's, one, or those of which a user is a member, by a membership or by a team that was assigned. */
export type OrganizationFilter = { user: UserId } | { organization: OrganizationId } | 'all'

/** Organizations in the order of their creation. */
export async function selectOrganizations(db: Db, filter: OrganizationFilter, page: Page): Promise<Paged<Organization>> {
  let query = db
    .selectFrom('organizations')
    .select(ORGANIZATION_COLUMNS)
    .where('deleted_at', 'is', null)
    .where('id', '>', (page.after ?? 0) as OrganizationId)
  if (filter !== 'all') {
    query =
      'user' in filter
        ? query.where((where) =>
            where.or([
              where('id', 'in', where.selectFrom('members').select('organization_id').where('user_id', '=', filter.user)),
              where(
                'id',
                'in',
                where
                  .selectFrom('organization_teams')
                  .innerJoin('team_members', 'team_members.team_id', 'organization_teams.team_id')
                  .select('organization_teams.organization_id')
                  .where('team_members.user_id', '=', filter.user),
              ),
            ]),
          )
        : query.where('id', '=', filter.organization)
  }
  const rows = await query
    .orderBy('id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows, page.limit)
}

/**
 * Moves the organization's clock forward in the caller's transaction: called with every change of its set of packages.
 * Returns the new value in seconds, which is above every earlier one, also when the wall clock was set back.
 */
export async function bumpOrganization(db: Db, id: OrganizationId, floor: number): Promise<number> {
  const row = await db
    .updateTable('organizations')
    .set(movedClock(floor))
    .where('id', '=', id)
    .returning('modified_at')
    .executeTakeFirstOrThrow()
  return row.modified_at
}

/** Moves the clock of every organization forward in the caller's transaction. */
export async function bumpAllOrganizations(db: Db, floor: number): Promise<void> {
  await db.updateTable('organizations').set(movedClock(floor)).execute()
}
