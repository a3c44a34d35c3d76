import { findEntriesOfPackage, findNaming, selectEnforced } from '../advisories/index.ts'
import type { Db } from '../kernel/schema.ts'
import { selectVersions, type Package, type VersionRow } from '../packages/index.ts'

/** The versions of a package of one kind that metadata shows: without those that a list keeps back here, in no particular order. */
export async function selectShownVersions(
  db: Db,
  target: Pick<Package, 'id' | 'organization' | 'name'>,
  kind: 'stable' | 'dev',
): Promise<VersionRow[]> {
  const rows = await selectVersions(db, target.id, kind)
  const entries = await findEntriesOfPackage(db, target)
  const enforced = entries.length === 0 ? [] : await selectEnforced(db, target, entries)
  return enforced.length === 0 ? rows : rows.filter(({ normalized }) => findNaming(enforced, normalized) === null)
}
