import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { JobId } from '../kernel/values.ts'
import { enqueueSync } from './add-source.ts'
import { authorizeSource } from './authorize-source.ts'
import { writeManifestGlobs } from './children.sql.ts'
import { formatManifestGlobs } from './manifest-globs.ts'
import { requireSinglePackage } from './ref-rules.ts'
import type { Source } from './sources.sql.ts'

/**
 * Sets where the manifests of a repository's packages are, see `findGlobProblems`; null for the one composer.json at the top. Packages that are
 * no longer found are hidden by the sync that this enqueues, and their archives stay. Throws `definition_refused`, `invalid_input` for
 * a source without repository, `source_not_found`.
 */
export async function setManifests(ctx: Ctx, source: Source, globs: readonly string[] | null): Promise<JobId> {
  const { id, organization } = source
  await authorizeSource(ctx, 'source.configure', source)
  if (source.kind !== 'vcs') {
    throw invalidInput('source', 'only a repository can have several manifests')
  }
  const text = globs === null ? null : formatManifestGlobs(globs)
  requireSinglePackage(source.refRules, text)
  return ctx.transaction(async (tx) => {
    if (!(await writeManifestGlobs(tx.db, id, text))) {
      throw new DomainError('source_not_found')
    }
    await tx.record({ type: 'source.manifests-changed', organization, source: id, manifests: text ?? '' })
    return enqueueSync(tx, source, 'interactive')
  })
}
