import type { Db } from '../kernel/schema.ts'
import type { OrganizationId } from '../kernel/values.ts'

/** Mirrors of upstreams that anybody could ask, because they have no credential, as a subquery: every member sees their packages. */
export function openMirrors(db: Db) {
  return db.selectFrom('sources').select('id').where('kind', '=', 'mirror').where('credential_id', 'is', null)
}

/** The names of the packages of an organization that come from open mirrors. */
export async function selectNamesOfOpenMirrors(db: Db, organization: OrganizationId): Promise<string[]> {
  const rows = await db
    .selectFrom('packages')
    .select('name')
    .where('organization_id', '=', organization)
    .where('source_id', 'in', openMirrors(db))
    .execute()
  return rows.map(({ name }) => name)
}
