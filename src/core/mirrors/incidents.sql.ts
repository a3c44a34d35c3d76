import type { Db } from '../kernel/schema.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Instant, MirrorIncidentId, SourceId } from '../kernel/values.ts'
import type { IncidentKind } from './incidents.ts'

/** Something that an upstream did and that must not pass unnoticed. */
export interface MirrorIncident {
  id: MirrorIncidentId
  uid: string
  source: SourceId
  kind: IncidentKind
  /** What it is about: a package, or package and reference. */
  subject: string
  detail: string
  firstAt: Instant
  lastAt: Instant
  /** How often it was noticed. */
  count: number
  /** When somebody said that it needs no attention; null until then. */
  dismissedAt: Instant | null
}

const COLUMNS = [
  'id',
  'uid',
  'source_id as source',
  'kind',
  'subject',
  'detail',
  'first_at as firstAt',
  'last_at as lastAt',
  'count',
  'dismissed_at as dismissedAt',
] as const

/** Notes an incident. True when it is new, or says something else than before; a dismissed one that says the same stays dismissed. */
export async function upsertIncident(
  db: Db,
  input: { uid: string; source: SourceId; kind: IncidentKind; subject: string; detail: string; at: Instant },
): Promise<boolean> {
  const known = await db
    .selectFrom('mirror_incidents')
    .select('detail')
    .where('source_id', '=', input.source)
    .where('kind', '=', input.kind)
    .where('subject', '=', input.subject)
    .executeTakeFirst()
  const isNews = known?.detail !== input.detail
  await db
    .insertInto('mirror_incidents')
    .values({
      uid: input.uid,
      source_id: input.source,
      kind: input.kind,
      subject: input.subject,
      detail: input.detail,
      first_at: input.at,
      last_at: input.at,
      count: 1,
      dismissed_at: null,
    })
    .onConflict((conflict) =>
      conflict.columns(['source_id', 'kind', 'subject']).doUpdateSet((set) => ({
        detail: input.detail,
        last_at: input.at,
        count: set('mirror_incidents.count', '+', 1),
        ...(isNews ? { dismissed_at: null } : {}),
      })),
    )
    .execute()
  return isNews
}

/** The incident of a mirror with that kind and subject, or null. */
export async function findIncident(
  db: Db,
  source: SourceId,
  { kind, subject }: { kind: IncidentKind; subject: string },
): Promise<MirrorIncident | null> {
  const row = await db
    .selectFrom('mirror_incidents')
    .select(COLUMNS)
    .where('source_id', '=', source)
    .where('kind', '=', kind)
    .where('subject', '=', subject)
    .executeTakeFirst()
  return row === undefined ? null : ({ ...row, kind: row.kind as IncidentKind } satisfies MirrorIncident)
}

/** The incident of a mirror with that kind and subject that nobody dismissed, or null. */
export async function findOpenIncident(
  db: Db,
  source: SourceId,
  { kind, subject }: { kind: string; subject: string },
): Promise<MirrorIncident | null> {
  const found = await findIncident(db, source, { kind: kind as IncidentKind, subject })
  return found === null || found.dismissedAt !== null ? null : found
}

/** The incidents of a mirror, newest first; the cursor is the id of the oldest one read. */
export async function selectIncidents(
  db: Db,
  source: SourceId,
  { page, isOpen }: { page: Page; isOpen: boolean },
): Promise<Paged<MirrorIncident>> {
  let query = db.selectFrom('mirror_incidents').select(COLUMNS).where('source_id', '=', source)
  query = isOpen ? query.where('dismissed_at', 'is', null) : query
  query = page.after === null ? query : query.where('id', '<', page.after as MirrorIncidentId)
  const rows = await query
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute()
  return toPaged(
    rows.map((row) => ({ ...row, kind: row.kind as IncidentKind })),
    page.limit,
  )
}

/** How many incidents of each mirror nobody dismissed. */
export async function countOpenIncidents(db: Db, sources: readonly SourceId[]): Promise<Map<SourceId, number>> {
  if (sources.length === 0) {
    return new Map()
  }
  const rows = await db
    .selectFrom('mirror_incidents')
    .select((select) => ['source_id as source', select.fn.countAll<number>().as('count')])
    .where('source_id', 'in', sources)
    .where('dismissed_at', 'is', null)
    .groupBy('source_id')
    .execute()
  return new Map(rows.map(({ source, count }) => [source, count]))
}

/** Says of an incident that it needs no attention; null when the mirror has no such one that is open. */
export async function markDismissed(
  db: Db,
  source: SourceId,
  { uid, at }: { uid: string; at: Instant },
): Promise<{ kind: string; subject: string } | null> {
  const row = await db
    .updateTable('mirror_incidents')
    .set({ dismissed_at: at })
    .where('source_id', '=', source)
    .where('uid', '=', uid)
    .where('dismissed_at', 'is', null)
    .returning(['kind', 'subject'])
    .executeTakeFirst()
  return row ?? null
}
