import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { JobId, OrganizationId } from '../kernel/values.ts'
import { deletePackagesOfSource } from '../packages/index.ts'
import { enqueueSync } from './add-source.ts'
import { deleteCredential } from './credentials.sql.ts'
import { selectSkippedRefs, type SkippedRefRow } from './source-refs.sql.ts'
import { deleteSourceRow, findSourceByUid, lockSource, selectSources, type Source } from './sources.sql.ts'

/** The source of an organization with that uid. Throws `source_not_found`. */
export async function getSource(ctx: Ctx, input: { organization: OrganizationId; uid: string }): Promise<Source> {
  authorize(ctx.actor, 'source.list', input.organization)
  const source = await findSourceByUid(ctx.db, input.organization, input.uid)
  if (source === null) {
    throw new DomainError('source_not_found')
  }
  return source
}

/** The sources of an organization, oldest first. */
export async function listSources(ctx: Ctx, input: { organization: OrganizationId; page: Page }): Promise<Paged<Source>> {
  authorize(ctx.actor, 'source.list', input.organization)
  return selectSources(ctx.db, input.organization, input.page)
}

/** The refs of a source that gave no version, each with its reason; at most `MAX_PAGE`. */
export async function listSkippedRefs(ctx: Ctx, source: Source): Promise<SkippedRefRow[]> {
  authorize(ctx.actor, 'source.list', source.organization)
  return selectSkippedRefs(ctx.db, source.id)
}

/** Asks for a sync now. Returns the job that does it, which may have been waiting already. Throws `invalid_input` for uploads. */
export async function requestSync(ctx: Ctx, source: Source): Promise<JobId> {
  authorize(ctx.actor, 'source.sync', source.organization)
  if (source.kind !== 'vcs') {
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
  authorize(ctx.actor, 'source.remove', source.organization)
  await ctx.transaction(async (tx) => {
    if (!(await lockSource(tx.db, source.id))) {
      throw new DomainError('source_not_found')
    }
    await deletePackagesOfSource(tx, source.organization, source.id)
    await deleteSourceRow(tx.db, source.id)
    if (source.credential !== null) {
      await deleteCredential(tx.db, source.credential)
    }
    await tx.record({ type: 'source.removed', organization: source.organization, source: source.id, url: source.url })
    if (source.kind !== 'vcs') {
      return
    }
    await tx.enqueue({
      kind: 'mirror.remove',
      payload: { mirror: source.uid },
      organization: source.organization,
      dedupeKey: `mirror.remove:${source.uid}`,
      lane: 'background',
      maxAttempts: 10,
    })
  })
}
