import type { Db } from '../kernel/schema.ts'
import type { OrganizationId } from '../kernel/values.ts'

/**
 * The e-mail addresses of the owners and admins of an organization whose accounts are not disabled, in the order of their accounts. A
 * suborganization without any has those of its parent.
 */
export async function selectAdministratorEmails(
  db: Db,
  organization: { id: OrganizationId; parent: OrganizationId | null },
): Promise<string[]> {
  const own = await emailsOf(db, organization.id)
  return own.length > 0 || organization.parent === null ? own : emailsOf(db, organization.parent)
}

async function emailsOf(db: Db, organization: OrganizationId): Promise<string[]> {
  const rows = await db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select('users.email')
    .where('members.organization_id', '=', organization)
    .where('members.role', 'in', ['owner', 'admin'])
    .where('users.disabled_at', 'is', null)
    .orderBy('users.id')
    .execute()
  return rows.map(({ email }) => email)
}
