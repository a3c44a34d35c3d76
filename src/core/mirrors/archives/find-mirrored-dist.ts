import { createHash } from 'node:crypto'
import type { Db } from '../../kernel/schema.ts'
import type { PackageId } from '../../kernel/values.ts'
import { findDist, findDistByPrefix, type Dist } from '../../packages/index.ts'
import { selectUpstreams } from '../../sources/index.ts'

const MD5 = /^[0-9a-f]{32}$/

/**
 * The archive of a mirrored package at a reference that somebody asks for: as it is, abbreviated, or as the MD5 that clients put into templates for what is not
 * hexadecimal (contract composer.md §3.4). Null for one that no upstream ever named.
 */
export async function findMirroredDist(db: Db, packageId: PackageId, asked: string): Promise<Dist | null> {
  const known = await findDistByPrefix(db, packageId, asked)
  if (known !== null || !MD5.test(asked)) {
    return known
  }
  for (const reference of (await selectUpstreams(db, packageId)).keys()) {
    if (createHash('md5').update(reference).digest('hex') === asked) {
      return findDist(db, packageId, reference)
    }
  }
  return null
}
