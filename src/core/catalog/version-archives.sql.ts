import type { Db } from '../kernel/schema.ts'
import type { PackageId } from '../kernel/values.ts'

/** A version as far as its present archive goes. */
interface VersionArchive {
  reference: string
  isDevelopment: boolean
}

/**
 * The version of that name that a package has now. A `v` in front of a digit may be there or not; the exact text is preferred (contract
 * pricore.md §4.4, §5.3). Null when there is none.
 */
export async function findVersionArchive(db: Db, packageId: PackageId, version: string): Promise<VersionArchive | null> {
  const bare = version.replace(/^v(?=\d)/, '')
  const rows = await db
    .selectFrom('versions')
    .select(['version', 'reference', 'stability'])
    .where('package_id', '=', packageId)
    .where('removed_at', 'is', null)
    .where('version', 'in', /^\d/.test(bare) ? [bare, `v${bare}`] : [version])
    .execute()
  const found = rows.find((row) => row.version === version) ?? rows[0]
  return found === undefined ? null : { reference: found.reference, isDevelopment: found.stability === 'dev' }
}
