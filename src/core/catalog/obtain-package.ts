/** Packages that nobody added: what a client asks for and the organization does not have may come from an upstream that adds packages on use. */
import { coversPackage } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { Db } from '../kernel/schema.ts'
import { ABSENCE_LASTS, listUpstreamPatterns, obtainMirroredPackage } from '../mirrors/index.ts'
import { findPackage, type Package } from '../packages/index.ts'
import { sees, toAudience, type Audience } from './audience.ts'
import { getVisiblePackage } from './find-package.ts'

/**
 * As `getVisiblePackage`, and where the organization does not have the name, the package as an upstream has it, added now. Only who belongs to
 * the organization causes requests to upstreams, and only for names that its limits allow. Throws `package_not_found`, with the
 * time `until` which it holds where an upstream may get the package, and as `obtainMirroredPackage`.
 */
export async function obtainVisiblePackage(ctx: Ctx, audience: Audience, name: string): Promise<Package> {
  try {
    return await getVisiblePackage(ctx, audience, name)
  } catch (error) {
    if (!isDomainError(error, 'package_not_found') || !mayAskUpstream(audience, name)) {
      throw error
    }
  }
  const { organization } = audience
  const onlyOpen = isTeamLimited(audience)
  // What exists and is not seen must not come back through an upstream.
  const isHidden = onlyOpen && (await findPackage(ctx.db, organization.id, name)) !== null
  const obtained = isHidden ? null : await obtainMirroredPackage(ctx, { organization: organization.id, name, onlyOpen })
  if (obtained === null || !sees(onlyOpen ? await toAudience(ctx, organization) : audience, name)) {
    throw new DomainError('package_not_found', { until: ctx.clock.now() + ABSENCE_LASTS })
  }
  return obtained
}

/** Whether an audience may cause requests to upstreams for a name. A token for one source alone has no use for others. */
export function mayAskUpstream({ origins, visible }: Audience, name: string): boolean {
  return origins === 'all' && visible.sources === null && coversPackage(visible.globs, name)
}

/** Members who see only the packages of their teams see those of open upstreams as well. */
export function isTeamLimited({ visible }: Audience): boolean {
  return visible.teams !== null
}

/**
 * Patterns of the names that an audience may ask for although the organization has no such packages, for the root file (CO-006): a client never asks
 * for what is not covered. Null when there is no bound.
 */
export async function findAskedPatterns(db: Db, audience: Audience): Promise<readonly string[] | null> {
  const { origins, visible, organization } = audience
  if (origins !== 'all' || visible.sources !== null) {
    return []
  }
  const patterns = await listUpstreamPatterns(db, { organization: organization.id, onlyOpen: isTeamLimited(audience) })
  // What both allow cannot be said in one pattern; the limits of the token are the wider words that stay true.
  return visible.globs === null || patterns?.length === 0 ? patterns : visible.globs
}
