import { getPackageVisibility, isPackageVisible, seesEverything } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { OrganizationId, SourceId } from '../kernel/values.ts'
import { findOrganization, selectSourcesOfTeams } from '../organizations/index.ts'
import { selectNamesBySource } from '../packages/index.ts'

/**
 * Tells which sources of an organization an actor may know of: those that feed a package that it sees, and those that its teams added. To
 * whoever sees every package that is every source. Whether the actor may look at sources at all is asked before.
 */
export async function visibleSources(ctx: Pick<Ctx, 'actor' | 'db'>, id: OrganizationId): Promise<(source: SourceId) => boolean> {
  const organization = await findOrganization(ctx.db, id)
  if (organization === null) {
    return () => false
  }
  const visible = await getPackageVisibility(ctx, organization)
  if (seesEverything(visible)) {
    return () => true
  }
  const rows = await selectNamesBySource(ctx.db, id)
  const known = new Set(rows.filter(({ name }) => isPackageVisible(visible, name)).map(({ source }) => source))
  const isMember = visible.globs === null && visible.sources === null
  const added = isMember ? await selectSourcesOfTeams(ctx.db, visible.teams?.ids ?? []) : []
  return (source) => known.has(source) || added.includes(source)
}
