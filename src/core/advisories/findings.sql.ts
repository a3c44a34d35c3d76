import type { Db, FindingsTable } from '../kernel/schema.ts'
import type { AdvisoryId, FindingId, Instant, OrganizationId, PackageId, UserId } from '../kernel/values.ts'
import type { Severity } from './advisory.ts'

/** Where a finding stands; see `Finding`. */
export type FindingState = FindingsTable['state']

/** What is affected: a package's own versions, what its versions require, or what its lock file has installed. */
export type FindingKind = FindingsTable['kind']

/**
 * An advisory's match on a package of an organization. `open` and `in_progress` want something done; `resolved` is what does not match any more, or
 * what somebody says is done; the others are decisions of people that stay when a comparison finds the same again.
 */
export interface Finding {
  id: FindingId
  uid: string
  organization: OrganizationId
  package: PackageId
  packageName: string
  /** Whether the package comes from an upstream repository. */
  isMirrored: boolean
  kind: FindingKind
  branch: string
  affectedPackage: string
  affectedVersion: string | null
  state: FindingState
  reason: string | null
  /** Who set the state, by email; null for the registry itself and for an operator on the command line. */
  changedBy: string | null
  foundAt: Instant
  changedAt: Instant
  advisory: FindingAdvisory
}

/** What is told of the advisory with a finding. */
export interface FindingAdvisory {
  id: AdvisoryId
  advisoryId: string
  affectedVersions: string
  title: string
  link: string | null
  cve: string | null
  severity: Severity | null
}

/** Which findings; what is null does not limit. */
export interface FindingFilter {
  states: readonly FindingState[] | null
  kinds: readonly FindingKind[] | null
  severities: readonly Severity[] | null
  /** The package that has the finding, in lower case. */
  packageName: string | null
  /** Whether the package is mirrored. */
  isMirrored: boolean | null
}

function findings(db: Db) {
  return db
    .selectFrom('findings')
    .innerJoin('packages', 'packages.id', 'findings.package_id')
    .innerJoin('sources', 'sources.id', 'packages.source_id')
    .innerJoin('advisories', 'advisories.id', 'findings.advisory_id')
    .leftJoin('users', 'users.id', 'findings.changed_by')
    .select([
      'findings.id',
      'findings.uid',
      'findings.organization_id as organization',
      'findings.package_id as package',
      'packages.name as packageName',
      'sources.kind as sourceKind',
      'findings.kind',
      'findings.branch',
      'findings.affected_package as affectedPackage',
      'findings.affected_version as affectedVersion',
      'findings.state',
      'findings.reason',
      'users.email as changedBy',
      'findings.found_at as foundAt',
      'findings.changed_at as changedAt',
      'advisories.id as advisory',
      'advisories.advisory_id as advisoryId',
      'advisories.affected_versions as affectedVersions',
      'advisories.title',
      'advisories.link',
      'advisories.cve',
      'advisories.severity',
    ])
}

type Row = Awaited<ReturnType<ReturnType<typeof findings>['executeTakeFirstOrThrow']>>

function toFinding(row: Row): Finding {
  const { sourceKind, advisory, advisoryId, affectedVersions, title, link, cve, severity, ...rest } = row
  return {
    ...rest,
    isMirrored: sourceKind === 'mirror',
    advisory: { id: advisory, advisoryId, affectedVersions, title, link, cve, severity },
  }
}

/** Findings of an organization before an id, the newest first. */
export async function selectFindings(
  db: Db,
  organization: OrganizationId,
  { filter, limit, before }: { filter: FindingFilter; limit: number; before: number | null },
): Promise<Finding[]> {
  let query = findings(db).where('findings.organization_id', '=', organization)
  query = filter.states === null ? query : query.where('findings.state', 'in', filter.states)
  query = filter.kinds === null ? query : query.where('findings.kind', 'in', filter.kinds)
  query = filter.severities === null ? query : query.where('advisories.severity', 'in', filter.severities)
  query = filter.packageName === null ? query : query.where('packages.name', '=', filter.packageName)
  query = filter.isMirrored === null ? query : query.where('sources.kind', filter.isMirrored ? '=' : '!=', 'mirror')
  query = before === null ? query : query.where('findings.id', '<', before as FindingId)
  return (await query.orderBy('findings.id', 'desc').limit(limit).execute()).map(toFinding)
}

/** The finding with that uid in an organization, or null. */
export async function findFinding(db: Db, organization: OrganizationId, uid: string): Promise<Finding | null> {
  const row = await findings(db)
    .where('findings.organization_id', '=', organization)
    .where('findings.uid', '=', uid)
    .executeTakeFirst()
  return row === undefined ? null : toFinding(row)
}

/** The findings of a package that were opened, or opened again, at a moment and are still open. */
export async function selectOpenedAt(db: Db, packageId: PackageId, at: Instant): Promise<Finding[]> {
  const rows = await findings(db)
    .where('findings.package_id', '=', packageId)
    .where('findings.state', '=', 'open')
    .where('findings.changed_at', '=', at)
    .orderBy('findings.id')
    .execute()
  return rows.map(toFinding)
}

/** How many findings of an organization there are in each state about each package, by severity. */
export async function selectFindingCounts(
  db: Db,
  organization: OrganizationId,
): Promise<{ packageName: string; state: FindingState; severity: Severity | null; count: number }[]> {
  const rows = await db
    .selectFrom('findings')
    .innerJoin('packages', 'packages.id', 'findings.package_id')
    .innerJoin('advisories', 'advisories.id', 'findings.advisory_id')
    .select((select) => [
      'packages.name as packageName',
      'findings.state',
      'advisories.severity',
      select.fn.countAll<number>().as('count'),
    ])
    .where('findings.organization_id', '=', organization)
    .groupBy(['packages.name', 'findings.state', 'advisories.severity'])
    .execute()
  return rows.map((row) => ({ ...row, count: Number(row.count) }))
}

/** The versions that findings name, as people write them, by finding. */
export async function selectVersionsOfFindings(db: Db, ids: readonly FindingId[]): Promise<Map<FindingId, string[]>> {
  if (ids.length === 0) {
    return new Map()
  }
  const rows = await db
    .selectFrom('finding_versions')
    .innerJoin('versions', 'versions.id', 'finding_versions.version_id')
    .select(['finding_id as id', 'versions.version'])
    .where('finding_id', 'in', ids)
    .orderBy('versions.id')
    .execute()
  return new Map([...Map.groupBy(rows, ({ id }) => id)].map(([id, some]) => [id, some.map(({ version }) => version)]))
}

/** Takes a finding's row lock until the transaction ends; false when there is no such finding. */
export async function lockFinding(db: Db, id: FindingId): Promise<boolean> {
  const result = await db
    .updateTable('findings')
    .set((update) => ({ state: update.ref('state') }))
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Sets the state of a finding. */
export async function writeState(
  db: Db,
  id: FindingId,
  change: { state: FindingState; reason: string | null; by: UserId | null; now: Instant },
): Promise<void> {
  await db
    .updateTable('findings')
    .set({ state: change.state, reason: change.reason, changed_by: change.by, changed_at: change.now })
    .where('id', '=', id)
    .execute()
}
