import type { Db } from '../kernel/schema.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { selectMirrors } from './mirrors.sql.ts'

/**
 * Patterns of the names that an organization's mirrors may add on use: none without such a mirror, null when one of them may add any. With
 * `onlyOpen` of those mirrors alone that have no credential.
 */
export async function listUpstreamPatterns(
  db: Db,
  { organization, onlyOpen }: { organization: OrganizationId; onlyOpen: boolean },
): Promise<readonly string[] | null> {
  const patterns: string[] = []
  for (const { behavior, credential, only } of await selectMirrors(db, organization)) {
    if (behavior !== 'add_on_use' || (onlyOpen && credential !== null)) {
      continue
    }
    if (only === null) {
      return null
    }
    patterns.push(...only)
  }
  return [...new Set(patterns)]
}
