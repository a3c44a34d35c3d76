import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { findDescribing, selectVersions, type Package } from '../packages/index.ts'
import { findReadmeOfVersion, findSource, type StoredReadme } from '../sources/index.ts'
import type { Audience } from './audience.ts'
import { getVisiblePackage } from './find-package.ts'

/** A README with what its relative links are resolved against. */
export interface VisibleReadme extends StoredReadme {
  package: Package
  version: string
  /** The commit, and the repository that it is in; null where that is no git repository. */
  reference: string
  repository: string | null
}

/**
 * The README of a package as its default branch has it, else its newest release (contract composer.md §7.7). For those who belong to the
 * organization alone: it is a file of the repository. Throws `package_not_found`, also where there is none.
 */
export async function getVisibleReadme(ctx: Pick<Ctx, 'db'>, audience: Audience, name: string): Promise<VisibleReadme> {
  const target = await getVisiblePackage(ctx, audience, name)
  const branches = await selectVersions(ctx.db, target.id, 'dev')
  const described = findDescribing([...branches, ...(await selectVersions(ctx.db, target.id, 'stable'))])
  const readme = described === undefined || audience.origins !== 'all' ? null : await findReadmeOfVersion(ctx.db, described.id)
  if (described === undefined || readme === null) {
    throw new DomainError('package_not_found')
  }
  const source = await findSource(ctx.db, target.source)
  const repository = source?.kind === 'vcs' && source.vcs === 'git' ? source.url : null
  return { ...readme, package: target, version: described.version, reference: described.reference, repository }
}
