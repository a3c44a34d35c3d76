/** Downloads as they are shown of packages (CO-142, contract composer.md §7.3). Whoever may not read statistics is refused. */
import { compareVersions } from '../../composer/index.ts'
import { countPublishedVersions, getAudience, getVisiblePackage, listCatalog, type Audience } from '../../core/catalog/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { DomainError, invalidInput } from '../../core/kernel/errors.ts'
import { selectVersions, type Package, type VersionRow } from '../../core/packages/index.ts'
import {
  addDays,
  listDownloadSeries,
  NO_DOWNLOADS,
  parseDay,
  sumDownloads,
  sumDownloadsByVersion,
  toDay,
  type DayRange,
  type Step,
} from '../../core/statistics/index.ts'
import { privateJson, type Call } from '../http/route.ts'
import { presentCounts, withoutSuffix } from './listing.ts'
import { readPage } from './read-page.ts'
import { pathOf } from './repository-path.ts'

/** A package as a path names it, for somebody who sees it. */
interface Asked {
  audience: Audience
  target: Package
  createdOn: string
}

async function getAsked({ ctx, params }: Call): Promise<Asked> {
  const audience = await getAudience(ctx, pathOf(params))
  const target = await getVisiblePackage(ctx, audience, `${params['vendor']}/${params['name']}`)
  return { audience, target, createdOn: toDay(target.createdAt) }
}

/** Branches first, each kind from its highest version down. */
async function listVersions(ctx: Ctx, target: Package): Promise<VersionRow[]> {
  const downward = (left: VersionRow, right: VersionRow) => compareVersions(right.normalized, left.normalized)
  const branches = await selectVersions(ctx.db, target.id, 'dev')
  const releases = await selectVersions(ctx.db, target.id, 'stable')
  return [...branches.toSorted(downward), ...releases.toSorted(downward)]
}

/** Downloads of a package, its versions, and what its series are best shown by. */
export async function packageStatistics(call: Call): Promise<Response> {
  const { ctx } = call
  const { audience, target, createdOn } = await getAsked(call)
  const downloads = await sumDownloads(ctx, audience.organization.id, [target.id])
  const versions = await listVersions(ctx, target)
  return privateJson({
    downloads: downloads.get(target.id) ?? NO_DOWNLOADS,
    versions: versions.map(({ version }) => version),
    average: chooseAverage(createdOn, toDay(ctx.now)),
    date: createdOn,
  })
}

/** Downloads of a package and of each version. */
export async function packageDownloads(call: Call): Promise<Response> {
  const { ctx } = call
  const { audience, target } = await getAsked(call)
  const organization = audience.organization.id
  const total = (await sumDownloads(ctx, organization, [target.id])).get(target.id) ?? NO_DOWNLOADS
  const byVersion = await sumDownloadsByVersion(ctx, { organization, package: target.id })
  const versions = await listVersions(ctx, target)
  const shown = versions.map(({ version, normalized }) => [version, byVersion.get(normalized) ?? NO_DOWNLOADS])
  return privateJson({
    package: { name: target.name, downloads: { total, versions: Object.fromEntries(shown) }, favers: 0 },
  })
}

/** How downloads of a package went: of all versions together, of one (`stats/1.2.0.json`), or by series (`stats/major/2.json`). */
export async function packageSeries(call: Call): Promise<Response> {
  const { ctx, params } = call
  const asked = await getAsked(call)
  const { average, range } = readSeries(call, asked.createdOn)
  const { organization } = asked.audience
  const groupOf = await chooseGroups(ctx, asked.target, withoutSuffix(params['series']))
  const wanted = { organization: organization.id, package: asked.target.id, range, step: STEPS[average] }
  const { starts, values } = await listDownloadSeries(ctx, wanted, groupOf.of)
  for (const group of groupOf.always) {
    values.set(group, values.get(group) ?? starts.map(() => 0))
  }
  return privateJson({
    labels: starts.map((start) => (average === 'monthly' ? start.slice(0, 7) : start)),
    values: Object.fromEntries([...values].toSorted(([left], [right]) => left.localeCompare(right, 'en', { numeric: true }))),
    average,
  })
}

type Average = 'daily' | 'weekly' | 'monthly'
const STEPS: Readonly<Record<Average, Step>> = { daily: 'day', weekly: 'week', monthly: 'month' }
const DAYS_BY_DAY = 49
const DAYS_BY_WEEK = 365

function chooseAverage(since: string, until: string): Average {
  if (since >= addDays(until, -DAYS_BY_DAY)) {
    return 'daily'
  }
  return since >= addDays(until, -DAYS_BY_WEEK) ? 'weekly' : 'monthly'
}

function readSeries({ ctx, query }: Call, createdOn: string): { average: Average; range: DayRange } {
  const until = query.has('to') ? parseDay('to', query.get('to') ?? '') : toDay(ctx.now)
  const first = createdOn > until ? until : createdOn
  const since = query.has('from') ? parseDay('from', query.get('from') ?? '') : first
  const average = query.get('average') ?? chooseAverage(since, until)
  if (average !== 'daily' && average !== 'weekly' && average !== 'monthly') {
    throw invalidInput('average', 'give daily, weekly or monthly')
  }
  return { average, range: { since, until } }
}

/** Which figure each version adds to, and which are shown in any case. */
interface Groups {
  of: (normalized: string) => string | null
  always: readonly string[]
}

async function chooseGroups(ctx: Ctx, target: Package, series: string): Promise<Groups> {
  if (series === 'all') {
    return { of: () => target.name, always: [target.name] }
  }
  if (series.startsWith('major/')) {
    const major = series.slice('major/'.length)
    return { of: (normalized) => toSeries(normalized, major), always: [] }
  }
  const wanted = (await listVersions(ctx, target)).find(({ version, normalized }) => version === series || normalized === series)
  if (wanted === undefined) {
    throw new DomainError('version_not_found')
  }
  return { of: (normalized) => (normalized === wanted.normalized ? wanted.version : null), always: [wanted.version] }
}

/** The major series of a release; within one major series the minor one. Branches belong to none. */
function toSeries(normalized: string, major: string): string | null {
  const [, first, second] = /^(\d+)\.(\d+)\./.exec(normalized) ?? []
  if (first === undefined || normalized.includes('9999999')) {
    return null
  }
  if (major === 'all') {
    return first
  }
  return first === major ? `${first}.${second}` : null
}

/** The packages that are downloaded most. */
export async function popular({ ctx, params, query, baseUrl }: Call): Promise<Response> {
  const audience = await getAudience(ctx, pathOf(params))
  const downloads = await sumDownloads(ctx, audience.organization.id, null)
  const { page, perPage, next } = readPage(query, { perPage: 15 })
  const entries = await listCatalog(ctx, audience, { filter: null, vendor: null, type: null })
  const totalOf = (entry: (typeof entries)[number]) => downloads.get(entry.id)?.total ?? 0
  const ordered = entries.toSorted((left, right) => totalOf(right) - totalOf(left))
  const address = `${baseUrl}/${pathOf(params)}`
  const following = next(entries.length)
  return privateJson({
    packages: ordered.slice((page - 1) * perPage, page * perPage).map((entry) => ({
      name: entry.name,
      description: entry.description,
      url: `${address}/packages/${entry.name}.json`,
      ...presentCounts(entry.id, downloads),
    })),
    total: entries.length,
    ...(following === null ? {} : { next: `${address}/explore/popular.json?${following}` }),
  })
}

/** Totals of the repository as far as the asker sees it. */
export async function repositoryStatistics({ ctx, params }: Call): Promise<Response> {
  const audience = await getAudience(ctx, pathOf(params))
  const sums = await sumDownloads(ctx, audience.organization.id, null)
  const entries = await listCatalog(ctx, audience, { filter: null, vendor: null, type: null })
  let downloads = 0
  for (const { id } of entries) {
    downloads += sums.get(id)?.total ?? 0
  }
  const versions = await countPublishedVersions(ctx.db, {
    parts: [{ organization: audience.organization.id, visible: audience.visible }],
    source: null,
  })
  return privateJson({ totals: { downloads, packages: entries.length, versions } })
}
