import { tryNormalizeVersion } from '../../composer/index.ts'
import { authorize, authorizeForPackage } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { findPackage, withdrawVersion } from '../packages/index.ts'
import { lockArtifactSource, selectArtifacts, type Artifact } from './artifacts.sql.ts'

/** The uploads of an organization, oldest first, replaced and removed ones too; with `name` only those of one package. */
export async function listArtifacts(
  ctx: Ctx,
  input: { organization: OrganizationId; name: string | null; page: Page },
): Promise<Paged<Artifact>> {
  await authorize(ctx, 'artifact.list', input.organization)
  const name = input.name?.toLowerCase() ?? null
  return selectArtifacts(ctx.db, { organization: input.organization, name }, input.page)
}

/**
 * Hides an uploaded version from metadata. Its archive stays for lock files, and uploading the same bytes again shows it again. Throws
 * `package_not_found`, `version_not_found`, and `invalid_input` for a package that comes from a repository.
 */
export async function removeArtifact(
  ctx: Ctx,
  input: { organization: OrganizationId; name: string; version: string },
): Promise<void> {
  const { organization } = input
  const name = input.name.toLowerCase()
  await authorizeForPackage(ctx, 'artifact.remove', { organization, name })
  const normalized = tryNormalizeVersion(input.version)
  await ctx.transaction(async (tx) => {
    const source = await lockArtifactSource(tx.db, organization, name)
    const target = await findPackage(tx.db, organization, name)
    if (target === null) {
      throw new DomainError('package_not_found')
    }
    if (target.source !== source) {
      throw invalidInput('package', `${name} comes from a repository; remove the tag or branch there`)
    }
    if (normalized === null || !(await withdrawVersion(tx, target, normalized))) {
      throw new DomainError('version_not_found')
    }
  })
}
