/** What there is to know of one package (contract composer.md §7.3). */
import {
  describePackage,
  findSourceUrls,
  getAudience,
  listRequiring,
  type Audience,
  type CatalogEntry,
} from '../../core/catalog/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { invalidInput } from '../../core/kernel/errors.ts'
import { maySeeDownloads, NO_DOWNLOADS, sumDownloads } from '../../core/statistics/index.ts'
import { privateJson, type Call } from '../http/route.ts'
import { findDownloads, withoutSuffix, type Beside } from './listing.ts'
import { readPage } from './read-page.ts'
import { pathOf } from './repository-path.ts'

const REQUIRED = ['require', 'require-dev'] as const
const SUGGESTED = ['suggest'] as const
const PER_PAGE = 100

/**
 * The page of a package with all of its versions (CO-133). What this registry does not know is null or empty: who maintains a package is not told to
 * clients, and nobody asks hosts for stars.
 */
export async function packagePage({ ctx, params, baseUrl }: Call): Promise<Response> {
  const audience = await getAudience(ctx, pathOf(params))
  const described = await describePackage(ctx, audience, {
    name: `${params['vendor']}/${withoutSuffix(params['name'])}`,
    repositoryUrl: `${baseUrl}/${pathOf(params)}`,
  })
  const { package: target, versions } = described
  const dependents = await listRequiring(ctx, audience, { name: target.name, kinds: REQUIRED })
  const suggesters = await listRequiring(ctx, audience, { name: target.name, kinds: SUGGESTED })
  const urls = await findSourceUrls(ctx, audience, [target])
  return privateJson({
    package: {
      name: target.name,
      description: target.description,
      time: new Date(target.createdAt).toISOString().replace(/\.\d+Z$/, '+00:00'),
      maintainers: [],
      versions: Object.fromEntries(versions.map((version) => [String(version['version']), version])),
      type: target.type,
      repository: urls.get(target.source) ?? null,
      github_stars: null,
      github_watchers: null,
      github_forks: null,
      github_open_issues: null,
      language: null,
      ...(target.abandoned === false ? {} : { abandoned: target.abandoned }),
      dependents: dependents.length,
      suggesters: suggesters.length,
      ...(await presentDownloads(ctx, audience, target)),
    },
  })
}

async function presentDownloads(
  ctx: Ctx,
  { organization }: Audience,
  { id }: Pick<CatalogEntry, 'id'>,
): Promise<Record<string, unknown>> {
  if (!(await maySeeDownloads(ctx, organization.id))) {
    return {}
  }
  const downloads = await sumDownloads(ctx, organization.id, [id])
  return { downloads: downloads.get(id) ?? NO_DOWNLOADS, favers: 0 }
}

/** The packages that require a package (CO-143); `requires` chooses the section. */
export async function dependents(call: Call): Promise<Response> {
  const requires = call.query.get('requires') ?? 'all'
  if (requires !== 'all' && requires !== 'require' && requires !== 'require-dev') {
    throw invalidInput('requires', 'give all, require or require-dev')
  }
  return presentRequiring(call, { kinds: requires === 'all' ? REQUIRED : [requires], page: 'dependents.json' })
}

/** The packages that suggest a package (CO-143). */
export async function suggesters(call: Call): Promise<Response> {
  return presentRequiring(call, { kinds: SUGGESTED, page: 'suggesters.json' })
}

async function presentRequiring(
  { ctx, params, query, baseUrl }: Call,
  asked: { kinds: readonly ('require' | 'require-dev' | 'suggest')[]; page: string },
): Promise<Response> {
  const audience = await getAudience(ctx, pathOf(params))
  const name = `${params['vendor']}/${params['name']}`
  const order = query.get('order_by') ?? 'name'
  if (order !== 'name' && order !== 'downloads') {
    throw invalidInput('order_by', 'give name or downloads')
  }
  const { page, perPage, next } = readPage(query, { perPage: PER_PAGE })
  const entries = await listRequiring(ctx, audience, { name, kinds: asked.kinds })
  const downloads = await findDownloads(ctx, audience, order === 'downloads' ? entries : [])
  const totalOf = ({ id }: CatalogEntry) => downloads?.get(id)?.total ?? 0
  const ordered = order === 'name' ? entries : entries.toSorted((left, right) => totalOf(right) - totalOf(left))
  const shown = ordered.slice((page - 1) * perPage, page * perPage)
  const shownDownloads = await findDownloads(ctx, audience, shown)
  const address = `${baseUrl}/${pathOf(params)}/packages/${name}/${asked.page}`
  const following = next(entries.length)
  const orderedBy = (by: string) => {
    const ordering = new URLSearchParams({ ...Object.fromEntries(query), page: '1', order_by: by })
    return `${address}?${ordering.toString()}`
  }
  return privateJson({
    packages: shown.map((entry) => presentEntry(entry, shownDownloads)),
    total: entries.length,
    ...(following === null ? {} : { next: `${address}?${following}` }),
    ordered_by_name: orderedBy('name'),
    ordered_by_downloads: orderedBy('downloads'),
  })
}

function presentEntry(entry: CatalogEntry, downloads: Beside['downloads']): Record<string, unknown> {
  const { id, name, description, abandoned } = entry
  return {
    id,
    name,
    description,
    language: null,
    abandoned: abandoned !== false,
    replacementPackage: typeof abandoned === 'string' ? abandoned : null,
    ...(downloads === null ? {} : { downloads: (downloads.get(id) ?? NO_DOWNLOADS).total, favers: 0 }),
  }
}
