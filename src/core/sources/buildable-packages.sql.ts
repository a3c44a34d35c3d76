import type { Db } from '../kernel/schema.ts'
import type { OrganizationId, PackageId } from '../kernel/values.ts'

/** A package whose archives are built of a repository. */
export interface BuildablePackage {
  id: PackageId
  name: string
  organization: OrganizationId
}

/** The packages after an id whose archives are built of repositories. */
export async function selectBuildablePackages(db: Db, after: number, limit: number): Promise<BuildablePackage[]> {
  return db
    .selectFrom('packages')
    .innerJoin('sources', 'sources.id', 'packages.source_id')
    .select(['packages.id', 'packages.name', 'packages.organization_id as organization'])
    .where('sources.kind', '=', 'vcs')
    .where('packages.id', '>', after as PackageId)
    .orderBy('packages.id')
    .limit(limit)
    .execute()
}
