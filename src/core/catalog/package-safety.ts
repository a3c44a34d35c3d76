import { selectAdvisories, selectPackageSources, type ToldEntry } from '../advisories/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { Package } from '../packages/index.ts'
import type { Vouched } from './repository-health.ts'

/**
 * What the metadata file of a package says of advisories and filter lists (CO-034, CO-035). Advisories are partial, the newest first; an empty list
 * says that there are none, and without the key nothing is said, because the registry does not know. Lists that do not name the package are left
 * out. `entries` are those of `findEntriesOfPackage`.
 */
export async function loadPackageSafety(
  db: Db,
  { package: target, vouched, entries }: { package: Package; vouched: Vouched; entries: readonly ToldEntry[] },
): Promise<Record<string, unknown>> {
  const { organization, name } = target
  const advisories = (await selectAdvisories(db, { organization, names: [name] })).get(name) ?? []
  const isTold = advisories.length > 0 || (await isVouchedFor(db, target, vouched))
  const told = advisories.map(({ advisoryId, affectedVersions }) => ({ advisoryId, affectedVersions }))
  const filter = toFilterKey(entries)
  return { ...(isTold ? { 'security-advisories': told } : {}), ...(Object.keys(filter).length === 0 ? {} : { filter }) }
}

async function isVouchedFor(db: Db, { organization, name }: Package, vouched: Vouched): Promise<boolean> {
  if (vouched !== 'own') {
    return vouched === 'all'
  }
  return (await selectPackageSources(db, organization, [name])).get(name)?.isMirrored === false
}

/** An entry as metadata and answers of the API have it (contract composer.md §1.7). */
export interface PresentedEntry {
  constraint: string
  url?: string
  reason?: string
  id?: string
}

/** Presents an entry for Composer. */
export function presentEntry({ affectedVersions, url, reason, uid, remoteId }: ToldEntry): PresentedEntry {
  return {
    constraint: affectedVersions,
    ...(url === null ? {} : { url }),
    ...(reason === null ? {} : { reason }),
    id: remoteId ?? uid,
  }
}

function toFilterKey(entries: readonly ToldEntry[]): Record<string, PresentedEntry[]> {
  const lists = Map.groupBy(entries, ({ list }) => list)
  return Object.fromEntries([...lists].map(([list, some]) => [list, some.map(presentEntry)]))
}
