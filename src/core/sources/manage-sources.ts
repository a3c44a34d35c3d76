import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { JobId, OrganizationId } from '../kernel/values.ts'
import { enqueueSync } from './add-source.ts'
import { authorizeSource } from './authorize-source.ts'
import { discardSource } from './discard-sources.ts'
import { visibleSources } from './source-visibility.ts'
import { selectSkippedRefs, type SkippedRefRow } from './source-refs.sql.ts'
import { findSourceByUid, selectSources, type Source } from './sources.sql.ts'

/** The source of an organization with that uid. Throws `source_not_found`. */
export async function getSource(ctx: Ctx, input: { organization: OrganizationId; uid: string }): Promise<Source> {
  await authorize(ctx, 'source.list', input.organization)
  const source = await findSourceByUid(ctx.db, input.organization, input.uid)
  if (source === null || !(await visibleSources(ctx, input.organization))(source.id)) {
    throw new DomainError('source_not_found')
  }
  return source
}

/** The sources of an organization that the actor may know of, oldest first. A page may have fewer than were asked for. */
export async function listSources(ctx: Ctx, input: { organization: OrganizationId; page: Page }): Promise<Paged<Source>> {
  await authorize(ctx, 'source.list', input.organization)
  const isVisible = await visibleSources(ctx, input.organization)
  const { items, next } = await selectSources(ctx.db, input.organization, input.page)
  return { items: items.filter((source) => isVisible(source.id)), next }
}

/** The refs of a source that gave no version, each with its reason; at most `MAX_PAGE`. */
export async function listSkippedRefs(ctx: Ctx, source: Source): Promise<SkippedRefRow[]> {
  await authorize(ctx, 'source.list', source.organization)
  return selectSkippedRefs(ctx.db, source.id)
}

/** Asks for a sync now. Returns the job that does it, which may have been waiting already. Throws `invalid_input` for uploads. */
export async function requestSync(ctx: Ctx, source: Source): Promise<JobId> {
  await authorizeSource(ctx, 'source.sync', source)
  if (source.kind === 'artifact') {
    throw invalidInput('source', 'an uploaded package has nothing to be read again')
  }
  return ctx.transaction(async (tx) => {
    await tx.record({ type: 'source.sync-requested', organization: source.organization, source: source.id })
    return enqueueSync(tx, source, 'interactive')
  })
}

/**
 * Removes a source with its packages, versions and archives: what lock files refer to is gone afterwards. The mirror is
 * removed by a job. Throws `source_not_found` when somebody else was faster.
 */
export async function removeSource(ctx: Ctx, source: Source): Promise<void> {
  await authorize(ctx, 'source.remove', source.organization)
  await ctx.transaction(async (tx) => {
    if (!(await discardSource(tx, source))) {
      throw new DomainError('source_not_found')
    }
  })
}
