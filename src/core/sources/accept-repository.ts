import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { JobId } from '../kernel/values.ts'
import { enqueueSync } from './add-source.ts'
import { authorizeSource } from './authorize-source.ts'
import { deleteKnownRefs } from './source-refs.sql.ts'
import { lockSource, type Source } from './sources.sql.ts'

/**
 * Lets a source be read that was refused as another repository (`source_replaced`): what was known of its refs is forgotten, and a sync is
 * enqueued. Versions that it does not have any more are hidden then; archives stay. Throws `invalid_input`, `source_not_found`.
 */
export async function acceptRepository(ctx: Ctx, source: Source): Promise<JobId> {
  await authorizeSource(ctx, 'source.configure', source)
  if (source.problemCode !== 'source_replaced') {
    throw invalidInput('source', 'it was not refused as another repository')
  }
  return ctx.transaction(async (tx) => {
    if (!(await lockSource(tx.db, source.id))) {
      throw new DomainError('source_not_found')
    }
    await deleteKnownRefs(tx.db, source.id)
    await tx.record({ type: 'source.accepted', organization: source.organization, source: source.id })
    return enqueueSync(tx, source, 'interactive')
  })
}
