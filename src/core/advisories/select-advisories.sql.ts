import type { Db } from '../kernel/schema.ts'
import type { AdvisoryId, Instant, OrganizationId } from '../kernel/values.ts'
import type { Advisory, AdvisorySource, Severity } from './advisory.ts'
import { mergeAdvisories, type Origin } from './merge-advisories.ts'

const NAMES_PER_STATEMENT = 500

/** A row with where it comes from. */
interface Row {
  id: AdvisoryId
  uid: string
  advisoryId: string
  packageName: string
  affectedVersions: string
  title: string
  link: string | null
  cve: string | null
  severity: Severity | null
  reportedAt: Instant | null
  sources: string
  composerRepository: string | null
  organization: OrganizationId | null
  createdAt: Instant
  updatedAt: Instant
  mirror: number | null
}

/** What an organization is told: its own advisories and its parent's, those of its mirrors, and those of the installation. */
function told(db: Db, organization: OrganizationId) {
  return db
    .selectFrom('advisories')
    .leftJoin('advisory_feeds', 'advisory_feeds.id', 'advisories.feed_id')
    .leftJoin('sources', 'sources.id', 'advisory_feeds.source_id')
    .select([
      'advisories.id',
      'advisories.uid',
      'advisory_id as advisoryId',
      'package_name as packageName',
      'affected_versions as affectedVersions',
      'title',
      'link',
      'cve',
      'severity',
      'reported_at as reportedAt',
      'advisories.sources',
      'composer_repository as composerRepository',
      'advisories.organization_id as organization',
      'advisories.created_at as createdAt',
      'advisories.updated_at as updatedAt',
      'advisory_feeds.source_id as mirror',
    ])
    .where('withdrawn_at', 'is', null)
    .where((where) =>
      where.or([
        where('advisories.organization_id', '=', organization),
        where('advisories.organization_id', '=', parentOf(db, organization)),
        where('sources.organization_id', '=', organization),
        where.and([where('advisories.organization_id', 'is', null), where('advisory_feeds.source_id', 'is', null)]),
      ]),
    )
}

function parentOf(db: Db, organization: OrganizationId) {
  return db.selectFrom('organizations').select('parent_id').where('id', '=', organization)
}

/**
 * The advisories about these names (lower case) that an organization is told, by name, the newest first; names without any are not in the
 * map. Several about the same package with one id or one CVE are one (contract composer.md §7.6).
 */
export async function selectAdvisories(
  db: Db,
  { organization, names }: { organization: OrganizationId; names: readonly string[] },
): Promise<Map<string, Advisory[]>> {
  const rows: Row[] = []
  for (let start = 0; start < names.length; start += NAMES_PER_STATEMENT) {
    const some = names.slice(start, start + NAMES_PER_STATEMENT)
    rows.push(...(await told(db, organization).where('package_name', 'in', some).execute()))
  }
  return byName(rows)
}

/** As `selectAdvisories`, all of those that changed at or after a moment. */
export async function selectAdvisoriesSince(
  db: Db,
  { organization, since }: { organization: OrganizationId; since: Instant },
): Promise<Map<string, Advisory[]>> {
  const changed = db.selectFrom('advisories').select('package_name').where('updated_at', '>=', since)
  const rows = await told(db, organization).where('package_name', 'in', changed).orderBy('package_name').execute()
  const all = byName(rows)
  for (const [name, advisories] of all) {
    const recent = advisories.filter(({ updatedAt }) => updatedAt >= since)
    if (recent.length === 0) {
      all.delete(name)
    } else {
      all.set(name, recent)
    }
  }
  return all
}

/** An organization's own advisories that are not withdrawn, after an id, the oldest first. */
export async function selectOwn(
  db: Db,
  organization: OrganizationId,
  { limit, after }: { limit: number; after: number },
): Promise<Advisory[]> {
  const rows = await told(db, organization)
    .where('advisories.organization_id', '=', organization)
    .where('advisories.id', '>', after as AdvisoryId)
    .orderBy('advisories.id')
    .limit(limit)
    .execute()
  return rows.map((row) => toTold(row).advisory)
}

/** The advisory of that id that an organization is told, its own before that of others; null when there is none. */
export async function findAdvisory(db: Db, organization: OrganizationId, advisoryId: string): Promise<Advisory | null> {
  const rows = await told(db, organization).where('advisory_id', '=', advisoryId).execute()
  const [first] = byName(rows).values()
  return first?.[0] ?? null
}

function byName(rows: readonly Row[]): Map<string, Advisory[]> {
  const grouped = Map.groupBy(rows, ({ packageName }) => packageName)
  return new Map([...grouped].map(([name, some]) => [name, mergeAdvisories(some.map(toTold))]))
}

function toTold({ createdAt, mirror, ...row }: Row): { origin: Origin; advisory: Advisory } {
  return {
    origin: originOf(row.organization, mirror),
    advisory: {
      ...row,
      aliases: [],
      reportedAt: row.reportedAt ?? createdAt,
      sources: JSON.parse(row.sources) as AdvisorySource[],
    },
  }
}

function originOf(organization: OrganizationId | null, mirror: number | null): Origin {
  if (organization !== null) {
    return 'own'
  }
  return mirror === null ? 'feed' : 'mirror'
}
