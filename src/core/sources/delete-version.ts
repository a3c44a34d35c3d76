import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import { toSeconds, type VersionId } from '../kernel/values.ts'
import { bumpPackage, deletePackageIn, deleteVersionRow, findPackageById, hasVersions } from '../packages/index.ts'
import { deleteArtifactsOf } from './artifacts.sql.ts'
import { authorizeSource } from './authorize-source.ts'
import { lockSource, type Source } from './sources.sql.ts'
import { withdrawRef } from './withdrawn-refs.sql.ts'

/** Whether somebody may delete versions of a source. */
export async function mayDeleteVersions(ctx: Pick<Ctx, 'actor' | 'db'>, source: Source): Promise<boolean> {
  try {
    await authorizeSource(ctx, 'version.delete', source)
    return true
  } catch (error) {
    if (isDomainError(error)) {
      return false
    }
    throw error
  }
}

/**
 * Deletes a version of a source with the archive that no other version has. Its ref gives no version from now on, until somebody publishes it again,
 * which makes a new version. A package without any version goes with the last one, and its name is free. Throws `version_not_found`.
 */
export async function deleteVersion(ctx: Ctx, { source, id }: { source: Source; id: VersionId }): Promise<void> {
  await authorizeSource(ctx, 'version.delete', source)
  await ctx.transaction(async (tx) => {
    if (!(await lockSource(tx.db, source.id))) {
      throw new DomainError('version_not_found')
    }
    const deleted = await deleteVersionRow(tx.db, source.id, id)
    const target = deleted === null ? null : await findPackageById(tx.db, deleted.package)
    if (deleted === null || target === null) {
      throw new DomainError('version_not_found')
    }
    const { organization, name } = target
    const { version, reference, ref, normalized } = deleted
    if (source.kind === 'vcs') {
      await withdrawRef(tx.db, { source: source.id, ref, at: tx.now })
    } else if (source.kind === 'artifact') {
      await deleteArtifactsOf(tx.db, target.id, normalized)
    }
    await bumpPackage(tx.db, target.id, toSeconds(tx.now))
    await tx.record({ type: 'version.removed', organization, package: target.id, name, version, reference })
    if (!(await hasVersions(tx.db, target.id))) {
      await deletePackageIn(tx, target)
    }
  })
}
