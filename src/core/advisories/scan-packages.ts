/**
 * Compares packages with advisories: only those that changed, or about which advisories changed, since they were compared last. Whatever changes
 * during a comparison leaves the package to be compared again, because what was compared is written with the revision and the mark that were
 * read first; of two comparisons at once the one with the later state is kept. So any number of them may run, and none repeats or loses a
 * finding.
 */
import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { JobReport } from '../kernel/jobs.ts'
import type { OrganizationId, PackageId } from '../kernel/values.ts'
import { severest, type Advisory } from './advisory.ts'
import {
  findAffected,
  findRequiring,
  isEmptyPlan,
  planFindings,
  readRequirements,
  type ExpectedFinding,
  type FindingPlan,
  type Requirements,
} from './plan-findings.ts'
import {
  claimScan,
  selectRequiredNames,
  selectScannedVersions,
  selectSubjects,
  selectUnscanned,
  selectVersionManifests,
  writeRequiredNames,
  type ScannedPackage,
} from './scans.sql.ts'
import { selectAdvisories } from './select-advisories.sql.ts'
import { insertFinding, selectStanding, writeFindingVersions, writeFoundState } from './standing-findings.sql.ts'

const PACKAGES_PER_PORTION = 200

/** A package with what its versions require; null for mirrored ones, where that is not looked at. */
interface Subject extends ScannedPackage {
  requirements: Requirements | null
}

type Told = ReadonlyMap<OrganizationId, ReadonlyMap<string, readonly Advisory[]>>

/**
 * Compares every package that has to be. Private packages are compared by their versions and by what these require, mirrored ones by their
 * versions alone. Findings that hold no longer are resolved. Returns how many packages were compared.
 */
export async function scanPackages(ctx: Ctx, report: JobReport): Promise<number> {
  let scanned = 0
  let after = 0 as PackageId
  await report.step('packages')
  for (;;) {
    const portion = await selectUnscanned(ctx.db, { after, limit: PACKAGES_PER_PORTION })
    const last = portion.at(-1)
    if (last === undefined) {
      return scanned
    }
    await scanPortion(ctx, portion)
    scanned += portion.length
    after = last.id
    report.progress(scanned)
  }
}

async function scanPortion(ctx: Ctx, portion: readonly ScannedPackage[]): Promise<void> {
  const subjects = await readSubjects(ctx, portion)
  const told = await readAdvisoriesFor(ctx, subjects)
  const ids = subjects.map(({ id }) => id)
  const standing = Map.groupBy(await selectStanding(ctx.db, ids), (finding) => finding.package)
  const unchanged: Subject[] = []
  for (const subject of subjects) {
    const expected = await expect(ctx, subject, told.get(subject.organization) ?? new Map())
    if (isEmptyPlan(planFindings(standing.get(subject.id) ?? [], expected))) {
      unchanged.push(subject)
    } else {
      await ctx.transaction((tx) => writeFindings(tx, subject, expected))
    }
  }
  if (unchanged.length > 0) {
    await ctx.transaction(async (tx) => {
      for (const subject of unchanged) {
        await claimScan(tx.db, subject)
      }
      await tx.record({ type: 'packages.scanned', organization: null, packages: unchanged.length })
    })
  }
}

/** What packages require is written before advisories about it are read, so that those which change from then on leave a mark. */
async function readSubjects(ctx: Ctx, portion: readonly ScannedPackage[]): Promise<Subject[]> {
  const requirements = new Map<PackageId, Requirements>()
  for (const { id, isMirrored } of portion) {
    if (!isMirrored) {
      requirements.set(id, readRequirements(await selectVersionManifests(ctx.db, id)))
    }
  }
  const known = await selectRequiredNames(ctx.db, [...requirements.keys()])
  const moved = [...requirements].filter(
    ([id, required]) => new Set(required.keys()).symmetricDifference(known.get(id) ?? new Set()).size > 0,
  )
  if (moved.length > 0) {
    await ctx.transaction(async (tx) => {
      for (const [id, required] of moved) {
        await writeRequiredNames(tx.db, id, new Set(required.keys()))
      }
      await tx.record({ type: 'packages.scanned', organization: null, packages: moved.length })
    })
  }
  const revisions = new Map(portion.map(({ id, revision }) => [id, revision]))
  const fresh = await selectSubjects(ctx.db, [...revisions.keys()])
  return fresh.map((subject) => ({
    ...subject,
    // As of when the versions were read, not as of now.
    revision: revisions.get(subject.id) ?? subject.revision,
    requirements: requirements.get(subject.id) ?? null,
  }))
}

async function readAdvisoriesFor(ctx: Ctx, subjects: readonly Subject[]): Promise<Told> {
  const told = new Map<OrganizationId, Map<string, Advisory[]>>()
  for (const [organization, some] of Map.groupBy(subjects, (subject) => subject.organization)) {
    const names = new Set(some.flatMap(({ name, requirements }) => [name, ...(requirements?.keys() ?? [])]))
    told.set(organization, await selectAdvisories(ctx.db, { organization, names: [...names] }))
  }
  return told
}

async function expect(ctx: Ctx, subject: Subject, told: ReadonlyMap<string, readonly Advisory[]>): Promise<ExpectedFinding[]> {
  const own = told.get(subject.name) ?? []
  const versions = own.length === 0 ? [] : await selectScannedVersions(ctx.db, subject.id)
  const affected = findAffected(subject.name, own, versions)
  return subject.requirements === null ? affected : [...affected, ...findRequiring(subject.requirements, told)]
}

/** Plans again under the lock of `claimScan`: another comparison may have written the same meanwhile. */
async function writeFindings(tx: Tx, subject: Subject, expected: readonly ExpectedFinding[]): Promise<void> {
  if (!(await claimScan(tx.db, subject))) {
    await tx.record({ type: 'packages.scanned', organization: null, packages: 0 })
    return
  }
  const plan = planFindings(await selectStanding(tx.db, [subject.id]), expected)
  for (const { advisory, kind, affectedPackage, versions } of plan.open) {
    const id = await insertFinding(tx.db, {
      uid: tx.newId(),
      organization: subject.organization,
      package: subject.id,
      advisory: advisory.id,
      kind,
      affectedPackage,
      now: tx.now,
    })
    await writeFindingVersions(tx.db, id, { before: new Set(), after: versions })
  }
  for (const change of plan.versions) {
    await writeFindingVersions(tx.db, change.id, change)
  }
  await writeFoundState(tx.db, idsOf(plan.reopen), { state: 'open', now: tx.now })
  await writeFoundState(tx.db, idsOf(plan.resolve), { state: 'resolved', now: tx.now })
  await recordPlan(tx, subject, plan)
}

function idsOf(findings: FindingPlan['reopen']) {
  return findings.map(({ id }) => id)
}

async function recordPlan(tx: Tx, subject: Subject, { open, reopen, resolve }: FindingPlan): Promise<void> {
  const { organization, id, name, isMirrored } = subject
  const about = { organization, package: id, name }
  const opened = [...open.map(({ advisory }) => advisory), ...reopen]
  if (opened.length > 0) {
    const advisories = [...new Set(opened.map(({ advisoryId }) => advisoryId))]
    const severity = severest(opened.map((one) => one.severity))
    await tx.record({ type: 'finding.opened', ...about, advisories, severity, isMirrored })
  }
  if (resolve.length > 0) {
    const advisories = [...new Set(resolve.map(({ advisoryId }) => advisoryId))]
    await tx.record({ type: 'finding.resolved', ...about, advisories })
  }
  if (opened.length + resolve.length === 0) {
    await tx.record({ type: 'packages.scanned', organization: null, packages: 1 })
  }
}
