import { createHash } from 'node:crypto'
import type { Db } from '../kernel/schema.ts'
import type { Package } from '../packages/index.ts'
import type { Origins } from './audience.ts'
import { loadKeyedVersions } from './keyed-documents.ts'

/** A package as it is part of the files of Composer 1. */
export interface LegacyPart {
  name: string
  /** JSON of the versions by name. */
  versions: string
  /** Names with a vendor that any version provides or replaces, in lower case; not its own. */
  offered: string[]
}

/** Reads a package for Composer 1: releases and branches together, complete, each with a `uid` (CO-093, CO-095). */
export async function loadLegacyPart(
  db: Db,
  target: Package,
  { repositoryUrl, origins }: { repositoryUrl: string; origins: Origins },
): Promise<LegacyPart> {
  const versions = await loadKeyedVersions(db, { package: target, kind: 'all', repositoryUrl, origins, form: 'legacy' })
  const offered = new Set<string>()
  for (const version of Object.values(versions)) {
    for (const links of [version['provide'], version['replace']]) {
      for (const name of Object.keys((links ?? {}) as object)) {
        offered.add(name.toLowerCase())
      }
    }
  }
  // Clients ask for no names of the platform, and those have no vendor.
  const names = [...offered].filter((name) => name !== target.name && /^[^/$]+\/[^/$]+$/.test(name)).toSorted()
  return { name: target.name, versions: JSON.stringify(versions), offered: names }
}

/** The file of a name as JSON text: the package itself and those that provide or replace it, each under its own name (CO-094). */
export function joinLegacyParts(parts: readonly Pick<LegacyPart, 'name' | 'versions'>[]): string {
  return `{"packages":{${parts.map(({ name, versions }) => `${JSON.stringify(name)}:${versions}`).join(',')}}}`
}

/** The checksum by which Composer 1 asks for a file and verifies it (CO-090). */
export function hashLegacyFile(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** How many names one list holds; of more there are 16 lists, so that a change costs clients one of them. */
const MAX_LISTED = 2_000

/** The lists of names with the checksums of their files, as JSON texts by the name of the list. */
export function renderLegacyLists(hashes: ReadonlyMap<string, string>): Map<string, string> {
  const lists = new Map<string, [string, { sha256: string }][]>()
  for (const [name, sha256] of hashes) {
    const list = hashes.size <= MAX_LISTED ? 'all' : hashLegacyFile(name).slice(0, 1)
    const entries = lists.get(list) ?? []
    lists.set(list, entries)
    entries.push([name, { sha256 }])
  }
  return new Map([...lists].map(([list, entries]) => [list, JSON.stringify({ providers: Object.fromEntries(entries) })]))
}
