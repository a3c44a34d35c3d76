/** Names, search and providers (contract composer.md §7.1–7.3). */
import {
  findSourceUrls,
  getAudience,
  listCatalog,
  listProviders,
  searchCatalog,
  type Audience,
  type CatalogEntry,
  type SearchResult,
} from '../../core/catalog/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { invalidInput } from '../../core/kernel/errors.ts'
import type { PackageId } from '../../core/kernel/values.ts'
import { maySeeDownloads, NO_DOWNLOADS, sumDownloads, type Downloads } from '../../core/statistics/index.ts'
import { privateJson, type Call } from '../http/route.ts'
import { readPage } from './read-page.ts'
import { pathOf } from './repository-path.ts'

const FIELDS = ['repository', 'type', 'abandoned'] as const

/** The names of packages, or with `fields[]` a little of each (CO-130). */
export async function list({ ctx, params, query }: Call): Promise<Response> {
  const audience = await getAudience(ctx, pathOf(params))
  const fields = FIELDS.filter((field) => query.getAll('fields[]').includes(field))
  const withFields = query.has('fields[]')
  const entries = await listCatalog(ctx, audience, {
    filter: withFields ? null : query.get('filter'),
    vendor: query.get('vendor'),
    type: query.get('type'),
  })
  if (!withFields) {
    return privateJson({ packageNames: entries.map((entry) => entry.name) })
  }
  const urls: SourceUrls = fields.includes('repository') ? await findSourceUrls(ctx, audience, entries) : new Map()
  return privateJson({ packages: Object.fromEntries(entries.map((entry) => [entry.name, presentFields(entry, fields, urls)])) })
}

type SourceUrls = Awaited<ReturnType<typeof findSourceUrls>>

function presentFields(
  entry: CatalogEntry,
  fields: readonly (typeof FIELDS)[number][],
  urls: SourceUrls,
): Record<string, unknown> {
  const values = { repository: urls.get(entry.source), type: entry.type, abandoned: entry.abandoned }
  return Object.fromEntries(fields.map((field) => [field, values[field]]))
}

/** Packages by words, tags and type (CO-131). JSONP is refused: it would hand what a token sees to any page. */
export async function search({ ctx, params, query, baseUrl }: Call): Promise<Response> {
  const audience = await getAudience(ctx, pathOf(params))
  const text = query.get('q') ?? query.get('query') ?? ''
  const tags = [...query.getAll('tags[]'), ...query.getAll('tags')].filter((tag) => tag.trim() !== '')
  const type = readType(query.get('type'))
  if (text.trim() === '' && type === null && tags.length === 0) {
    throw invalidInput('q', 'give something to search for, tags, or a type')
  }
  if (query.has('callback')) {
    throw invalidInput('callback', 'answers are JSON only')
  }
  const { page, perPage, next } = readPage(query, { perPage: 15 })
  const { results, total } = await searchCatalog(ctx, audience, { query: text, tags, type, page, perPage })
  const address = `${baseUrl}/${pathOf(params)}`
  const real = results.flatMap((entry) => ('virtual' in entry ? [] : [entry]))
  const urls = await findSourceUrls(ctx, audience, real)
  const downloads = await findDownloads(ctx, audience, real)
  const following = next(total)
  return privateJson({
    results: results.map((entry) => presentResult(entry, { address, urls, downloads })),
    total,
    ...(following === null ? {} : { next: `${address}/search.json?${following}` }),
  })
}

/** A literal `%type%` comes from clients that were given none (CO-131). */
function readType(type: string | null): string | null {
  return type === null || type === '' || type === '%type%' ? null : type
}

/** What stands beside entries of a list. */
export interface Beside {
  address: string
  urls: SourceUrls
  /** Null where the asker may not be told figures. */
  downloads: ReadonlyMap<PackageId, Downloads> | null
}

/** Downloads of entries, or null where the asker may not be told figures. */
export async function findDownloads(
  ctx: Ctx,
  audience: Audience,
  entries: readonly { id: PackageId }[],
): Promise<Map<PackageId, Downloads> | null> {
  const { id } = audience.organization
  return (await maySeeDownloads(ctx, id))
    ? sumDownloads(
        ctx,
        id,
        entries.map((entry) => entry.id),
      )
    : null
}

function presentResult(entry: SearchResult, beside: Beside): Record<string, unknown> {
  const { address, urls, downloads } = beside
  if ('virtual' in entry) {
    const { name } = entry
    return { name, description: '', url: `${address}/providers/${name}.json`, repository: '', virtual: true }
  }
  return {
    name: entry.name,
    description: entry.description,
    url: `${address}/packages/${entry.name}.json`,
    repository: urls.get(entry.source),
    ...presentCounts(entry.id, downloads),
    ...(entry.abandoned === false ? {} : { abandoned: entry.abandoned }),
  }
}

/** Downloads and favourites of an entry; nobody has favourites here. */
export function presentCounts(id: PackageId, downloads: Beside['downloads']): Record<string, number> {
  return downloads === null ? {} : { downloads: (downloads.get(id) ?? NO_DOWNLOADS).total, favers: 0 }
}

/** Names that are provided need no vendor: `ext-redis` is one. */
export function withoutSuffix(name: string | undefined): string {
  return (name ?? '').replace(/\.json$/, '')
}

/** The packages that provide a name (CO-132), those that are downloaded most first where the asker may know. */
export async function providers({ ctx, params }: Call): Promise<Response> {
  const audience = await getAudience(ctx, pathOf(params))
  const found = await listProviders(ctx, audience, withoutSuffix(params['name']))
  const downloads = await findDownloads(ctx, audience, found)
  const totalOf = ({ id }: CatalogEntry) => downloads?.get(id)?.total ?? 0
  const ordered = found.toSorted((left, right) => totalOf(right) - totalOf(left))
  return privateJson({ providers: ordered.map(({ name, description, type }) => ({ name, description, type })) })
}
