import { authorize, coversPackage } from '../access/index.ts'
import type { Actor } from '../kernel/actor.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { MAX_PAGE } from '../kernel/paging.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { findPackage, selectPackages, selectVersions, type Package, type VersionRow } from './package-reading.sql.ts'

/** A package with the number of versions that metadata shows. */
export type ListedPackage = Package & { versions: number }

function isVisible(actor: Actor, name: string): boolean {
  return actor.kind !== 'token' || coversPackage(actor.packages, name)
}

/** The packages of an organization that the actor may see, by name; at most `MAX_PAGE` after `afterName`. */
export async function listPackages(
  ctx: Ctx,
  input: { organization: OrganizationId; limit: number; afterName: string },
): Promise<ListedPackage[]> {
  authorize(ctx.actor, 'package.list', input.organization)
  const limit = Math.min(input.limit, MAX_PAGE)
  const packages = await selectPackages(ctx.db, input.organization, { limit, afterName: input.afterName })
  return packages.filter((one) => isVisible(ctx.actor, one.name))
}

/** A package with its visible versions. Throws `package_not_found`, also when the actor may not see it. */
export async function getPackage(
  ctx: Ctx,
  input: { organization: OrganizationId; name: string },
): Promise<{ package: Package; versions: VersionRow[] }> {
  authorize(ctx.actor, 'package.read', input.organization)
  const found = await findPackage(ctx.db, input.organization, input.name.toLowerCase())
  if (found === null || !isVisible(ctx.actor, found.name)) {
    throw new DomainError('package_not_found')
  }
  const versions = [...(await selectVersions(ctx.db, found.id, 'dev')), ...(await selectVersions(ctx.db, found.id, 'stable'))]
  return { package: found, versions }
}
