import type { Tx } from '../kernel/ctx.ts'
import { selectPackageIds, storeManifests, type Publication } from '../packages/index.ts'
import { deleteTrees, insertDirectories, insertTrees, type ChildDirectory } from './children.sql.ts'
import type { IdentifiedChildren } from './identify-children.ts'
import { toTreeManifests, type ChildReading } from './read-children.ts'
import type { Source } from './sources.sql.ts'

/** Part of the transaction that records a sync: remembers the manifests of new commits, and where the packages lie at them. */
export async function recordChildren(
  tx: Tx,
  source: Source,
  { reading, identified, publication }: { reading: ChildReading; identified: IdentifiedChildren; publication: Publication },
): Promise<void> {
  const ids = await storeManifests(tx.db, reading.texts)
  const trees = new Map([...reading.fresh].map((commit) => [commit, toTreeManifests(reading.byCommit.get(commit) ?? null, ids)]))
  await insertTrees(tx.db, source.id, trees)
  await deleteTrees(tx.db, source.id, reading.lost)
  const taken = new Set(publication.taken)
  const names = [...identified.directories.keys()].filter((name) => !taken.has(name))
  const packages = await selectPackageIds(tx.db, source.organization, names)
  const directories: ChildDirectory[] = []
  for (const [name, id] of packages) {
    for (const [reference, directory] of identified.directories.get(name) ?? []) {
      if (reading.fresh.has(reference)) {
        directories.push({ package: id, reference, directory })
      }
    }
  }
  await insertDirectories(tx.db, directories)
}
