import { RESTORABLE } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { JobReport } from '../kernel/jobs.ts'
import { deleteOrganizationRow, selectDeleted, selectFamily, type DeletedOrganization } from '../organizations/index.ts'
import { discardSources } from '../sources/index.ts'

/** Organizations that one run removes for good; the next run goes on. */
const PER_RUN = 50

/**
 * Removes organizations for good that were deleted 30 days ago: their sources one by one with packages, archives and mirrors, at last the organization with
 * what else belongs to it, suborganizations included. May be cut off anywhere and run again. What was recorded stays in the audit log.
 */
export async function purgeOrganizations(ctx: Ctx, report: JobReport): Promise<number> {
  const due = await selectDeleted(ctx.db, { before: ctx.now - RESTORABLE, limit: PER_RUN })
  let purged = 0
  // Suborganizations before their parents, with whose rows they would go unrecorded.
  for (const organization of due.toSorted((left, right) => right.id - left.id)) {
    purged += (await purge(ctx, organization)) ? 1 : 0
    report.progress(purged)
  }
  report.log('info', `${purged} organizations were removed for good.`)
  return purged
}

async function purge(ctx: Ctx, { id, uid, slug }: DeletedOrganization): Promise<boolean> {
  // The youngest first: suborganizations before their parent, with which their rows go.
  for (const member of (await selectFamily(ctx.db, id)).toReversed()) {
    if (!(await discardSources(ctx, member))) {
      return false
    }
  }
  return ctx.transaction(async (tx) => {
    if (!(await deleteOrganizationRow(tx.db, id))) {
      await tx.record({ type: 'organization.purge-stopped', organization: id })
      return false
    }
    await tx.record({ type: 'organization.purged', organization: null, uid, slug })
    return true
  })
}
