import { Option, type Command } from 'commander'
import {
  changeFinding,
  FINDING_STATES,
  getFinding,
  listFindings,
  requestFindings,
  SEVERITIES,
  type FindingKind,
  type FindingState,
  type ListedFinding,
  type Severity,
} from '../../core/advisories/index.ts'
import { getJob } from '../../core/jobs/index.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { followJob, requireSuccess } from '../follow-job.ts'
import { limitOption, noWaitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { toFollowed } from '../show-sync.ts'
import { formatFields, formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

const KINDS = ['version', 'requirement', 'lock'] as const satisfies readonly FindingKind[]

interface ListOptions {
  state?: FindingState[]
  kind?: FindingKind[]
  severity?: Severity[]
  package?: string
  mirrored?: boolean
  private?: boolean
  limit?: number
}

interface Decision {
  state: FindingState
  reason?: string
}

/** `repertoire finding …` */
export function addFindingCommands(program: Command, run: Run): void {
  const commands = program.command('finding').description('findings: packages that advisories concern')
  commands
    .command('list')
    .description('list findings, newest first')
    .argument('<org>', 'slug of the organization')
    .addOption(new Option('--state <states...>', 'only those in these states').choices(FINDING_STATES))
    .addOption(new Option('--kind <kinds...>', 'only these kinds').choices(KINDS))
    .addOption(new Option('--severity <severities...>', 'only advisories this bad').choices(SEVERITIES))
    .option('--package <name>', 'only those of this package')
    .addOption(new Option('--mirrored', 'only those of mirrored packages').conflicts('private'))
    .option('--private', 'only those of private packages')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire finding list acme --state open --private')
    .action(run(list))
  commands
    .command('show')
    .description('show a finding')
    .argument('<org>', 'slug of the organization')
    .argument('<finding>', 'uid of the finding, as "finding list" prints it')
    .addHelpText('after', '\nExample:\n  $ repertoire finding show acme 0190…')
    .action(run(show))
  commands
    .command('set')
    .description('decide about a finding')
    .argument('<org>', 'slug of the organization')
    .argument('<finding>', 'uid of the finding')
    .addOption(new Option('--state <state>', 'what is decided').choices(FINDING_STATES).makeOptionMandatory())
    .option('--reason <text>', 'why; closing a finding without a change of the package needs one')
    .addHelpText(
      'after',
      '\nExample:\n  $ repertoire finding set acme 0190… --state false_positive --reason "We do not use that class."',
    )
    .action(run(set))
  commands
    .command('scan')
    .description('compare all packages of an organization with all advisories again')
    .argument('<org>', 'slug of the organization')
    .addOption(noWaitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire finding scan acme')
    .action(run(scan))
}

async function list(session: Session, path: string, options: ListOptions): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  const filter = {
    states: options.state ?? null,
    kinds: options.kind ?? null,
    severities: options.severity ?? null,
    packageName: options.package?.toLowerCase() ?? null,
    isMirrored: options.mirrored === options.private ? null : options.mirrored === true,
  }
  const findings = await readAll(options.limit, async ({ limit, after }) => {
    const { findings: items, next } = await listFindings(ctx, organization, { filter, limit, before: after })
    return { items, next }
  })
  session.show(findings.map(presentFinding), () =>
    findings.length === 0
      ? 'There are no such findings.'
      : formatTable(
          ['FINDING', 'STATE', 'SEVERITY', 'PACKAGE', 'VERSIONS', 'AFFECTED', 'ADVISORY', 'TITLE'],
          findings.map(toRow),
          session.tableWidth,
        ),
  )
}

function toRow({ uid, state, advisory, packageName, versions, kind, affectedPackage }: ListedFinding): string[] {
  const affected = kind === 'version' ? 'itself' : affectedPackage
  return [uid, state, advisory.severity ?? '', packageName, cut(versions), affected, advisory.advisoryId, advisory.title]
}

function cut(versions: readonly string[]): string {
  const few = versions.slice(-3).join(', ')
  return versions.length > 3 ? `${few} and ${versions.length - 3} more` : few
}

async function show(session: Session, path: string, uid: string): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  showFinding(session, await getFinding(ctx, { organization, uid }))
}

async function set(session: Session, path: string, uid: string, options: Decision): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  const finding = await getFinding(ctx, { organization, uid })
  await changeFinding(ctx, finding, { state: options.state, reason: options.reason ?? null })
  showFinding(session, await getFinding(await session.ctx(), { organization, uid }))
}

async function scan(session: Session, path: string, options: { wait: boolean }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, path)
  const asked = await requestFindings(ctx, id)
  if (!options.wait) {
    const { uid } = await getJob(ctx, asked)
    session.show({ job: uid }, () => `Queued. Watch it with: repertoire job show ${uid} --wait`)
    return
  }
  const job = await followJob(session, await toFollowed(ctx, asked))
  requireSuccess(job)
  session.show({ job: job.uid }, () => `Compared. See:  repertoire finding list ${path} --state open`)
}

function showFinding(session: Session, finding: ListedFinding): void {
  const { advisory } = finding
  session.show(presentFinding(finding), () =>
    formatFields([
      ['Finding', finding.uid],
      ['Package', finding.packageName],
      ['Versions', finding.versions.join(', ') || 'none any more'],
      ['Affected', `${finding.affectedPackage} ${advisory.affectedVersions}`],
      ['Advisory', `${advisory.advisoryId}${advisory.cve === null ? '' : ` (${advisory.cve})`}`],
      ['Title', advisory.title],
      ['Severity', advisory.severity ?? 'not known'],
      ['Link', advisory.link ?? 'none'],
      ['Found', toMoment(finding.foundAt)],
      [
        'State',
        `${finding.state} since ${toMoment(finding.changedAt)}${finding.changedBy === null ? '' : ` by ${finding.changedBy}`}`,
      ],
      ...(finding.reason === null ? [] : [['Reason', finding.reason] as const]),
    ]),
  )
}

function presentFinding(finding: ListedFinding) {
  const { uid, packageName, isMirrored, kind, branch, affectedPackage, affectedVersion, versions } = finding
  const { state, reason, changedBy } = finding
  const { id: _, ...advisory } = finding.advisory
  const moments = { foundAt: toTimestamp(finding.foundAt), changedAt: toTimestamp(finding.changedAt) }
  const subject = { uid, packageName, isMirrored, kind, branch, affectedPackage, affectedVersion, versions }
  return { ...subject, state, reason, changedBy, ...moments, advisory }
}
