import { movedClock } from '../kernel/moved-clock.sql.ts'
import type { Db } from '../kernel/schema.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Instant, OrganizationId, UserId } from '../kernel/values.ts'

/** An organization. `modifiedAt` is in seconds and moves whenever its set of packages changes. */
export interface Organization {
  id: OrganizationId
  uid: string
  slug: string
  name: string
  parent: OrganizationId | null
  revision: number
  modifiedAt: number
  createdAt: Instant
}

const COLUMNS = [
  'id',
  'uid',
  'slug',
  'name',
  'parent_id as parent',
  'revision',
  'modified_at as modifiedAt',
  'created_at as createdAt',
] as const

/** Stores a top-level organization, or returns null when the slug is taken. */
export async function insertOrganization(
  db: Db,
  input: { uid: string; slug: string; name: string; modifiedAt: number; createdAt: Instant },
): Promise<Organization | null> {
  const row = await db
    .insertInto('organizations')
    .values({
      uid: input.uid,
      slug: input.slug,
      name: input.name,
      parent_id: null,
      revision: 1,
      modified_at: input.modifiedAt,
      created_at: input.createdAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning(COLUMNS)
    .executeTakeFirst()
  return row ?? null
}

/** The top-level organization with that slug, or null. */
export async function findOrganizationBySlug(db: Db, slug: string): Promise<Organization | null> {
  const row = await db
    .selectFrom('organizations')
    .select(COLUMNS)
    .where('slug', '=', slug)
    .where('parent_id', 'is', null)
    .executeTakeFirst()
  return row ?? null
}

/** Organizations in the order of their creation. */
export async function selectOrganizations(db: Db, page: Page): Promise<Paged<Organization>> {
  const rows = await db
    .selectFrom('organizations')
    .select(COLUMNS)
    .where('id', '>', (page.after ?? 0) as OrganizationId)
    .orderBy('id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows, page.limit)
}

/** Adds a member; an existing membership keeps its role. */
export async function insertMember(
  db: Db,
  input: { organization: OrganizationId; user: UserId; role: 'owner' | 'admin' | 'member'; createdAt: Instant },
): Promise<void> {
  await db
    .insertInto('members')
    .values({ organization_id: input.organization, user_id: input.user, role: input.role, created_at: input.createdAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Whether the user is a member of the organization. */
export async function isMember(db: Db, organization: OrganizationId, user: UserId): Promise<boolean> {
  const row = await db
    .selectFrom('members')
    .select('role')
    .where('organization_id', '=', organization)
    .where('user_id', '=', user)
    .executeTakeFirst()
  return row !== undefined
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
