/** Filters, order and pages of lists (contract gitlab.md §5). */
import type { VersionFilter, VersionPage } from '../../../core/catalog/index.ts'
import { InvalidParameter } from './errors.ts'

/** One page of a list, from 1. */
export interface Paging {
  page: number
  perPage: number
}

const DEFAULT_PER_PAGE = 20
const MAX_PER_PAGE = 100
const MAX_PAGE = 100_000
const MAX_SEARCH = 300

/** Every type that is known there; all but one have no packages here. */
const TYPES = new Set([
  'composer',
  'conan',
  'debian',
  'generic',
  'golang',
  'helm',
  'maven',
  'ml_model',
  'npm',
  'nuget',
  'pypi',
  'rpm',
  'rubygems',
  'terraform_module',
])
const STATUSES = new Set(['default', 'hidden', 'processing', 'error', 'pending_destruction', 'deprecated'])

/** Whether a list has to be empty, because nothing here is of that type or in that state. */
export function isEmptyList(query: URLSearchParams): boolean {
  return (query.get('package_type') ?? 'composer') !== 'composer' || (query.get('status') ?? 'default') !== 'default'
}

/** Filters and order of a list. Throws `InvalidParameter` for a value that none may have. */
export function readListing(
  query: URLSearchParams,
  of: 'group' | 'project',
): { filter: Pick<VersionFilter, 'search' | 'version'>; order: Pick<VersionPage, 'orderBy' | 'direction'> } {
  requireOneOf(query, 'package_type', TYPES)
  requireOneOf(query, 'status', STATUSES)
  requireOneOf(query, 'sort', new Set(['asc', 'desc']))
  requireOneOf(query, 'include_versionless', new Set(['true', 'false']))
  const orders: Record<string, VersionPage['orderBy']> = {
    created_at: 'created',
    name: 'name',
    version: 'version',
    type: 'created',
    ...(of === 'group' ? { project_path: 'source' } : {}),
  }
  requireOneOf(query, 'order_by', new Set(Object.keys(orders)))
  return {
    filter: { search: query.get('package_name')?.slice(0, MAX_SEARCH) ?? null, version: query.get('package_version') },
    order: {
      orderBy: orders[query.get('order_by') ?? 'created_at'] ?? 'created',
      direction: query.get('sort') === 'desc' ? 'desc' : 'asc',
    },
  }
}

function requireOneOf(query: URLSearchParams, name: string, values: ReadonlySet<string>): void {
  const value = query.get(name)
  if (value !== null && !values.has(value)) {
    throw new InvalidParameter(`${name} does not have a valid value`)
  }
}

/** The page that is wanted. Throws `InvalidParameter` for what is no number. */
export function readPage(query: URLSearchParams): Paging {
  return {
    page: Math.max(1, readNumber(query, 'page') ?? 1),
    perPage: Math.min(Math.max(1, readNumber(query, 'per_page') ?? DEFAULT_PER_PAGE), MAX_PER_PAGE),
  }
}

function readNumber(query: URLSearchParams, name: string): number | null {
  const text = query.get(name)
  if (text === null || text === '') {
    return null
  }
  if (!/^\d{1,9}$/.test(text) || Number(text) > MAX_PAGE) {
    throw new InvalidParameter(`${name} is invalid`)
  }
  return Number(text)
}

/** The headers by which clients find the other pages. A credential in the query is not repeated in links. */
export function pageHeaders(
  { baseUrl, rawPath, query }: { baseUrl: string; rawPath: string; query: URLSearchParams },
  { page, perPage }: Paging,
  total: number,
): Record<string, string> {
  const pages = Math.max(1, Math.ceil(total / perPage))
  const linkTo = (number: number, rel: string) => {
    const parameters = new URLSearchParams(query)
    parameters.delete('private_token')
    parameters.delete('job_token')
    parameters.set('page', String(number))
    parameters.set('per_page', String(perPage))
    return `<${baseUrl}${rawPath}?${parameters.toString()}>; rel="${rel}"`
  }
  const links = [
    ...(page > 1 ? [linkTo(page - 1, 'prev')] : []),
    ...(page < pages ? [linkTo(page + 1, 'next')] : []),
    linkTo(1, 'first'),
    linkTo(pages, 'last'),
  ]
  return {
    'X-Page': String(page),
    'X-Per-Page': String(perPage),
    'X-Next-Page': page < pages ? String(page + 1) : '',
    'X-Prev-Page': page > 1 ? String(page - 1) : '',
    'X-Total': String(total),
    'X-Total-Pages': String(pages),
    Link: links.join(', '),
  }
}
