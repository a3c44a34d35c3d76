import type { Tx } from '../kernel/ctx.ts'
import { toSeconds, type OrganizationId, type PackageId, type SourceId } from '../kernel/values.ts'
import { bumpOrganization, forgetTeamPackage } from '../organizations/index.ts'
import { deletePackageRow, selectPackagesOfSource } from './publishing.sql.ts'

/** Deletes every package of a source with its versions and archives, inside the caller's transaction. */
export async function deletePackagesOfSource(tx: Tx, organization: OrganizationId, source: SourceId): Promise<void> {
  for (const { id, name } of await selectPackagesOfSource(tx.db, source)) {
    await deletePackageIn(tx, { organization, id, name })
  }
}

/**
 * Deletes a package with its versions and archives, inside the caller's transaction; false when it was gone. The organization's clock moves
 * above the package's, so that one created again under the same name never answers with a time that a client has seen before.
 */
export async function deletePackageIn(
  tx: Tx,
  { organization, id, name }: { organization: OrganizationId; id: PackageId; name: string },
): Promise<boolean> {
  const deleted = await deletePackageRow(tx.db, id)
  if (deleted === null) {
    return false
  }
  await forgetTeamPackage(tx.db, organization, name)
  await bumpOrganization(tx.db, organization, Math.max(toSeconds(tx.now), deleted.modifiedAt + 1))
  await tx.record({ type: 'package.deleted', organization, package: id, name })
  return true
}
