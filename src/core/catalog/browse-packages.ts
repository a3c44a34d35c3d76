import { compareVersions } from '../../composer/index.ts'
import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Organization } from '../organizations/index.ts'
import {
  selectBrowsed,
  selectBrowsedVersions,
  selectNamesByUid,
  selectNamesContaining,
  type BrowsedPackage,
  type BrowsedVersion,
} from '../packages/index.ts'
import { sees, toAudience, type Audience } from './audience.ts'

const MAX_PER_PAGE = 100

/** Which packages to show. Pages count from 1; at most 100 packages a page. */
export interface BrowsePackages {
  organization: Organization
  /** A part of the name, in any case; empty for all. */
  search: string
  page: number
  perPage: number
}

/** A package in a list, with the version that people should take; null when it has none but development versions. */
export interface ListedForPeople extends BrowsedPackage {
  latestVersion: string | null
}

/** The packages of an organization as far as the actor sees them, by name, and how many there are in all. */
export async function browsePackages(ctx: Ctx, input: BrowsePackages): Promise<{ items: ListedForPeople[]; total: number }> {
  const { organization, page } = input
  await authorize(ctx, 'package.list', organization.id)
  const audience = await toAudience(ctx, organization)
  const perPage = Math.min(input.perPage, MAX_PER_PAGE)
  const names = await selectNamesContaining(ctx.db, organization.id, input.search)
  const visible = names.filter((name) => sees(audience, name))
  const items = await selectBrowsed(ctx.db, organization.id, visible.slice((page - 1) * perPage, page * perPage))
  const versions = await selectBrowsedVersions(
    ctx.db,
    items.map(({ id }) => id),
    { withDevelopment: false },
  )
  const byPackage = Map.groupBy(versions, (version) => version.package)
  return {
    items: items.map((item) => ({ ...item, latestVersion: latestVersion(byPackage.get(item.id) ?? []) })),
    total: visible.length,
  }
}

/** A package with all of its versions, releases first and the newest of each first (contract pricore.md §9.8). */
export interface PackageForPeople {
  package: BrowsedPackage
  versions: BrowsedVersion[]
}

/** The package with that name or uid. Throws `package_not_found`, also for one that the actor may not see. */
export async function getPackageForPeople(
  ctx: Ctx,
  { organization, wanted }: { organization: Organization; wanted: { name: string } | { uid: string } },
): Promise<PackageForPeople> {
  await authorize(ctx, 'package.read', organization.id)
  const audience = await toAudience(ctx, organization)
  const name = await findVisibleName(ctx, audience, wanted)
  const [found] = name === null ? [] : await selectBrowsed(ctx.db, organization.id, [name])
  if (found === undefined) {
    throw new DomainError('package_not_found')
  }
  const versions = await selectBrowsedVersions(ctx.db, [found.id], { withDevelopment: true })
  return { package: found, versions: versions.toSorted(compareForPeople) }
}

async function findVisibleName(ctx: Ctx, audience: Audience, wanted: { name: string } | { uid: string }): Promise<string | null> {
  const name =
    'name' in wanted
      ? wanted.name.toLowerCase()
      : (await selectNamesByUid(ctx.db, audience.organization.id, [wanted.uid])).get(wanted.uid)
  return name !== undefined && sees(audience, name) ? name : null
}

/** The names of the actor's packages with these uids; unknown and invisible ones are left out. */
export async function findNamesByUid(
  ctx: Ctx,
  organization: Organization,
  uids: readonly string[],
): Promise<Map<string, string>> {
  await authorize(ctx, 'package.read', organization.id)
  const audience = await toAudience(ctx, organization)
  const names = await selectNamesByUid(ctx.db, organization.id, uids)
  return new Map([...names].filter(([, name]) => sees(audience, name)))
}

function compareForPeople(a: BrowsedVersion, b: BrowsedVersion): number {
  const isDevelopment = (version: BrowsedVersion) => (version.stability === 'dev' ? 1 : 0)
  const text = a.version < b.version ? -1 : 1
  return (
    isDevelopment(a) - isDevelopment(b) ||
    compareVersions(b.normalized, a.normalized) ||
    Date.parse(b.time ?? '') - Date.parse(a.time ?? '') ||
    text
  )
}

/** The highest stable version, else the highest of the others. */
function latestVersion(versions: readonly BrowsedVersion[]): string | null {
  const stable = versions.filter(({ stability }) => stability === 'stable')
  const candidates = stable.length > 0 ? stable : versions
  let latest: BrowsedVersion | null = null
  for (const version of candidates) {
    if (latest === null || compareVersions(version.normalized, latest.normalized) > 0) {
      latest = version
    }
  }
  return latest?.version ?? null
}
