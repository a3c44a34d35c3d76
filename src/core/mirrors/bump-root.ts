import type { Tx } from '../kernel/ctx.ts'
import { toSeconds, type OrganizationId } from '../kernel/values.ts'
import { bumpOrganization } from '../organizations/index.ts'

/** Moves the clock of an organization's root file: which mirrors add packages on use decides whether it may list its packages (CO-006). */
export async function bumpRoot(tx: Tx, organization: OrganizationId): Promise<void> {
  await bumpOrganization(tx.db, organization, toSeconds(tx.now))
}
