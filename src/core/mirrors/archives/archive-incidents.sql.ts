import type { Db } from '../../kernel/schema.ts'
import type { Instant, SourceId } from '../../kernel/values.ts'
import type { IncidentKind } from '../incidents.ts'

/** The latest incident of one of these kinds about a subject, with what was said; null when there was none. */
export async function findLatestIncident<Kind extends IncidentKind>(
  db: Db,
  { source, kinds, subject }: { source: SourceId; kinds: readonly Kind[]; subject: string },
): Promise<{ kind: Kind; detail: string; lastAt: Instant } | null> {
  const row = await db
    .selectFrom('mirror_incidents')
    .select(['kind', 'detail', 'last_at as lastAt'])
    .where('source_id', '=', source)
    .where('subject', '=', subject)
    .where('kind', 'in', kinds)
    .orderBy('last_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? null : { ...row, kind: row.kind as Kind }
}

const SUBJECTS_PER_STATEMENT = 200

/** What is known to be wrong with archives of mirrors, by subject (name and reference); those that nothing is wrong with are left out. */
export async function selectArchiveProblems(
  db: Db,
  sources: readonly SourceId[],
  subjects: readonly string[],
): Promise<Map<string, string>> {
  const problems = new Map<string, string>()
  for (let start = 0; sources.length > 0 && start < subjects.length; start += SUBJECTS_PER_STATEMENT) {
    const rows = await db
      .selectFrom('mirror_incidents')
      .select(['subject', 'detail'])
      .where('source_id', 'in', sources)
      .where('subject', 'in', subjects.slice(start, start + SUBJECTS_PER_STATEMENT))
      .where('kind', 'in', ['archive-missing', 'archive-unusable', 'bytes'])
      .execute()
    for (const { subject, detail } of rows) {
      problems.set(subject, detail)
    }
  }
  return problems
}
