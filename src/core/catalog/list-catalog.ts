import { coversPackage } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { invalidInput } from '../kernel/errors.ts'
import type { SourceId } from '../kernel/values.ts'
import { selectSourcesById } from '../sources/index.ts'
import { sees, type Audience } from './audience.ts'
import { selectListed, selectMatching, selectProviders, type ListedRow } from './listing.sql.ts'
import { isOpenOrigin } from './version-origin.ts'

/** A package in a list. */
export interface CatalogEntry {
  name: string
  type: string
  description: string
  abandoned: boolean | string
  source: SourceId
}

function toEntry({ abandoned, ...row }: ListedRow): CatalogEntry {
  return { ...row, abandoned: abandoned === null ? false : (JSON.parse(abandoned) as boolean | string) }
}

/** Which packages to list; null means any. `filter` is a name pattern with `*`, anchored, ignoring case. */
export interface CatalogFilter {
  filter: string | null
  vendor: string | null
  type: string | null
}

const MAX_FILTER = 200

/** The packages that the audience sees and that match, by name (CO-130). Throws `invalid_input` for a pattern that is too long. */
export async function listCatalog(ctx: Pick<Ctx, 'db'>, audience: Audience, filter: CatalogFilter): Promise<CatalogEntry[]> {
  if ((filter.filter ?? '').length > MAX_FILTER) {
    throw invalidInput('filter', `give at most ${MAX_FILTER} characters`)
  }
  const matches = toMatcher(filter.filter)
  const rows = await selectListed(ctx.db, audience.organization.id, {
    vendor: filter.vendor?.toLowerCase() ?? null,
    type: filter.type,
  })
  return rows.filter((row) => sees(audience, row.name) && matches(row.name)).map(toEntry)
}

/** A pattern as a test of names. */
function toMatcher(pattern: string | null): (name: string) => boolean {
  const globs = pattern === null || pattern === '' ? null : [pattern.toLowerCase()]
  return (name) => coversPackage(globs, name)
}

const MAX_WORDS = 10
const MAX_QUERY = 200
const MAX_MATCHES = 5_000

/** A search as a client asks for it. Pages count from 1. */
export interface SearchCatalog {
  query: string
  type: string | null
  page: number
  perPage: number
}

/**
 * Packages whose name or description contains every word of the query, those with a matching name first (CO-131). At most
 * `MAX_MATCHES` are considered, so that a search takes bounded time whatever was asked.
 */
export async function searchCatalog(
  ctx: Pick<Ctx, 'db'>,
  audience: Audience,
  input: SearchCatalog,
): Promise<{ results: CatalogEntry[]; total: number }> {
  const words = input.query
    .slice(0, MAX_QUERY)
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, MAX_WORDS)
  const visible = await selectMatching(ctx.db, audience.organization.id, {
    words,
    type: input.type,
    visible: audience.visible,
    limit: MAX_MATCHES,
  })
  const byName = visible.filter((row) => words.every((word) => row.name.includes(word)))
  const named = new Set(byName)
  const ordered = [...byName, ...visible.filter((row) => !named.has(row))]
  const start = (input.page - 1) * input.perPage
  return { results: ordered.slice(start, start + input.perPage).map(toEntry), total: ordered.length }
}

/** The packages that provide a name, as far as the audience sees them (CO-132); none for a name nobody provides. */
export async function listProviders(ctx: Pick<Ctx, 'db'>, audience: Audience, name: string): Promise<CatalogEntry[]> {
  const rows = await selectProviders(ctx.db, audience.organization.id, name.toLowerCase())
  return rows.filter((row) => sees(audience, row.name)).map(toEntry)
}

/** The URLs of the repositories that these packages come from, by their source, as far as the audience is told them. */
export async function findSourceUrls(
  ctx: Pick<Ctx, 'db'>,
  { origins }: Pick<Audience, 'origins'>,
  entries: readonly CatalogEntry[],
): Promise<Map<SourceId, string>> {
  const sources = await selectSourcesById(ctx.db, [...new Set(entries.map((entry) => entry.source))])
  const told = [...sources.values()].filter((source) => source.kind === 'vcs' && (origins === 'all' || isOpenOrigin(source)))
  return new Map(told.map(({ id, url }) => [id, url]))
}
