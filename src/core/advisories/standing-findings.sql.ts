import { sql } from 'kysely'
import type { Db, FindingsTable } from '../kernel/schema.ts'
import type { Severity } from './advisory.ts'
import type { AdvisoryId, FindingId, OrganizationId, PackageId, VersionId } from '../kernel/values.ts'

const ROWS_PER_STATEMENT = 300

/** A finding as it stands, with the ids of its advisory and the versions that it names. */
export interface StandingFinding {
  id: FindingId
  package: PackageId
  kind: FindingsTable['kind']
  affectedPackage: string
  state: FindingsTable['state']
  advisoryId: string
  cve: string | null
  severity: Severity | null
  versions: ReadonlySet<VersionId>
}

/** The findings about versions and requirements of these packages, whatever their state. */
export async function selectStanding(db: Db, packages: readonly PackageId[]): Promise<StandingFinding[]> {
  if (packages.length === 0) {
    return []
  }
  const rows = await db
    .selectFrom('findings')
    .innerJoin('advisories', 'advisories.id', 'findings.advisory_id')
    .select([
      'findings.id',
      'findings.package_id as package',
      'kind',
      'affected_package as affectedPackage',
      'state',
      'advisories.advisory_id as advisoryId',
      'advisories.cve',
      'advisories.severity',
    ])
    .where('findings.package_id', 'in', packages)
    .where('kind', 'in', ['version', 'requirement'])
    .orderBy('findings.id')
    .execute()
  const versions = await db
    .selectFrom('finding_versions')
    .innerJoin('findings', 'findings.id', 'finding_versions.finding_id')
    .select(['finding_id as finding', 'version_id as version'])
    .where('findings.package_id', 'in', packages)
    .execute()
  const byFinding = Map.groupBy(versions, ({ finding }) => finding)
  return rows.map((row) => ({
    ...row,
    versions: new Set((byFinding.get(row.id) ?? []).map(({ version }) => version)),
  }))
}

/** Opens a finding; the id of the one that is there already when somebody was faster. */
export async function insertFinding(
  db: Db,
  input: {
    uid: string
    organization: OrganizationId
    package: PackageId
    advisory: AdvisoryId
    kind: 'version' | 'requirement'
    affectedPackage: string
    now: number
  },
): Promise<FindingId> {
  const row = await db
    .insertInto('findings')
    .values({
      uid: input.uid,
      organization_id: input.organization,
      package_id: input.package,
      advisory_id: input.advisory,
      kind: input.kind,
      branch: '',
      affected_package: input.affectedPackage,
      affected_version: null,
      state: 'open',
      reason: null,
      changed_by: null,
      found_at: input.now,
      changed_at: input.now,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['package_id', 'advisory_id', 'kind', 'branch', 'affected_package'])
        .doUpdateSet({ affected_package: sql`excluded.affected_package` }),
    )
    .returning('id')
    .executeTakeFirstOrThrow()
  return row.id
}

/** Sets the state of findings that nobody decided about. */
export async function writeFoundState(
  db: Db,
  ids: readonly FindingId[],
  { state, now }: { state: 'open' | 'resolved'; now: number },
): Promise<void> {
  for (let start = 0; start < ids.length; start += ROWS_PER_STATEMENT) {
    await db
      .updateTable('findings')
      .set({ state, reason: null, changed_by: null, changed_at: now })
      .where('id', 'in', ids.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
  }
}

/** Makes a finding name exactly these versions. */
export async function writeFindingVersions(
  db: Db,
  id: FindingId,
  { before, after }: { before: ReadonlySet<VersionId>; after: ReadonlySet<VersionId> },
): Promise<void> {
  const gone = [...before.difference(after)]
  for (let start = 0; start < gone.length; start += ROWS_PER_STATEMENT) {
    await db
      .deleteFrom('finding_versions')
      .where('finding_id', '=', id)
      .where('version_id', 'in', gone.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
  }
  const added = [...after.difference(before)]
  for (let start = 0; start < added.length; start += ROWS_PER_STATEMENT) {
    const some = added.slice(start, start + ROWS_PER_STATEMENT)
    // A version may have been deleted since it was read.
    const present = db
      .selectFrom('versions')
      .select((select) => [select.cast<FindingId>(select.val(id), 'bigint').as('finding_id'), 'versions.id as version_id'])
      .where('versions.id', 'in', some)
    await db
      .insertInto('finding_versions')
      .columns(['finding_id', 'version_id'])
      .expression(present)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}
