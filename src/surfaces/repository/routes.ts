/** What Composer and people ask less often: listings, search, providers, package pages, install notifications, the page for browsers. */
import {
  describePackage,
  findSourceUrls,
  getAudience,
  listCatalog,
  listProviders,
  searchCatalog,
  type CatalogEntry,
} from '../../core/catalog/index.ts'
import { DomainError, invalidInput, isDomainError } from '../../core/kernel/errors.ts'
import { RESERVED_SLUGS, RESERVED_SUBORGANIZATION_SLUGS } from '../../core/organizations/index.ts'
import type { UsageBuffer } from '../../core/statistics/index.ts'
import { hasPasswordToken } from '../http/credentials.ts'
import { privateJson, type Call, type Route } from '../http/route.ts'
import { notify, notifyDocumented, notifyLegacy } from './notify.ts'
import { toRefusal } from './refusal.ts'
import { repositoryPage } from './repository-page.ts'
import type { RepositoryAddress, RepositoryForm } from './repository-path.ts'

const MAX_PER_PAGE = 100
const MAX_PAGES = 300

/** Matches one segment that is none of these. */
function segmentExcept(name: string, reserved: Iterable<string>): string {
  const words = [...reserved].map((word) => word.replaceAll('.', '\\.')).join('|')
  return `:${name}{(?!(?:${words})(?:/|$))[^/]+}`
}

const ORGANIZATION = segmentExcept('org', RESERVED_SLUGS)
const SUBORGANIZATION = segmentExcept('sub', RESERVED_SUBORGANIZATION_SLUGS)

/**
 * The routes of a Composer repository besides the hot path. They come after those of all other surfaces, because an organization may
 * have any name that is not reserved.
 */
export function repositoryRoutes(usage: UsageBuffer): Route[] {
  const prefixes = [`/${ORGANIZATION}`, `/${ORGANIZATION}/${SUBORGANIZATION}`]
  return [
    ...['/org/:org', `/org/:org/${SUBORGANIZATION}`].flatMap((prefix) => documentedRoutes(prefix, usage)),
    ...prefixes.flatMap((prefix) => canonicalRoutes(prefix, usage)),
  ]
}

function canonicalRoutes(prefix: string, usage: UsageBuffer): Route[] {
  const rows: Pick<Route, 'method' | 'path' | 'clauses' | 'handle'>[] = [
    { method: 'GET', path: '/list.json', clauses: ['CO-130'], handle: list },
    { method: 'GET', path: '/search.json', clauses: ['CO-131'], handle: search },
    { method: 'GET', path: '/providers/:name{.+\\.json}', clauses: ['CO-132'], handle: providers },
    { method: 'GET', path: '/packages/:vendor/:name{.+\\.json}', clauses: ['CO-133'], handle: packagePage },
    {
      method: 'POST',
      path: '/notify-batch',
      clauses: ['CO-139', 'PR-119'],
      handle: (call) => notify(call, addressOf(call, 'canonical'), usage),
    },
    {
      method: 'POST',
      path: '/downloads',
      clauses: ['CO-139'],
      handle: (call) => notify(call, addressOf(call, 'canonical'), usage),
    },
    {
      method: 'POST',
      path: '/downloads/',
      clauses: ['CO-139'],
      handle: (call) => notify(call, addressOf(call, 'canonical'), usage),
    },
    {
      method: 'POST',
      path: '/downloads/:vendor/:name',
      clauses: ['CO-140'],
      handle: (call) => notifyLegacy(call, addressOf(call, 'canonical'), usage),
    },
    { method: 'GET', path: '', clauses: [], handle: repositoryPage },
    { method: 'GET', path: '/', clauses: [], handle: repositoryPage },
  ]
  return rows.map((row) => toRoute({ ...row, path: `${prefix}${row.path}` }, 'canonical'))
}

function documentedRoutes(prefix: string, usage: UsageBuffer): Route[] {
  const surface = 'repository'
  const notified = { clauses: ['PR-204'], handle: (call: Call) => notifyDocumented(call, addressOf(call, 'documented'), usage) }
  return [
    toRoute({ method: 'POST', path: `${prefix}/notify-batch`, limit: { rule: 'api' }, ...notified }, 'documented'),
    { method: 'GET', path: prefix, surface, clauses: [], handle: repositoryPage },
    { method: 'GET', path: `${prefix}/`, surface, clauses: [], handle: repositoryPage },
  ]
}

/** A route whose failures are told as its form of the repository tells them. */
function toRoute(row: Omit<Route, 'surface'>, form: RepositoryForm): Route {
  return {
    ...row,
    surface: 'repository',
    async handle(call) {
      try {
        if (form === 'documented' && !hasPasswordToken(call.request.headers.get('authorization'))) {
          throw new DomainError('unauthenticated')
        }
        return await row.handle(call)
      } catch (error) {
        if (!isDomainError(error)) {
          throw error
        }
        return toRefusal(error, { form, kind: 'route' }).respond()
      }
    },
  }
}

/** The repository that a call names: `slug`, or `slug/slug`. */
function pathOf({ params }: Pick<Call, 'params'>): string {
  return params['sub'] === undefined ? (params['org'] ?? '') : `${params['org']}/${params['sub']}`
}

function addressOf(call: Call, form: RepositoryForm): RepositoryAddress {
  return { form, organization: pathOf(call) }
}

const FIELDS = ['repository', 'type', 'abandoned'] as const

async function list({ ctx, params, query }: Call): Promise<Response> {
  const audience = await getAudience(ctx, pathOf({ params }))
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

async function search({ ctx, params, query, baseUrl }: Call): Promise<Response> {
  const audience = await getAudience(ctx, pathOf({ params }))
  const text = query.get('q') ?? query.get('query') ?? ''
  const type = readType(query.get('type'))
  if (text.trim() === '' && type === null) {
    throw invalidInput('q', 'give something to search for, or a type')
  }
  const page = readNumber(query, 'page', { fallback: 1, max: MAX_PAGES })
  const perPage = readNumber(query, 'per_page', { fallback: 15, max: MAX_PER_PAGE })
  const { results, total } = await searchCatalog(ctx, audience, { query: text, type, page, perPage })
  const next = new URLSearchParams(query)
  next.set('page', String(page + 1))
  const address = `${baseUrl}/${pathOf({ params })}`
  const urls = await findSourceUrls(ctx, audience, results)
  return privateJson({
    results: results.map((entry) => presentResult(entry, address, urls)),
    total,
    ...(page * perPage < total && page < MAX_PAGES ? { next: `${address}/search.json?${next.toString()}` } : {}),
  })
}

/** A literal `%type%` comes from clients that were given none (CO-131). */
function readType(type: string | null): string | null {
  return type === null || type === '' || type === '%type%' ? null : type
}

function readNumber(query: URLSearchParams, name: string, { fallback, max }: { fallback: number; max: number }): number {
  const text = query.get(name)
  if (text === null) {
    return fallback
  }
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > max) {
    throw invalidInput(name, `give a number from 1 to ${max}`)
  }
  return value
}

function presentResult(entry: CatalogEntry, address: string, urls: SourceUrls): Record<string, unknown> {
  return {
    name: entry.name,
    description: entry.description,
    url: `${address}/packages/${entry.name}.json`,
    repository: urls.get(entry.source),
    ...(entry.abandoned === false ? {} : { abandoned: entry.abandoned }),
  }
}

/** Names that are provided need no vendor: `ext-redis` is one. */
function withoutSuffix(name: string | undefined): string {
  return (name ?? '').replace(/\.json$/, '')
}

async function providers({ ctx, params }: Call): Promise<Response> {
  const audience = await getAudience(ctx, pathOf({ params }))
  const found = await listProviders(ctx, audience, withoutSuffix(params['name']))
  return privateJson({ providers: found.map(({ name, description, type }) => ({ name, description, type })) })
}

async function packagePage({ ctx, params, baseUrl }: Call): Promise<Response> {
  const audience = await getAudience(ctx, pathOf({ params }))
  const described = await describePackage(ctx, audience, {
    name: `${params['vendor']}/${withoutSuffix(params['name'])}`,
    repositoryUrl: `${baseUrl}/${pathOf({ params })}`,
  })
  const { package: target, versions } = described
  return privateJson({
    package: {
      name: target.name,
      description: target.description,
      type: target.type,
      versions: Object.fromEntries(versions.map((version) => [String(version['version']), version])),
      ...(target.abandoned === false ? {} : { abandoned: target.abandoned }),
    },
  })
}
