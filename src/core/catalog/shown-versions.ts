import { findNaming, selectEnforced, type ToldEntry } from '../advisories/index.ts'
import type { Db } from '../kernel/schema.ts'
import { selectVersions, type Package, type VersionRow } from '../packages/index.ts'

/**
 * The versions of a package of one kind that metadata shows: without those that a list keeps back here, in no particular order. `entries` are those
 * of `findEntriesOfPackage`.
 */
export async function selectShownVersions(
  db: Db,
  target: Pick<Package, 'id' | 'organization' | 'name'>,
  { kind, entries }: { kind: 'stable' | 'dev'; entries: readonly ToldEntry[] },
): Promise<VersionRow[]> {
  const rows = await selectVersions(db, target.id, kind)
  const enforced = entries.length === 0 ? [] : await selectEnforced(db, target, entries)
  return enforced.length === 0 ? rows : rows.filter(({ normalized }) => findNaming(enforced, normalized) === null)
}
