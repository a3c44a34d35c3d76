import type { RefRules } from '../../composer/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { JobId } from '../kernel/values.ts'
import { enqueueSync } from './add-source.ts'
import { authorizeSource } from './authorize-source.ts'
import { requireSinglePackage } from './ref-rules.ts'
import { writeRefRules, type Source } from './sources.sql.ts'

/**
 * Sets how the refs of a repository become versions (contract pricore.md §9.4): by Composer's rules, or by their names alone. The sync that
 * this enqueues decides anew about every ref; versions that have another name then are hidden, and their archives stay. Throws
 * `invalid_input` for a source without refs or with several packages, `source_not_found`.
 */
export async function setRefRules(ctx: Ctx, source: Source, rules: RefRules): Promise<JobId> {
  await authorizeSource(ctx, 'source.configure', source)
  if (source.kind !== 'vcs') {
    throw invalidInput('source', 'only a repository has tags and branches')
  }
  requireSinglePackage(rules, source.manifestGlobs)
  return ctx.transaction(async (tx) => {
    if (!(await writeRefRules(tx.db, source.id, rules))) {
      throw new DomainError('source_not_found')
    }
    await tx.record({ type: 'source.ref-rules-changed', organization: source.organization, source: source.id, rules })
    return enqueueSync(tx, source, 'interactive')
  })
}
