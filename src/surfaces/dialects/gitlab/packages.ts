/** The general packages API as far as Composer's users need it (contract gitlab.md §5). What it calls a package is a version. */
import { plainVersion } from '../../../composer/index.ts'
import {
  countPublishedVersions,
  getFamilyAudience,
  getSourceAudience,
  selectPublishedVersions,
  sourcePath,
  type PublishedVersionRow,
  type SourceAudience,
  type VersionFilter,
} from '../../../core/catalog/index.ts'
import type { Ctx } from '../../../core/kernel/ctx.ts'
import { DomainError } from '../../../core/kernel/errors.ts'
import type { OrganizationId, SourceId, VersionId } from '../../../core/kernel/values.ts'
import { findOrganization } from '../../../core/organizations/index.ts'
import { deleteVersion, findSource, mayDeleteVersions } from '../../../core/sources/index.ts'
import { answer, InvalidParameter, noRoute } from './errors.ts'
import { isEmptyList, pageHeaders, readListing, readPage, type Paging } from './listing.ts'
import type { GitlabPath } from './path.ts'

/** A call of this API. */
export interface PackagesCall {
  method: string
  path: GitlabPath
  query: URLSearchParams
  baseUrl: string
  rawPath: string
}

/** Answers a call. Parameters come before credentials (§2.0 rule 11). */
export async function handlePackages(enter: () => Promise<Ctx>, call: PackagesCall): Promise<Response> {
  const { path, method } = call
  switch (path.kind) {
    case 'group-packages':
      return listOfGroup(enter, call, path.group)
    case 'project-packages':
      return listOfProject(enter, call, path.project)
    case 'package':
      return method === 'DELETE' ? remove(await enter(), path) : show(await enter(), call, path)
    case 'package-files': {
      await getVersion(await enter(), path)
      return answer(200, [])
    }
    case 'package-file': {
      await getVersion(await enter(), path)
      throw new DomainError('version_not_found')
    }
    default:
      return noRoute()
  }
}

async function listOfGroup(enter: () => Promise<Ctx>, call: PackagesCall, group: number | string): Promise<Response> {
  const { query } = call
  const listing = readListing(query, 'group')
  const page = readPage(query)
  const exclude = query.get('exclude_subgroups') ?? 'false'
  if (exclude !== 'true' && exclude !== 'false') {
    throw new InvalidParameter('exclude_subgroups is invalid')
  }
  const ctx = await enter()
  const { organization, parts } = await getFamilyAudience(ctx, group as OrganizationId | string)
  const shown = exclude === 'true' ? parts.filter((part) => part.organization.id === organization.id) : parts
  const filter: VersionFilter = {
    ...listing.filter,
    parts: shown.map((part) => ({ organization: part.organization.id, visible: part.visible })),
    source: null,
  }
  const isEmpty = shown.length === 0 || isEmptyList(query)
  const { rows, total } = await find(ctx, { filter, listing, page, isEmpty })
  const items = []
  for (const row of rows) {
    const path = await pathOf(ctx, row.source)
    items.push({ ...present(row, { path, baseUrl: call.baseUrl, mayDelete: false }), project_id: row.source, project_path: path })
  }
  return answer(200, items, pageHeaders(call, page, total))
}

async function listOfProject(enter: () => Promise<Ctx>, call: PackagesCall, project: number | string): Promise<Response> {
  const { query } = call
  const listing = readListing(query, 'project')
  const page = readPage(query)
  const asked = await enter()
  const seen = await getSourceAudience(asked, project as SourceId | string, 'source')
  const ctx = { ...asked, actor: seen.actor }
  const filter = { ...listing.filter, ...only(seen) }
  const { rows, total } = await find(ctx, { filter, listing, page, isEmpty: isEmptyList(query) })
  const place = {
    path: await sourcePath(ctx.db, seen),
    baseUrl: call.baseUrl,
    mayDelete: await mayDeleteVersions(ctx, seen.source),
  }
  return answer(
    200,
    rows.map((row) => present(row, place)),
    pageHeaders(call, page, total),
  )
}

interface Finding {
  filter: VersionFilter
  listing: ReturnType<typeof readListing>
  page: Paging
  isEmpty: boolean
}

async function find(
  { db }: Ctx,
  { filter, listing, page, isEmpty }: Finding,
): Promise<{ rows: PublishedVersionRow[]; total: number }> {
  if (isEmpty) {
    return { rows: [], total: 0 }
  }
  const bounds = { ...listing.order, limit: page.perPage, offset: (page.page - 1) * page.perPage }
  return { rows: await selectPublishedVersions(db, filter, bounds), total: await countPublishedVersions(db, filter) }
}

function only({ source, organization, audience }: SourceAudience): Pick<VersionFilter, 'parts' | 'source'> {
  return { parts: [{ organization: organization.id, visible: audience.visible }], source: source.id }
}

interface Wanted {
  project: number | string
  id: number
}

async function getVersion(ctx: Ctx, { project, id }: Wanted): Promise<{ row: PublishedVersionRow; seen: SourceAudience }> {
  const seen = await getSourceAudience(ctx, project as SourceId | string, 'source')
  const bounds = { orderBy: 'created', direction: 'asc', limit: 1, offset: 0 } as const
  const [row] = await selectPublishedVersions(ctx.db, { ...only(seen), id: id as VersionId }, bounds)
  if (row === undefined) {
    throw new DomainError('version_not_found')
  }
  return { row, seen }
}

const MAX_SIBLINGS = 1000

async function show(asked: Ctx, { baseUrl }: PackagesCall, wanted: Wanted): Promise<Response> {
  const { row, seen } = await getVersion(asked, wanted)
  const ctx = { ...asked, actor: seen.actor }
  const bounds = { orderBy: 'created', direction: 'asc', limit: MAX_SIBLINGS, offset: 0 } as const
  const siblings = await selectPublishedVersions(ctx.db, { ...only(seen), name: row.name }, bounds)
  const place = { path: await sourcePath(ctx.db, seen), baseUrl, mayDelete: await mayDeleteVersions(ctx, seen.source) }
  const versions = siblings
    .filter(({ id }) => id !== row.id)
    .map((one) => ({ id: one.id, version: versionOf(one), created_at: toTime(one.publishedAt), tags: [], pipelines: [] }))
  return answer(200, { ...present(row, place), versions })
}

async function remove(asked: Ctx, wanted: Wanted): Promise<Response> {
  const { row, seen } = await getVersion(asked, wanted)
  await deleteVersion({ ...asked, actor: seen.actor }, { source: seen.source, id: row.id })
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'private, no-store' } })
}

async function pathOf({ db }: Ctx, id: SourceId): Promise<string> {
  const source = await findSource(db, id)
  const organization = source === null ? null : await findOrganization(db, source.organization)
  return source === null || organization === null ? '' : sourcePath(db, { source, organization })
}

function versionOf({ ref, version }: PublishedVersionRow): string {
  if (ref.startsWith('refs/tags/')) {
    return plainVersion({ kind: 'tag', name: ref.slice(10) })
  }
  return ref.startsWith('refs/heads/') ? plainVersion({ kind: 'branch', name: ref.slice(11) }) : version.replace(/^v/, '')
}

function toTime(instant: number): string {
  return new Date(instant).toISOString()
}

interface Place {
  path: string
  baseUrl: string
  mayDelete: boolean
}

function present(row: PublishedVersionRow, { path, baseUrl, mayDelete }: Place) {
  return {
    id: row.id,
    name: row.name,
    version: versionOf(row),
    package_type: 'composer',
    status: 'default',
    _links: {
      web_path: `/${path}/-/packages/${row.id}`,
      ...(mayDelete ? { delete_api_path: `${baseUrl}/api/v4/projects/${row.source}/packages/${row.id}` } : {}),
    },
    created_at: toTime(row.publishedAt),
    last_downloaded_at: row.lastDay === null ? null : `${row.lastDay}T00:00:00.000Z`,
    tags: [],
    pipelines: [],
  }
}
