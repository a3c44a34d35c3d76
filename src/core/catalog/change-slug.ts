import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { toSeconds } from '../kernel/values.ts'
import {
  bumpOrganization,
  isSlugTaken,
  parseSlug,
  parseSuborganizationSlug,
  selectFamily,
  updateSlug,
  type Organization,
} from '../organizations/index.ts'
import { bumpPackagesOf } from '../packages/index.ts'

/**
 * Gives an organization another slug, and with it other URLs to its repository and those of its suborganizations: every document of theirs counts
 * as changed. The old slug is free at once and leads nowhere; whoever uses it has to change the URL. Archive URLs in old lock files have the old slug, too.
 * Throws `invalid_input`, `slug_taken`.
 */
export async function changeSlug(ctx: Ctx, input: { organization: Organization; slug: string }): Promise<Organization> {
  const { organization } = input
  await authorize(ctx, 'organization.change-slug', organization.id)
  const slug = organization.parent === null ? parseSlug(input.slug) : parseSuborganizationSlug(input.slug)
  if (slug === organization.slug) {
    return organization
  }
  try {
    return await ctx.transaction(async (tx) => {
      if (await isSlugTaken(tx.db, organization.parent, slug)) {
        throw new DomainError('slug_taken', { slug })
      }
      const floor = toSeconds(tx.now)
      const family = await selectFamily(tx.db, organization.id)
      // Packages before organizations: the order in which a publication takes their locks.
      await bumpPackagesOf(tx.db, family, floor)
      for (const id of family.filter((one) => one !== organization.id)) {
        await bumpOrganization(tx.db, id, floor)
      }
      const changed = await updateSlug(tx.db, organization.id, { slug, floor })
      await tx.record({ type: 'organization.slug-changed', organization: organization.id, from: organization.slug, to: slug })
      return changed
    })
  } catch (error) {
    // Somebody took it between the question and the write, and the constraint refused.
    if (!(error instanceof DomainError) && (await isSlugTaken(ctx.db, organization.parent, slug))) {
      throw new DomainError('slug_taken', { slug }, error)
    }
    throw error
  }
}
