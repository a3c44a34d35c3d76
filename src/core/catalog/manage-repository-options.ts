import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { invalidInput } from '../kernel/errors.ts'
import { toSeconds } from '../kernel/values.ts'
import {
  bumpOrganization,
  findRepositoryOptions,
  putRepositoryOptions,
  selectFamily,
  type Organization,
  type RepositoryOptions,
} from '../organizations/index.ts'
import { bumpPackagesOf } from '../packages/index.ts'
import { holdRepository } from './manage-messages.ts'

/** The options that hold in an organization; a suborganization has those of its parent. */
export async function getRepositoryOptions(ctx: Ctx, organization: Organization): Promise<RepositoryOptions> {
  await authorize(ctx, 'repository.read', organization.id)
  return findRepositoryOptions(ctx.db, organization.id)
}

/**
 * Changes options of an organization and its suborganizations; what is left out stays. Every document moves, because nearly every one may have
 * changed (CO-005). Throws `invalid_input` for a suborganization.
 */
export async function changeRepositoryOptions(
  ctx: Ctx,
  { organization, options }: { organization: Organization; options: Partial<RepositoryOptions> },
): Promise<RepositoryOptions> {
  await authorize(ctx, 'repository.configure', organization.id)
  if (organization.parent !== null) {
    throw invalidInput('organization', 'a suborganization has the options of its parent; change them there')
  }
  return ctx.transaction(async (tx) => {
    await holdRepository(tx, organization.id)
    const present = await findRepositoryOptions(tx.db, organization.id)
    const fields = (Object.keys(options) as (keyof RepositoryOptions)[]).filter((key) => options[key] !== present[key])
    const changed = { ...present, ...options }
    if (fields.length > 0) {
      const family = await selectFamily(tx.db, organization.id)
      await putRepositoryOptions(tx.db, organization.id, changed)
      for (const member of family) {
        await bumpOrganization(tx.db, member, toSeconds(tx.now))
      }
      await bumpPackagesOf(tx.db, family, toSeconds(tx.now))
    }
    await tx.record({ type: 'repository.options-changed', organization: organization.id, fields })
    return changed
  })
}
