/** What Composer and people ask less often: listings, search, providers, package pages, install notifications, the page for browsers. */
import { DomainError, isDomainError } from '../../core/kernel/errors.ts'
import { RESERVED_SLUGS, RESERVED_SUBORGANIZATION_SLUGS } from '../../core/organizations/index.ts'
import type { UsageBuffer } from '../../core/statistics/index.ts'
import { hasPasswordToken } from '../http/credentials.ts'
import type { Call, Route } from '../http/route.ts'
import { changes } from './changes.ts'
import { packageDownloads, packageSeries, packageStatistics, popular, repositoryStatistics } from './download-pages.ts'
import { feed } from './feeds.ts'
import { list, providers, search } from './listing.ts'
import { lockRows } from './lock-routes.ts'
import { notify, notifyDocumented, notifyLegacy } from './notify.ts'
import { dependents, packagePage, suggesters } from './package-pages.ts'
import { readmePage, type ReadmeRenderer } from './readme-page.ts'
import { toRefusal } from './refusal.ts'
import { repositoryPage } from './repository-page.ts'
import { pathOf, type RepositoryAddress, type RepositoryForm } from './repository-path.ts'
import { safetyRows } from './safety-routes.ts'
import { writeRows, type EnterAs } from './write-api.ts'

/** Matches one segment that is none of these. */
function segmentExcept(name: string, reserved: Iterable<string>): string {
  const words = [...reserved].map((word) => word.replaceAll('.', '\\.')).join('|')
  return `:${name}{(?!(?:${words})(?:/|$))[^/]+}`
}

const ORGANIZATION = segmentExcept('org', RESERVED_SLUGS)
const SUBORGANIZATION = segmentExcept('sub', RESERVED_SUBORGANIZATION_SLUGS)

/** What the routes need besides the call. */
export interface RepositoryRouteParts {
  usage: UsageBuffer
  readmes: ReadmeRenderer
  enterAs: EnterAs
}

/**
 * The routes of a Composer repository besides the hot path. They come after those of all other surfaces, because an organization may
 * have any name that is not reserved.
 */
export function repositoryRoutes(parts: RepositoryRouteParts): Route[] {
  const prefixes = [`/${ORGANIZATION}`, `/${ORGANIZATION}/${SUBORGANIZATION}`]
  return [
    ...['/org/:org', `/org/:org/${SUBORGANIZATION}`].flatMap((prefix) => documentedRoutes(prefix, parts.usage)),
    ...prefixes.flatMap((prefix) => canonicalRoutes(prefix, parts)),
  ]
}

type Row = Pick<Route, 'method' | 'path' | 'clauses' | 'handle'>

/** What is below one package; its own page comes last, because a name may end like any of them. */
function packageRows(readmes: ReadmeRenderer): Row[] {
  const path = '/packages/:vendor/:name'
  return [
    { method: 'GET', path: `${path}/stats.json`, clauses: ['CO-142'], handle: packageStatistics },
    { method: 'GET', path: `${path}/stats/:series{.+\\.json}`, clauses: ['CO-142'], handle: packageSeries },
    { method: 'GET', path: `${path}/downloads.json`, clauses: ['CO-142'], handle: packageDownloads },
    { method: 'GET', path: `${path}/readme.html`, clauses: ['CO-148'], handle: (call) => readmePage(call, readmes) },
    { method: 'GET', path: `${path}/dependents.json`, clauses: ['CO-143'], handle: dependents },
    { method: 'GET', path: `${path}/suggesters.json`, clauses: ['CO-143'], handle: suggesters },
    { method: 'GET', path: `/packages/:vendor/:name{[^/]+\\.json}`, clauses: ['CO-133'], handle: packagePage },
  ]
}

function canonicalRoutes(prefix: string, { usage, readmes, enterAs }: RepositoryRouteParts): Route[] {
  const rows: Row[] = [
    { method: 'GET', path: '/list.json', clauses: ['CO-130'], handle: list },
    { method: 'GET', path: '/search.json', clauses: ['CO-131'], handle: search },
    { method: 'GET', path: '/providers/:name{.+\\.json}', clauses: ['CO-132'], handle: providers },
    { method: 'GET', path: '/metadata/changes.json', clauses: ['CO-141'], handle: changes },
    ...packageRows(readmes),
    { method: 'GET', path: '/feeds/:feed{.+\\.(?:atom|rss)}', clauses: ['CO-144'], handle: feed },
    { method: 'GET', path: '/explore/popular.json', clauses: ['CO-142'], handle: popular },
    { method: 'GET', path: '/statistics.json', clauses: ['CO-142'], handle: repositoryStatistics },
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
    ...safetyRows('canonical', addressOf),
    ...writeRows(enterAs),
    ...lockRows(),
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
    ...safetyRows('documented', addressOf).map((row) => toRoute({ ...row, path: `${prefix}${row.path}` }, 'documented')),
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

function addressOf(call: Call, form: RepositoryForm): RepositoryAddress {
  return { form, organization: pathOf(call.params) }
}
