import type { Db } from '../kernel/schema.ts'
import type { AdvisoryFeedId, AdvisoryId, Instant, OrganizationId } from '../kernel/values.ts'
import { advisoryKey, type ReadAdvisory } from './read-advisories.ts'

const ROWS_PER_STATEMENT = 200

/** An advisory of a feed as it stands, to be compared with what the feed tells now. */
export interface KnownAdvisory extends Omit<ReadAdvisory, 'sources'> {
  id: AdvisoryId
  /** JSON. */
  sources: string
  withdrawn: boolean
}

const COLUMNS = [
  'id',
  'advisory_id as advisoryId',
  'package_name as packageName',
  'affected_versions as affectedVersions',
  'title',
  'link',
  'cve',
  'severity',
  'reported_at as reportedAt',
  'sources',
  'composer_repository as composerRepository',
  'withdrawn_at',
] as const

/** Those advisories of a feed that have one of these ids, by `advisoryKey`. */
export async function selectKnown(
  db: Db,
  feed: AdvisoryFeedId,
  advisoryIds: readonly string[],
): Promise<Map<string, KnownAdvisory>> {
  const known = new Map<string, KnownAdvisory>()
  for (let start = 0; start < advisoryIds.length; start += ROWS_PER_STATEMENT) {
    const rows = await db
      .selectFrom('advisories')
      .select(COLUMNS)
      .where('feed_id', '=', feed)
      .where('advisory_id', 'in', advisoryIds.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
    for (const { withdrawn_at, ...row } of rows) {
      known.set(advisoryKey(row), { ...row, withdrawn: withdrawn_at !== null })
    }
  }
  return known
}

/** What a feed tells at present, without what it withdrew. */
export async function selectTold(
  db: Db,
  feed: AdvisoryFeedId,
): Promise<{ id: AdvisoryId; advisoryId: string; packageName: string }[]> {
  return db
    .selectFrom('advisories')
    .select(['id', 'advisory_id as advisoryId', 'package_name as packageName'])
    .where('feed_id', '=', feed)
    .where('withdrawn_at', 'is', null)
    .orderBy('id')
    .execute()
}

function toColumns(advisory: ReadAdvisory) {
  return {
    package_name: advisory.packageName,
    affected_versions: advisory.affectedVersions,
    title: advisory.title,
    link: advisory.link,
    cve: advisory.cve,
    severity: advisory.severity,
    reported_at: advisory.reportedAt,
    sources: JSON.stringify(advisory.sources),
    composer_repository: advisory.composerRepository,
  }
}

/** Enters advisories that their feed, or their organization, has not told before. */
export async function insertAdvisories(
  db: Db,
  input: {
    feed: AdvisoryFeedId | null
    organization: OrganizationId | null
    advisories: readonly ReadAdvisory[]
    newId: () => string
    now: Instant
  },
): Promise<AdvisoryId[]> {
  const ids: AdvisoryId[] = []
  for (let start = 0; start < input.advisories.length; start += ROWS_PER_STATEMENT) {
    const rows = input.advisories.slice(start, start + ROWS_PER_STATEMENT).map((advisory) => ({
      uid: input.newId(),
      feed_id: input.feed,
      organization_id: input.organization,
      advisory_id: advisory.advisoryId,
      ...toColumns(advisory),
      created_at: input.now,
      updated_at: input.now,
      withdrawn_at: null,
    }))
    const inserted = await db.insertInto('advisories').values(rows).returning('id').execute()
    ids.push(...inserted.map(({ id }) => id))
  }
  return ids
}

/** Overwrites an advisory with what is told now; one that was withdrawn is told again. */
export async function updateAdvisory(
  db: Db,
  id: AdvisoryId,
  { advisory, now }: { advisory: ReadAdvisory; now: Instant },
): Promise<void> {
  await db
    .updateTable('advisories')
    .set({ ...toColumns(advisory), updated_at: now, withdrawn_at: null })
    .where('id', '=', id)
    .execute()
}

/** Withdraws advisories; findings of them are resolved by the next comparison. */
export async function withdrawAdvisories(db: Db, ids: readonly AdvisoryId[], now: Instant): Promise<void> {
  for (let start = 0; start < ids.length; start += ROWS_PER_STATEMENT) {
    await db
      .updateTable('advisories')
      .set({ withdrawn_at: now, updated_at: now })
      .where('id', 'in', ids.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
  }
}

/** How many advisories a feed tells at present. */
export async function countTold(db: Db, feed: AdvisoryFeedId): Promise<number> {
  const row = await db
    .selectFrom('advisories')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('feed_id', '=', feed)
    .where('withdrawn_at', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}
