/** What Composer and people ask less often: listings, search, providers, package pages, install notifications, the page for browsers. */
import { z } from 'zod'
import {
  describePackage,
  findSourceUrls,
  findVisiblePackages,
  getAudience,
  listCatalog,
  listProviders,
  searchCatalog,
  type CatalogEntry,
} from '../../core/catalog/index.ts'
import { invalidInput } from '../../core/kernel/errors.ts'
import { countInstalls, type ReportedInstall, type UsageBuffer } from '../../core/statistics/index.ts'
import { readBody } from '../http/request-body.ts'
import { privateJson, type Call, type Route } from '../http/route.ts'
import { repositoryPage } from './repository-page.ts'

const NOTIFY_BYTES = 1024 * 1024
const MAX_INSTALLS = 5_000
const MAX_PER_PAGE = 100
const MAX_PAGES = 300

/** The routes of a Composer repository besides the hot path. */
export function repositoryRoutes(usage: UsageBuffer): Route[] {
  const surface = 'repository'
  return [
    { method: 'GET', path: '/:org/list.json', surface, clauses: ['CO-130'], handle: list },
    { method: 'GET', path: '/:org/search.json', surface, clauses: ['CO-131'], handle: search },
    { method: 'GET', path: '/:org/providers/:name{.+\\.json}', surface, clauses: ['CO-132'], handle: providers },
    { method: 'GET', path: '/:org/packages/:vendor/:name{.+\\.json}', surface, clauses: ['CO-133'], handle: packagePage },
    { method: 'POST', path: '/:org/notify-batch', surface, clauses: ['CO-139'], handle: (call) => notify(call, usage) },
    { method: 'POST', path: '/:org/downloads', surface, clauses: ['CO-139'], handle: (call) => notify(call, usage) },
    { method: 'POST', path: '/:org/downloads/', surface, clauses: ['CO-139'], handle: (call) => notify(call, usage) },
    { method: 'GET', path: '/:org', surface, clauses: [], handle: repositoryPage },
    { method: 'GET', path: '/:org/', surface, clauses: [], handle: repositoryPage },
  ]
}

const FIELDS = ['repository', 'type', 'abandoned'] as const

async function list({ ctx, params, query }: Call): Promise<Response> {
  const audience = await getAudience(ctx, params['org'] ?? '')
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
  const urls: SourceUrls = fields.includes('repository') ? await findSourceUrls(ctx, entries) : new Map()
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
  const audience = await getAudience(ctx, params['org'] ?? '')
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
  const address = `${baseUrl}/${audience.organization.slug}`
  const urls = await findSourceUrls(ctx, results)
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
  const audience = await getAudience(ctx, params['org'] ?? '')
  const found = await listProviders(ctx, audience, withoutSuffix(params['name']))
  return privateJson({ providers: found.map(({ name, description, type }) => ({ name, description, type })) })
}

async function packagePage({ ctx, params, baseUrl }: Call): Promise<Response> {
  const audience = await getAudience(ctx, params['org'] ?? '')
  const described = await describePackage(ctx, audience, {
    name: `${params['vendor']}/${withoutSuffix(params['name'])}`,
    repositoryUrl: `${baseUrl}/${audience.organization.slug}`,
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

/** Entries of another shape are left out one by one: a report is never refused for a part of it. */
const Notification = z.object({ downloads: z.array(z.unknown()) })
const Install = z.object({
  name: z
    .string()
    .max(300)
    .regex(/^[\w.\-/]+$/),
  version: z.string().max(300),
})

/**
 * Counts what a client reports of packages that it may see. Whatever cannot be counted is ignored: clients do not read the
 * answer (contract composer.md §7.5, abuse 50).
 */
async function notify({ ctx, params, request, signal }: Call, usage: UsageBuffer): Promise<Response> {
  const audience = await getAudience(ctx, params['org'] ?? '')
  const reported = parseInstalls(await readBody(request, { limit: NOTIFY_BYTES, signal }))
  const packages = await findVisiblePackages(
    ctx,
    audience,
    reported.map(({ name }) => name.toLowerCase()),
  )
  const installs: ReportedInstall[] = []
  for (const { name, version } of reported) {
    const target = packages.get(name.toLowerCase())
    if (target !== undefined) {
      installs.push({ package: target, version })
    }
  }
  const counted = await countInstalls(ctx.db, usage, { installs, at: ctx.now })
  return counted === reported.length
    ? privateJson({ status: 'success' }, 201)
    : privateJson({ status: 'partial', message: `${counted} of ${reported.length} installs were counted.` })
}

function parseInstalls(body: Uint8Array): z.output<typeof Install>[] {
  const parsed = Notification.safeParse(parseJson(body))
  if (!parsed.success) {
    throw invalidInput('downloads', 'give a JSON object with a list "downloads"')
  }
  const seen = new Set<string>()
  const installs: z.output<typeof Install>[] = []
  for (const entry of parsed.data.downloads.slice(0, MAX_INSTALLS)) {
    const install = Install.safeParse(entry)
    if (install.success && !seen.has(install.data.name)) {
      seen.add(install.data.name)
      installs.push(install.data)
    }
  }
  return installs
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return null
  }
}
