import type { Tx } from '../kernel/ctx.ts'
import { toSeconds, type OrganizationId, type SourceId } from '../kernel/values.ts'
import { bumpOrganization } from '../organizations/index.ts'
import { deletePackageRow, selectPackagesOfSource } from './publishing.sql.ts'

/**
 * Deletes every package of a source with its versions and archives, inside the caller's transaction. The organization's clock
 * moves above that of each deleted package, so that a package created again under the same name never answers with a time
 * that a client has seen before.
 */
export async function deletePackagesOfSource(tx: Tx, organization: OrganizationId, source: SourceId): Promise<void> {
  for (const { id, name } of await selectPackagesOfSource(tx.db, source)) {
    const deleted = await deletePackageRow(tx.db, id)
    if (deleted === null) {
      continue
    }
    await bumpOrganization(tx.db, organization, Math.max(toSeconds(tx.now), deleted.modifiedAt + 1))
    await tx.record({ type: 'package.deleted', organization, package: id, name })
  }
}
