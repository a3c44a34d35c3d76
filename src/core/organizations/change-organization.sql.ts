import { movedClock } from '../kernel/moved-clock.sql.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Db, Visibility } from '../kernel/schema.ts'
import { VISIBILITIES } from '../kernel/visibility.ts'
import type { Instant, OrganizationId } from '../kernel/values.ts'
import { ORGANIZATION_COLUMNS, type Organization } from './organizations.sql.ts'

/** What people may change about an organization; what is left out stays. */
export interface OrganizationSettings {
  name?: string
  description?: string | null
  memberAccess?: 'all' | 'teams'
  visibility?: Visibility
}

/**
 * Takes the organization's row lock until the transaction ends: whoever changes its members, teams or invitations takes it first, so that
 * counts hold. Null when there is no such organization or it is deleted.
 */
export async function lockOrganization(db: Db, id: OrganizationId): Promise<Organization | null> {
  const row = await db
    .updateTable('organizations')
    .set((set) => ({ revision: set.ref('revision') }))
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returning(ORGANIZATION_COLUMNS)
    .executeTakeFirst()
  return row ?? null
}

/** Changes an organization. */
export async function updateOrganization(db: Db, id: OrganizationId, settings: OrganizationSettings): Promise<Organization> {
  const { name, description, memberAccess, visibility } = settings
  return db
    .updateTable('organizations')
    .set((set) => ({
      revision: set.ref('revision'),
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      ...(memberAccess === undefined ? {} : { member_access: memberAccess }),
      ...(visibility === undefined ? {} : { visibility }),
    }))
    .where('id', '=', id)
    .returning(ORGANIZATION_COLUMNS)
    .executeTakeFirstOrThrow()
}

/** Makes no suborganization of an organization seen more widely than that, deleted ones neither. */
export async function narrowSuborganizations(db: Db, parent: OrganizationId, visibility: Visibility): Promise<void> {
  await db
    .updateTable('organizations')
    .set({ visibility })
    .where('parent_id', '=', parent)
    .where('visibility', 'in', VISIBILITIES.slice(VISIBILITIES.indexOf(visibility)))
    .execute()
}

/** Whether a slug is taken beside an organization, also by a deleted one. */
export async function isSlugTaken(db: Db, parent: OrganizationId | null, slug: string): Promise<boolean> {
  const query = db.selectFrom('organizations').select('id').where('slug', '=', slug)
  const row = await (
    parent === null ? query.where('parent_id', 'is', null) : query.where('parent_id', '=', parent)
  ).executeTakeFirst()
  return row !== undefined
}

/** Gives an organization another slug and moves its clock. A slug that is taken fails with the database's own error; ask first. */
export async function updateSlug(db: Db, id: OrganizationId, input: { slug: string; floor: number }): Promise<Organization> {
  return db
    .updateTable('organizations')
    .set({ slug: input.slug, ...movedClock(input.floor) })
    .where('id', '=', id)
    .returning(ORGANIZATION_COLUMNS)
    .executeTakeFirstOrThrow()
}

/** The suborganizations of an organization in the order of their creation. */
export async function selectSuborganizations(db: Db, parent: OrganizationId, page: Page): Promise<Paged<Organization>> {
  const rows = await db
    .selectFrom('organizations')
    .select(ORGANIZATION_COLUMNS)
    .where('parent_id', '=', parent)
    .where('deleted_at', 'is', null)
    .where('id', '>', (page.after ?? 0) as OrganizationId)
    .orderBy('id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows, page.limit)
}

/** How many suborganizations an organization has. */
export async function countSuborganizations(db: Db, parent: OrganizationId): Promise<number> {
  const row = await db
    .selectFrom('organizations')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('parent_id', '=', parent)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow()
  return row.count
}

/** An organization and its suborganizations that are not deleted, in the order of their creation. */
export async function listFamily(db: Db, organization: Organization): Promise<Organization[]> {
  if (organization.parent !== null) {
    return [organization]
  }
  const children = await db
    .selectFrom('organizations')
    .select(ORGANIZATION_COLUMNS)
    .where('parent_id', '=', organization.id)
    .where('deleted_at', 'is', null)
    .orderBy('id')
    .execute()
  return [organization, ...children]
}

/** The ids of an organization and its suborganizations, deleted ones too. */
export async function selectFamily(db: Db, id: OrganizationId): Promise<OrganizationId[]> {
  const rows = await db
    .selectFrom('organizations')
    .select('id')
    .where((where) => where.or([where('id', '=', id), where('parent_id', '=', id)]))
    .orderBy('id')
    .execute()
  return rows.map((row) => row.id)
}

/** Marks an organization and its suborganizations deleted at one moment. Those that were deleted before keep their moment. */
export async function markDeleted(db: Db, id: OrganizationId, at: Instant): Promise<void> {
  await db
    .updateTable('organizations')
    .set({ deleted_at: at })
    .where((where) => where.or([where('id', '=', id), where('parent_id', '=', id)]))
    .where('deleted_at', 'is', null)
    .execute()
}

/** An organization that was deleted. */
export interface DeletedOrganization extends Organization {
  deletedAt: Instant
}

/** Deleted organizations, those that wait longest first; with `before` only those that were deleted until then. */
export async function selectDeleted(db: Db, filter: { before?: Instant; limit: number }): Promise<DeletedOrganization[]> {
  let query = db.selectFrom('organizations').select(ORGANIZATION_COLUMNS).select('deleted_at as deletedAt')
  query = filter.before === undefined ? query.where('deleted_at', 'is not', null) : query.where('deleted_at', '<=', filter.before)
  const rows = await query.orderBy('deleted_at').orderBy('id').limit(filter.limit).execute()
  return rows.map((row) => ({ ...row, deletedAt: row.deletedAt ?? 0 }))
}

/** The deleted organization with that uid, or null. */
export async function findDeletedByUid(db: Db, uid: string): Promise<DeletedOrganization | null> {
  const row = await db
    .selectFrom('organizations')
    .select(ORGANIZATION_COLUMNS)
    .select('deleted_at as deletedAt')
    .where('uid', '=', uid)
    .where('deleted_at', 'is not', null)
    .executeTakeFirst()
  return row === undefined ? null : { ...row, deletedAt: row.deletedAt ?? 0 }
}

/** Takes back the deletion of an organization, and of those suborganizations that were deleted with it. False when it is not deleted. */
export async function unmarkDeleted(db: Db, id: OrganizationId, deletedAt: Instant): Promise<boolean> {
  const result = await db
    .updateTable('organizations')
    .set({ deleted_at: null })
    .where((where) => where.or([where('id', '=', id), where('parent_id', '=', id)]))
    .where('deleted_at', '=', deletedAt)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Takes the row lock of a deleted organization until the transaction ends, so that it is not restored. False when it is gone or not deleted. */
export async function lockDeletedOrganization(db: Db, id: OrganizationId): Promise<boolean> {
  const result = await db
    .updateTable('organizations')
    .set((set) => ({ revision: set.ref('revision') }))
    .where('id', '=', id)
    .where('deleted_at', 'is not', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Deletes the row of a deleted organization and with it whatever belongs to it. False when it is gone or was restored. */
export async function deleteOrganizationRow(db: Db, id: OrganizationId): Promise<boolean> {
  const result = await db.deleteFrom('organizations').where('id', '=', id).where('deleted_at', 'is not', null).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** The ids of deleted organizations as a subquery, for statements that leave out what belongs to them. */
export function deletedOrganizations(db: Db) {
  return db.selectFrom('organizations').select('id').where('deleted_at', 'is not', null)
}
