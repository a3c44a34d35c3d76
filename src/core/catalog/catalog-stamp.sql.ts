import type { Db } from '../kernel/schema.ts'
import type { Organization } from '../organizations/index.ts'

/** When everything that an organization's packages show was last changed. */
export interface CatalogStamp {
  /** Never the same again after a change of any package or of the set of packages. */
  revision: string
  /** The newest change in seconds. Two changes within a second may share it. */
  modifiedAt: number
}

/**
 * The stamp of an organization's catalog. While the set of packages stays the same, each change raises the revision of one package and so
 * their sum; when the set changes, the revision of the organization grows.
 */
export async function readCatalogStamp(db: Db, organization: Organization): Promise<CatalogStamp> {
  const row = await db
    .selectFrom('packages')
    .select((select) => [select.fn.sum('revision').as('sum'), select.fn.max('modified_at').as('newest')])
    .where('organization_id', '=', organization.id)
    .executeTakeFirstOrThrow()
  return {
    revision: `${organization.revision}.${Number(row.sum ?? 0)}`,
    modifiedAt: Math.max(organization.modifiedAt, Number(row.newest ?? 0)),
  }
}
