import {
  concerns,
  selectEntriesOfNames,
  selectEntriesOfPackages,
  selectPackageSources,
  type ToldEntry,
} from '../advisories/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { sees, type Audience } from './audience.ts'
import { presentEntry, type PresentedEntry } from './package-safety.ts'
import { listFilterLists } from './root-safety.ts'

/** What each filter list of a repository says about the packages in it: constraints by name, by list (CO-138). */
export async function summarizeFilters(
  ctx: Pick<Ctx, 'db'>,
  audience: Audience,
): Promise<Record<string, Record<string, string>>> {
  const { id } = audience.organization
  const summary = new Map<string, Map<string, string>>()
  for (const list of await listFilterLists(ctx.db, id)) {
    summary.set(list, new Map())
  }
  for (const entry of await selectEntriesOfPackages(ctx.db, id)) {
    const { list, packageName, affectedVersions } = entry
    const known = summary.get(list)
    if (known !== undefined && concerns(entry, entry) && sees(audience, packageName)) {
      const constraint = known.get(packageName)
      known.set(packageName, constraint === undefined ? affectedVersions : `${constraint}|${affectedVersions}`)
    }
  }
  return Object.fromEntries([...summary].map(([list, constraints]) => [list, Object.fromEntries(constraints)]))
}

/** An entry with the package that it is about. */
export type NamedEntry = { package: string } & PresentedEntry

/**
 * What filter lists say about these names (lower case), by list; null asks all lists. Lists that the repository does not have are left out. Of names
 * that are not here it tells the organization's own entries and those of the installation's feed; of names that the audience does not
 * see the latter alone.
 */
export async function findFilterEntries(
  ctx: Pick<Ctx, 'db'>,
  audience: Audience,
  { names, lists }: { names: readonly string[]; lists: readonly string[] | null },
): Promise<Record<string, NamedEntry[]>> {
  const { id } = audience.organization
  const unique = [...new Set(names)]
  const known = await listFilterLists(ctx.db, id)
  const found = new Map<string, NamedEntry[]>(
    known.filter((list) => lists === null || lists.includes(list)).map((list) => [list, []]),
  )
  const seen = unique.filter((name) => sees(audience, name))
  const sources = await selectPackageSources(ctx.db, id, seen)
  const isTold = (entry: ToldEntry): boolean => {
    const from = sources.get(entry.packageName)
    if (from !== undefined) {
      return concerns(entry, from)
    }
    return entry.organization === null ? entry.mirror === null : sees(audience, entry.packageName)
  }
  for (const entry of await selectEntriesOfNames(ctx.db, id, unique)) {
    if (isTold(entry)) {
      found.get(entry.list)?.push({ package: entry.packageName, ...presentEntry(entry) })
    }
  }
  return Object.fromEntries(found)
}
