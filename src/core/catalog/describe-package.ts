import type { Ctx } from '../kernel/ctx.ts'
import type { Audience } from './audience.ts'
import { getVisiblePackage } from './find-package.ts'
import { loadPackageFacts, loadVersionObjects } from './package-document.ts'
import type { Package } from '../packages/index.ts'

/** A package with its complete version objects, development versions first (CO-133). */
export interface DescribedPackage {
  package: Package
  versions: Record<string, unknown>[]
}

/** Everything that metadata says about a package, not minified. Throws `package_not_found`. */
export async function describePackage(
  ctx: Pick<Ctx, 'db'>,
  audience: Audience,
  input: { name: string; repositoryUrl: string },
): Promise<DescribedPackage> {
  const target = await getVisiblePackage(ctx, audience, input.name)
  const request = { package: target, repositoryUrl: input.repositoryUrl, origins: audience.origins, form: 'current' as const }
  const facts = await loadPackageFacts(ctx.db, request)
  const development = await loadVersionObjects(ctx.db, { ...request, kind: 'dev' }, facts)
  const stable = await loadVersionObjects(ctx.db, { ...request, kind: 'stable' }, facts)
  return { package: target, versions: [...development, ...stable] }
}
