/**
 * Reading events newest first. Events are never changed, and their ids grow with time, so an id is a cursor for good.
 *
 * Ten million events may be there. Within an organization, questions by type, package or actor go through an index each, one statement per
 * type, because a list of types in one statement would have to be sorted. Whatever no index serves (text, and filters over all organizations) looks
 * through at most `WINDOW` events per call and answers with a cursor, even when it found nothing.
 */
import { sql, type SelectQueryBuilder } from 'kysely'
import type { Db, EventsTable, Schema } from '../kernel/schema.ts'
import type { EventId, Instant, OrganizationId, PackageId } from '../kernel/values.ts'
import { escapeLike } from '../kernel/like-pattern.ts'

/** Events that one call looks through when no index serves the question. */
export const WINDOW = 20_000
/** Clocks of several machines may write events so far out of order. */
const DISORDER = 10 * 60 * 1000

/** What is looked for; null is everything of that sort. */
export interface EventFilter {
  organization: OrganizationId | null
  types: readonly string[] | null
  packages: readonly PackageId[] | null
  actor: { kind: string; id: number | null } | null
  since: Instant | null
  until: Instant | null
  /** In the data of the event, ignoring case; in lower case. */
  text: string | null
}

/** A stored event. */
export type EventRow = { [Column in keyof EventsTable]: Column extends 'id' ? EventId : EventsTable[Column] }

/** A slice of events, newest first, and the id before which to go on. */
export interface EventSlice {
  rows: EventRow[]
  next: EventId | null
}

interface Bounds {
  /** Ids below this. */
  before: EventId | null
  /** Ids above this. */
  after: EventId | null
}

type EventQuery = SelectQueryBuilder<Schema, 'events', EventRow>

/** At most `limit` events before an id and after another. */
export async function selectEvents(
  db: Db,
  filter: EventFilter,
  { before, after, limit }: Bounds & { limit: number },
): Promise<EventSlice> {
  const bounds = await narrowByTime(db, filter, { before, after })
  return hasIndex(filter) ? selectIndexed(db, filter, { ...bounds, limit }) : selectWindow(db, filter, { ...bounds, limit })
}

function hasIndex({ organization, types, packages, actor, text }: EventFilter): boolean {
  const isUnfiltered = types === null && packages === null && actor === null
  return text === null && actor?.id !== null && (organization !== null || isUnfiltered)
}

async function selectIndexed(db: Db, filter: EventFilter, page: Bounds & { limit: number }): Promise<EventSlice> {
  const found: EventRow[] = []
  for (const narrowed of splitByIndex(filter)) {
    const query = applyFilter(eventsWithin(db, filter.organization, page), narrowed)
    found.push(
      ...(await query
        .orderBy('id', 'desc')
        .limit(page.limit + 1)
        .execute()),
    )
  }
  const rows = found.sort((left, right) => right.id - left.id).slice(0, page.limit)
  return { rows, next: found.length > page.limit ? (rows.at(-1)?.id ?? null) : null }
}

/** Questions that each walk along one index. Of types and packages the ones that are rarer, the packages, are split first. */
function splitByIndex(filter: EventFilter): EventFilter[] {
  if (filter.packages !== null) {
    return filter.packages.map((one) => ({ ...filter, packages: [one] }))
  }
  return filter.types === null || filter.actor !== null ? [filter] : filter.types.map((type) => ({ ...filter, types: [type] }))
}

async function selectWindow(db: Db, filter: EventFilter, page: Bounds & { limit: number }): Promise<EventSlice> {
  const window = eventsWithin(db, filter.organization, page).orderBy('id', 'desc').limit(WINDOW)
  const edge = await db
    .selectFrom(window.as('events'))
    .select((select) => [select.fn.min('id').as('lowest'), select.fn.countAll<number>().as('count')])
    .executeTakeFirst()
  const within = applyFilter(db.selectFrom(window.as('events')).selectAll() as EventQuery, filter)
  const found = await within
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute()
  const rows = found.slice(0, page.limit)
  if (found.length > page.limit) {
    return { rows, next: rows.at(-1)?.id ?? null }
  }
  return { rows, next: edge !== undefined && edge.count === WINDOW ? (edge.lowest as EventId) : null }
}

function eventsWithin(db: Db, organization: OrganizationId | null, { before, after }: Bounds): EventQuery {
  let query = db.selectFrom('events').selectAll() as EventQuery
  if (organization !== null) {
    query = query.where('organization_id', '=', organization)
  }
  if (before !== null) {
    query = query.where('id', '<', before)
  }
  return after === null ? query : query.where('id', '>', after)
}

function applyFilter(base: EventQuery, filter: EventFilter): EventQuery {
  let query = base
  if (filter.types !== null) {
    query = query.where('type', 'in', filter.types)
  }
  if (filter.packages !== null) {
    query = query.where('package_id', 'in', filter.packages)
  }
  if (filter.actor !== null) {
    query = query.where('actor_kind', '=', filter.actor.kind)
    query = filter.actor.id === null ? query : query.where('actor_id', '=', filter.actor.id)
  }
  // Times are compared as expressions: the ids are bounded already, and the index of times would cost a sort.
  if (filter.since !== null) {
    query = query.where(sql<boolean>`created_at + 0 >= ${filter.since}`)
  }
  if (filter.until !== null) {
    query = query.where(sql<boolean>`created_at + 0 < ${filter.until}`)
  }
  if (filter.text !== null) {
    const pattern = `%${escapeLike(filter.text)}%`
    query = query.where(sql<boolean>`lower(data) like ${pattern} escape '!'`)
  }
  return query
}

/** Turns times into ids, with room for clocks that differ. */
async function narrowByTime(db: Db, filter: EventFilter, bounds: Bounds): Promise<Bounds> {
  let { before, after } = bounds
  if (filter.until !== null) {
    const later = await edgeOf(db, { from: filter.until + DISORDER })
    before = later === null ? before : (Math.min(later + 1, before ?? Number.MAX_SAFE_INTEGER) as EventId)
  }
  if (filter.since !== null) {
    const earlier = await edgeOf(db, { to: filter.since - DISORDER })
    after = earlier === null ? after : (Math.max(earlier - 1, after ?? 0) as EventId)
  }
  return { before, after }
}

async function edgeOf(db: Db, moment: { from: Instant } | { to: Instant }): Promise<EventId | null> {
  const query = db.selectFrom('events').select('id').limit(1)
  const row = await (
    'from' in moment
      ? query.where('created_at', '>=', moment.from).orderBy('created_at')
      : query.where('created_at', '<=', moment.to).orderBy('created_at', 'desc')
  ).executeTakeFirst()
  return row?.id ?? null
}

/** The newest event of an organization, or of all; null when there is none. */
export async function findNewestEvent(db: Db, organization: OrganizationId | null): Promise<EventId | null> {
  const row = await eventsWithin(db, organization, { before: null, after: null })
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.id ?? null
}

/** All packages that ever had that name in an organization, deleted ones too as far as events of them are kept. */
export async function selectPackagesEverNamed(db: Db, organization: OrganizationId, name: string): Promise<PackageId[]> {
  const current = await db
    .selectFrom('packages')
    .select('id')
    .where('organization_id', '=', organization)
    .where('name', '=', name)
    .execute()
  const pattern = `%"name":${escapeLike(JSON.stringify(name))}%`
  const past = await db
    .selectFrom('events')
    .select('package_id')
    .distinct()
    .where('organization_id', '=', organization)
    .where('type', 'in', ['package.created', 'package.deleted'])
    .where(sql<boolean>`data like ${pattern} escape '!'`)
    .execute()
  const ids = [...current.map((row) => row.id), ...past.flatMap((row) => (row.package_id === null ? [] : [row.package_id]))]
  return [...new Set(ids)]
}

/** Deletes the oldest events if they are from before a moment, at most `limit`. Returns how many. */
export async function deleteEventsBefore(db: Db, moment: Instant, limit: number): Promise<number> {
  const deleted = await db
    .deleteFrom('events')
    .where('id', 'in', (nested) =>
      nested.selectFrom('events').select('id').where('created_at', '<', moment).orderBy('created_at').limit(limit),
    )
    .executeTakeFirst()
  return Number(deleted.numDeletedRows)
}

/** Whether there are events from before a moment. */
export async function hasEventsBefore(db: Db, moment: Instant): Promise<boolean> {
  const row = await db.selectFrom('events').select('id').where('created_at', '<', moment).limit(1).executeTakeFirst()
  return row !== undefined
}
