import type { Tx } from '../kernel/ctx.ts'
import { toSeconds, type SourceId } from '../kernel/values.ts'
import type { Package } from './package-reading.sql.ts'
import { bumpPackage, deleteVersions, findSourceKind, writeSource } from './publishing.sql.ts'

/**
 * Gives a mirrored package to a source of the organization's own, inside the caller's transaction: private packages win over mirrored ones of their
 * name (domain.md §5.6, abuse case 33). The mirrored versions go, so that they stand in the way of none; archives stay under their references for lock
 * files. False when the package is not mirrored, or the new source is a mirror itself.
 */
export async function takeOverMirrored(tx: Tx, target: Package, source: SourceId): Promise<boolean> {
  if ((await findSourceKind(tx.db, target.source)) !== 'mirror' || (await findSourceKind(tx.db, source)) === 'mirror') {
    return false
  }
  await bumpPackage(tx.db, target.id, toSeconds(tx.now))
  await writeSource(tx.db, target.id, source)
  await deleteVersions(tx.db, target.id)
  const { organization, id, name } = target
  await tx.record({ type: 'package.taken-over', organization, package: id, name, source, mirror: target.source })
  return true
}
