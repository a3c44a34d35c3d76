import { authorizeForPackage } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { deletePackageIn, findPackage } from '../packages/index.ts'
import { deleteSourceRow, findSource, lockSource } from './sources.sql.ts'

/**
 * Deletes a package with its versions and archives: what lock files refer to is gone afterwards (domain.md §2). The source of an uploaded package
 * goes with it; a package of a repository comes back with the next sync as long as its refs are there. Throws `package_not_found`.
 */
export async function deletePackage(ctx: Ctx, input: { organization: OrganizationId; name: string }): Promise<void> {
  const { organization } = input
  const name = input.name.toLowerCase()
  await authorizeForPackage(ctx, 'package.delete', { organization, name })
  await ctx.transaction(async (tx) => {
    const target = await findPackage(tx.db, organization, name)
    // The lock keeps a sync or an upload from recording versions of a package that goes away.
    if (target === null || !(await lockSource(tx.db, target.source))) {
      throw new DomainError('package_not_found')
    }
    if (!(await deletePackageIn(tx, target))) {
      throw new DomainError('package_not_found')
    }
    if ((await findSource(tx.db, target.source))?.kind === 'artifact') {
      await deleteSourceRow(tx.db, target.source)
    }
  })
}
