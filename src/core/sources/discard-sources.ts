import type { Ctx, Tx } from '../kernel/ctx.ts'
import { MAX_PAGE } from '../kernel/paging.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { lockDeletedOrganization } from '../organizations/index.ts'
import { deletePackagesOfSource } from '../packages/index.ts'
import { deleteCredential } from './credentials.sql.ts'
import { detachHook } from './detach-hook.ts'
import { deleteSourceRow, lockSource, selectAllSources, type Source } from './sources.sql.ts'

/**
 * Removes a source with its packages, versions and archives, inside the caller's transaction; the mirror is removed by a job, which belongs to
 * nobody because the organization may end before it runs. False when the source is gone.
 */
export async function discardSource(tx: Tx, source: Source): Promise<boolean> {
  if (!(await lockSource(tx.db, source.id))) {
    return false
  }
  await detachHook(tx, source)
  await deletePackagesOfSource(tx, source.organization, source.id)
  await deleteSourceRow(tx.db, source.id)
  if (source.credential !== null) {
    await deleteCredential(tx.db, source.credential)
  }
  await tx.record({ type: 'source.removed', organization: source.organization, source: source.id, url: source.url })
  if (source.kind === 'vcs') {
    await tx.enqueue({
      kind: 'mirror.remove',
      payload: { mirror: source.uid },
      organization: null,
      dedupeKey: `mirror.remove:${source.uid}`,
      lane: 'background',
      maxAttempts: 10,
    })
  }
  return true
}

/**
 * Removes all sources of a deleted organization, each in a transaction of its own, so that it may be cut off anywhere. Returns false, having stopped, when the
 * organization was restored meanwhile.
 */
export async function discardSources(ctx: Ctx, organization: OrganizationId): Promise<boolean> {
  let items: readonly Source[] = []
  do {
    items = (await selectAllSources(ctx.db, organization, { limit: MAX_PAGE, after: null })).items
    for (const source of items) {
      const isDeleted = await ctx.transaction(async (tx) => {
        if (!(await lockDeletedOrganization(tx.db, organization))) {
          await tx.record({ type: 'organization.purge-stopped', organization })
          return false
        }
        if (!(await discardSource(tx, source))) {
          await tx.record({ type: 'source.removed', organization, source: source.id, url: source.url })
        }
        return true
      })
      if (!isDeleted) {
        return false
      }
    }
  } while (items.length > 0)
  return true
}
