import type { Db } from '../kernel/schema.ts'
import { MAX_PAGE } from '../kernel/paging.ts'
import type { Instant, ManifestId, SourceId } from '../kernel/values.ts'

const ROWS_PER_STATEMENT = 200

/** A ref as the last sync saw it. */
export interface KnownRef {
  kind: 'tag' | 'branch'
  name: string
  commit: string
  objectType: 'commit' | 'tree' | 'blob'
  committedAt: Instant
  authoredAt: Instant
  manifestState: 'absent' | 'read' | 'unreadable'
  manifest: ManifestId | null
  manifestNote: string | null
  skipCode: string | null
  skipReason: string | null
}

/** The identity of a ref within its source. */
export function refKey(ref: { kind: 'tag' | 'branch'; name: string }): string {
  return `${ref.kind}:${ref.name}`
}

const COLUMNS = [
  'kind',
  'name',
  'commit_id as commit',
  'object_type as objectType',
  'committed_at as committedAt',
  'authored_at as authoredAt',
  'manifest_state as manifestState',
  'manifest_id as manifest',
  'manifest_note as manifestNote',
  'skip_code as skipCode',
  'skip_reason as skipReason',
] as const

/** All refs of a source as the last sync saw them. */
export async function selectKnownRefs(db: Db, source: SourceId): Promise<KnownRef[]> {
  return db.selectFrom('source_refs').select(COLUMNS).where('source_id', '=', source).execute()
}

/** The ref of a source as the last sync saw it, or null when there was none. */
export async function findKnownRef(
  db: Db,
  source: SourceId,
  { kind, name }: { kind: 'tag' | 'branch'; name: string },
): Promise<KnownRef | null> {
  const row = await db
    .selectFrom('source_refs')
    .select(COLUMNS)
    .where('source_id', '=', source)
    .where('kind', '=', kind)
    .where('name', '=', name)
    .executeTakeFirst()
  return row ?? null
}

/** A ref that gave no version, with the reason. */
export interface SkippedRefRow {
  kind: 'tag' | 'branch'
  name: string
  code: string
  reason: string
}

/** The refs of a source that gave no version, at most `MAX_PAGE` of them, in the order of their names. */
export async function selectSkippedRefs(db: Db, source: SourceId): Promise<SkippedRefRow[]> {
  const rows = await db
    .selectFrom('source_refs')
    .select(['kind', 'name', 'skip_code as code', 'skip_reason as reason'])
    .where('source_id', '=', source)
    .where('skip_code', 'is not', null)
    .orderBy('kind', 'desc')
    .orderBy('name')
    .limit(MAX_PAGE)
    .execute()
  return rows.map((row) => ({ ...row, code: row.code ?? '', reason: row.reason ?? '' }))
}

/** Writes refs that are new or changed in any respect. */
export async function upsertRefs(db: Db, source: SourceId, refs: readonly KnownRef[]): Promise<void> {
  for (let start = 0; start < refs.length; start += ROWS_PER_STATEMENT) {
    const rows = refs.slice(start, start + ROWS_PER_STATEMENT).map((ref) => ({
      source_id: source,
      kind: ref.kind,
      name: ref.name,
      commit_id: ref.commit,
      object_type: ref.objectType,
      committed_at: ref.committedAt,
      authored_at: ref.authoredAt,
      manifest_state: ref.manifestState,
      manifest_id: ref.manifest,
      manifest_note: ref.manifestNote,
      skip_code: ref.skipCode,
      skip_reason: ref.skipReason,
    }))
    await db
      .insertInto('source_refs')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['source_id', 'kind', 'name']).doUpdateSet((update) => ({
          commit_id: update.ref('excluded.commit_id'),
          object_type: update.ref('excluded.object_type'),
          committed_at: update.ref('excluded.committed_at'),
          authored_at: update.ref('excluded.authored_at'),
          manifest_state: update.ref('excluded.manifest_state'),
          manifest_id: update.ref('excluded.manifest_id'),
          manifest_note: update.ref('excluded.manifest_note'),
          skip_code: update.ref('excluded.skip_code'),
          skip_reason: update.ref('excluded.skip_reason'),
        })),
      )
      .execute()
  }
}

/** Forgets refs that the source no longer has. */
export async function deleteRefs(
  db: Db,
  source: SourceId,
  refs: readonly { kind: 'tag' | 'branch'; name: string }[],
): Promise<void> {
  for (const kind of ['tag', 'branch'] as const) {
    const names = refs.filter((ref) => ref.kind === kind).map((ref) => ref.name)
    for (let start = 0; start < names.length; start += ROWS_PER_STATEMENT) {
      await db
        .deleteFrom('source_refs')
        .where('source_id', '=', source)
        .where('kind', '=', kind)
        .where('name', 'in', names.slice(start, start + ROWS_PER_STATEMENT))
        .execute()
    }
  }
}

/** Forgets all refs of a source. */
export async function deleteKnownRefs(db: Db, source: SourceId): Promise<void> {
  await db.deleteFrom('source_refs').where('source_id', '=', source).execute()
}
