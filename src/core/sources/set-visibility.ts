import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { toSeconds } from '../kernel/values.ts'
import { bumpOrganization } from '../organizations/index.ts'
import { bumpPackagesOfSource } from '../packages/index.ts'
import { updateVisibility, type Source, type SourceVisibility } from './sources.sql.ts'

/**
 * Changes who sees the packages of a source besides members, or who may download its archives. What is left out stays. Takes effect with the
 * next request. Throws `source_not_found` when it was removed meanwhile.
 */
export async function setSourceVisibility(ctx: Ctx, source: Source, change: Partial<SourceVisibility>): Promise<Source> {
  await authorize(ctx, 'source.open', source.organization)
  return ctx.transaction(async (tx) => {
    const changed = await updateVisibility(tx.db, source.id, change)
    if (changed === null) {
      throw new DomainError('source_not_found')
    }
    const { id, organization, visibility, archiveAccess } = changed
    // What documents tell of a repository depends on who may clone it.
    const floor = toSeconds(tx.now)
    await bumpPackagesOfSource(tx.db, id, floor)
    await bumpOrganization(tx.db, organization, floor)
    await tx.record({ type: 'source.visibility-changed', organization, source: id, visibility, archives: archiveAccess })
    return changed
  })
}
