import type { Db } from '../kernel/schema.ts'
import type { OrganizationId } from '../kernel/values.ts'

/** Whether an organization has a source with that URL. */
export async function hasSource(db: Db, organization: OrganizationId, url: string): Promise<boolean> {
  const row = await db
    .selectFrom('sources')
    .select('id')
    .where('organization_id', '=', organization)
    .where('url', '=', url)
    .executeTakeFirst()
  return row !== undefined
}
