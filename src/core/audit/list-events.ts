import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { invalidInput } from '../kernel/errors.ts'
import { MAX_PAGE, type Page, type Paged } from '../kernel/paging.ts'
import type { EventId, Instant, OrganizationId } from '../kernel/values.ts'
import { findMentioned, toAuditEntry, type AuditEntry } from './audit-entry.ts'
import { EVENT_PHRASES } from './event-phrases.ts'
import { findNewestEvent, selectEvents, selectPackagesEverNamed, type EventFilter } from './events.sql.ts'
import { selectNames } from './names.sql.ts'

/** What of the audit log somebody wants to see. Null and absent mean everything of that sort. */
export interface AuditQuery {
  /** Null is the whole instance, for operators. */
  organization: OrganizationId | null
  /** Types such as `token.created`, or prefixes such as `token.*` and `token`. */
  types?: readonly string[] | null
  /** A kind such as `system`, or one token or user. */
  actor?: { kind: string; id: number | null } | null
  /** A package's name; within an organization only. */
  package?: string | null
  since?: Instant | null
  /** Exclusive. */
  until?: Instant | null
  /** Looked for in what was recorded, ignoring case. */
  text?: string | null
}

const MAX_TEXT = 200

/** All types of events of this release, in order. */
export const EVENT_TYPES: readonly string[] = Object.keys(EVENT_PHRASES).sort()

/**
 * Events newest first; `page.after` is the id before which to go on. A page may be short, or even empty, and still have a next one: a search for
 * text looks through a bounded number of events at a time. Throws `forbidden` and its kin, and `invalid_input` for types that do not exist.
 */
export async function listAuditEvents(ctx: Ctx, query: AuditQuery, page: Page): Promise<Paged<AuditEntry>> {
  const filter = await prepare(ctx, query)
  return filter === null ? { items: [], next: null } : read(ctx, filter, { ...page, newerThan: null })
}

/**
 * The events that came after one that was seen, oldest first, with the last id that was looked at. With null nothing is listed, and the id
 * is that of the newest event.
 */
export async function listAuditEventsAfter(
  ctx: Ctx,
  query: AuditQuery,
  seen: EventId | null,
): Promise<{ items: AuditEntry[]; seen: EventId }> {
  const filter = await prepare(ctx, query)
  const newest = (await findNewestEvent(ctx.db, query.organization)) ?? (0 as EventId)
  if (seen === null || filter === null || newest <= seen) {
    return { items: [], seen: newest }
  }
  const items: AuditEntry[] = []
  let after: number | null = newest + 1
  while (after !== null) {
    const slice: Paged<AuditEntry> = await read(ctx, filter, { limit: MAX_PAGE, after, newerThan: seen })
    items.push(...slice.items)
    after = slice.next
  }
  return { items: items.reverse(), seen: newest }
}

/** All events of a query, newest first, page by page, so that any number of them takes the memory of one page. */
export async function* streamAuditEvents(ctx: Ctx, query: AuditQuery): AsyncGenerator<AuditEntry> {
  const filter = await prepare(ctx, query)
  let after: number | null = null
  while (filter !== null) {
    const slice: Paged<AuditEntry> = await read(ctx, filter, { limit: MAX_PAGE, after, newerThan: null })
    yield* slice.items
    if (slice.next === null) {
      return
    }
    after = slice.next
  }
}

async function read(ctx: Ctx, filter: EventFilter, page: Page & { newerThan: EventId | null }): Promise<Paged<AuditEntry>> {
  const { rows, next } = await selectEvents(ctx.db, filter, {
    before: page.after as EventId | null,
    after: page.newerThan,
    limit: Math.min(Math.max(1, page.limit), MAX_PAGE),
  })
  const names = await selectNames(ctx.db, findMentioned(rows))
  return { items: rows.map((row) => toAuditEntry(row, names)), next }
}

/** Null when nothing can match. */
async function prepare(ctx: Ctx, query: AuditQuery): Promise<EventFilter | null> {
  const { organization } = query
  await authorize(ctx, organization === null ? 'audit.read-instance' : 'audit.read', organization)
  const text = query.text?.trim().toLowerCase() ?? ''
  if (text.length > MAX_TEXT || text.includes('\0')) {
    throw invalidInput('text', `give at most ${MAX_TEXT} characters`)
  }
  const packages = await findPackages(ctx, query)
  if (packages?.length === 0) {
    return null
  }
  return {
    organization,
    types: query.types === null || query.types === undefined ? null : toTypes(query.types),
    packages,
    actor: query.actor ?? null,
    since: query.since ?? null,
    until: query.until ?? null,
    text: text === '' ? null : text,
  }
}

async function findPackages(ctx: Ctx, query: AuditQuery): Promise<EventFilter['packages']> {
  const name = query.package?.toLowerCase() ?? null
  if (name === null) {
    return null
  }
  if (query.organization === null) {
    throw invalidInput('package', 'give an organization with it')
  }
  return selectPackagesEverNamed(ctx.db, query.organization, name)
}

/** The types that are meant by types and prefixes. Throws `invalid_input` for what matches none. */
function toTypes(patterns: readonly string[]): string[] {
  const types = new Set<string>()
  for (const pattern of patterns) {
    const prefix = pattern.replace(/\.?\*?$/, '')
    const matching = EVENT_TYPES.filter((type) => type === pattern || type.startsWith(`${prefix}.`))
    if (matching.length === 0) {
      throw invalidInput('type', `"${pattern}" is no type of event, nor the beginning of one such as "token"`)
    }
    matching.forEach((type) => types.add(type))
  }
  return [...types]
}
