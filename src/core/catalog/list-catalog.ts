import { coversPackage } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { invalidInput } from '../kernel/errors.ts'
import type { PackageId, SourceId } from '../kernel/values.ts'
import { selectSourcesById } from '../sources/index.ts'
import { sees, type Audience } from './audience.ts'
import {
  selectListed,
  selectMatching,
  selectProviders,
  selectRequiring,
  selectVirtual,
  type ListedRow,
  type RequirementKind,
} from './listing.sql.ts'
import { isOpenOrigin } from './version-origin.ts'

/** A package in a list. */
export interface CatalogEntry {
  id: PackageId
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
const MAX_TAGS = 20
const MAX_QUERY = 200
const MAX_MATCHES = 5_000

/** A search as a client asks for it. Pages count from 1. */
export interface SearchCatalog {
  query: string
  /** A package has to have one of them as keyword, if there are any. */
  tags?: readonly string[]
  type: string | null
  page: number
  perPage: number
}

/** What a search finds: packages, and names that packages provide and none has. */
export type SearchResult = CatalogEntry | { virtual: true; name: string }

/**
 * Packages whose name or description contains every word of the query, those with a matching name first, then names that are only provided
 * (CO-131). At most `MAX_MATCHES` are considered, so that a search takes bounded time whatever was asked.
 */
export async function searchCatalog(
  ctx: Pick<Ctx, 'db'>,
  audience: Audience,
  input: SearchCatalog,
): Promise<{ results: SearchResult[]; total: number }> {
  const words = input.query
    .slice(0, MAX_QUERY)
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, MAX_WORDS)
  const visible = await selectMatching(ctx.db, audience.organization.id, {
    words,
    tags: (input.tags ?? []).slice(0, MAX_TAGS).map((tag) => tag.toLowerCase()),
    type: input.type,
    visible: audience.visible,
    limit: MAX_MATCHES,
  })
  const byName = visible.filter((row) => words.every((word) => row.name.includes(word)))
  const named = new Set(byName)
  const ordered = [...byName, ...visible.filter((row) => !named.has(row))]
  const isByWords = input.type === null && (input.tags ?? []).length === 0
  const virtual = isByWords ? await findVirtual(ctx, audience, words) : []
  const start = (input.page - 1) * input.perPage
  const end = start + input.perPage
  const results: SearchResult[] = [
    ...ordered.slice(start, end).map(toEntry),
    ...virtual.slice(Math.max(0, start - ordered.length), Math.max(0, end - ordered.length)),
  ]
  return { results, total: ordered.length + virtual.length }
}

async function findVirtual(
  ctx: Pick<Ctx, 'db'>,
  audience: Audience,
  words: readonly string[],
): Promise<{ virtual: true; name: string }[]> {
  const rows = await selectVirtual(ctx.db, audience.organization.id, { words, limit: MAX_MATCHES })
  // A package that may not be seen must not be told by the absence of its name.
  const isReal = ({ name, real }: (typeof rows)[number]) => real !== null && sees(audience, name)
  const names = new Set(rows.filter((row) => sees(audience, row.provider) && !isReal(row)).map(({ name }) => name))
  return [...names].map((name) => ({ virtual: true, name }))
}

/** The packages that name another one (lower case) in one of these sections of their manifest, as far as the audience sees them (CO-143). */
export async function listRequiring(
  ctx: Pick<Ctx, 'db'>,
  audience: Audience,
  asked: { name: string; kinds: readonly RequirementKind[] },
): Promise<CatalogEntry[]> {
  const rows = await selectRequiring(ctx.db, audience.organization.id, asked)
  return rows.filter((row) => sees(audience, row.name)).map(toEntry)
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
  entries: readonly Pick<CatalogEntry, 'source'>[],
): Promise<Map<SourceId, string>> {
  const sources = await selectSourcesById(ctx.db, [...new Set(entries.map((entry) => entry.source))])
  const told = [...sources.values()].filter((source) => source.kind === 'vcs' && (origins === 'all' || isOpenOrigin(source)))
  return new Map(told.map(({ id, url }) => [id, url]))
}
