import { selectAdvisories, selectAdvisoriesSince, selectPackageSources, type Advisory } from '../advisories/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { invalidInput } from '../kernel/errors.ts'
import type { Instant, OrganizationId } from '../kernel/values.ts'
import { FULL_VIEW, sees, type Audience } from './audience.ts'
import { findVisiblePackages } from './find-package.ts'
import { readAdvisoryHealth, type RepositoryNotice } from './repository-health.ts'

/** No organization has this id: asked for it, advisories are those that the installation tells everybody. */
const EVERYBODY = 0 as OrganizationId

/** For so many names it is looked whether they are known (contract composer.md §7.6). */
const MAX_CHECKED = 1_000

/** Advisories by the names of their packages. */
export interface FoundAdvisories {
  advisories: ReadonlyMap<string, readonly Advisory[]>
  /** Names of packages about which there are none, as far as that is known. */
  without: readonly string[]
  /** What clients are to know about how complete this is; null when it is. */
  notice: RepositoryNotice | null
}

type Caller = Pick<Ctx, 'db' | 'now' | 'advisoryFeed'>

/**
 * The advisories about these names (lower case, any number) that an audience is told. Of names that it does not see it learns what everybody
 * could: the advisories that the installation has from its feed.
 */
export async function findAdvisories(ctx: Caller, audience: Audience, names: readonly string[]): Promise<FoundAdvisories> {
  const unique = [...new Set(names)]
  const seen = unique.filter((name) => sees(audience, name))
  const unseen = unique.filter((name) => !sees(audience, name))
  const { id: organization } = audience.organization
  const advisories = new Map([
    ...(await selectAdvisories(ctx.db, { organization, names: seen })),
    ...(await selectAdvisories(ctx.db, { organization: EVERYBODY, names: unseen })),
  ])
  const { vouched, notice } = await readAdvisoryHealth(ctx)
  const silent = unique.slice(0, MAX_CHECKED).filter((name) => !advisories.has(name))
  const known = vouched === 'none' ? new Map() : await findVisiblePackages(ctx, audience, silent)
  const sources = vouched === 'own' ? await selectPackageSources(ctx.db, organization, silent) : null
  const without = silent.filter((name) => known.has(name) && sources?.get(name)?.isMirrored !== true)
  return { advisories, without, notice }
}

/**
 * All advisories that an audience is told and that changed at or after a moment. Throws `invalid_input` for those who do not belong to the organization:
 * these have no use for a copy of everything.
 */
export async function findAdvisoriesSince(ctx: Caller, audience: Audience, since: Instant): Promise<FoundAdvisories> {
  if (audience.origins !== 'all') {
    throw invalidInput('packages', 'give the names of packages')
  }
  const { id: organization } = audience.organization
  const own = await selectAdvisoriesSince(ctx.db, { organization, since })
  const { notice } = await readAdvisoryHealth(ctx)
  if (audience.view === FULL_VIEW) {
    return { advisories: own, without: [], notice }
  }
  const open = await selectAdvisoriesSince(ctx.db, { organization: EVERYBODY, since })
  const seen = [...own].filter(([name]) => sees(audience, name))
  const others = [...open].filter(([name]) => !sees(audience, name))
  return { advisories: new Map([...seen, ...others]), without: [], notice }
}
