import { Option, type Command } from 'commander'
import {
  addAdvisory,
  changeAdvisory,
  getAdvisory,
  importAdvisories,
  listAdvisoriesOf,
  listFeeds,
  listOwnAdvisories,
  parseReportedAt,
  requestRefresh,
  SEVERITIES,
  withdrawAdvisory,
  type Advisory,
  type AdvisoryContent,
  type FeedHealth,
  type ListedFeed,
  type Severity,
} from '../../core/advisories/index.ts'
import { getJob } from '../../core/jobs/index.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { usageFailure } from '../failure.ts'
import { followJob, requireSuccess } from '../follow-job.ts'
import { toInert } from '../inert.ts'
import { limitOption, noWaitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import { readTextFile } from '../read-text-file.ts'
import type { Session } from '../session.ts'
import { toFollowed } from '../show-sync.ts'
import { formatFields, formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

const MAX_FILE_BYTES = 256 * 1024 * 1024

interface Choices {
  affected?: string
  title?: string
  link?: string
  cve?: string
  severity?: Severity
  reported?: string
  confirm?: boolean
}

/** `repertoire advisory …` */
export function addAdvisoryCommands(program: Command, run: Run): void {
  const commands = program.command('advisory').description('security advisories: feeds, and those of an organization')
  addOwnCommands(commands, run)
  addFeedCommands(commands, run)
}

function addOwnCommands(commands: Command, run: Run): void {
  withChoices(commands.command('add').description('add an advisory that only this organization is told of'))
    .argument('<org>', 'slug of the organization')
    .argument('<package>', 'name of the package')
    .addHelpText(
      'after',
      '\nExample:\n  $ repertoire advisory add acme acme/http --affected ">=1.0,<1.2.3" --title "Header injection"',
    )
    .action(run(add))
  commands
    .command('list')
    .description("list the organization's own advisories, or all about a package")
    .argument('<org>', 'slug of the organization')
    .option('--package <name>', 'all advisories about this package, whoever tells them')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire advisory list acme --package monolog/monolog')
    .action(run(list))
  withKey(commands.command('show').description('show an advisory'), 'show').action(run(show))
  withChoices(withKey(commands.command('change').description('change an own advisory; what is left out stays'), 'change')).action(
    run(change),
  )
  withKey(commands.command('withdraw').description('withdraw an own advisory'), 'withdraw').action(run(withdraw))
}

function addFeedCommands(commands: Command, run: Run): void {
  commands
    .command('feeds')
    .description('list where advisories come from, with their age and problems')
    .addHelpText('after', '\nExample:\n  $ repertoire advisory feeds')
    .action(run(feeds))
  commands
    .command('refresh')
    .description('ask all feeds of advisories and of filter lists now')
    .addOption(noWaitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire advisory refresh')
    .action(run(refresh))
  commands
    .command('import')
    .description('take advisories from a file, for all organizations')
    .argument('<file>', 'answer of an advisories API, or output of composer audit --format=json')
    .option('--complete', 'the file is a whole database: what it does not name is withdrawn')
    .addHelpText('after', '\nExample:\n  $ repertoire advisory import advisories.json --complete')
    .action(run(importFile))
}

function withKey(command: Command, name: string): Command {
  return command
    .argument('<org>', 'slug of the organization')
    .argument('<advisory>', 'id of the advisory, as "advisory list" prints it')
    .addHelpText('after', `\nExample:\n  $ repertoire advisory ${name} acme RPSA-…`)
}

function withChoices(command: Command): Command {
  return command
    .option('--affected <constraint>', 'the versions that are affected, such as ">=1.0,<1.2.3|>=2.0,<2.1"')
    .option('--title <text>', 'what it is, in a few words')
    .option('--link <url>', 'where to read more')
    .option('--cve <cve>', 'its CVE')
    .addOption(new Option('--severity <severity>', 'how bad it is').choices(SEVERITIES))
    .option('--reported <time>', 'when it was published, such as 2026-01-31; now if left out')
    .option('--confirm', 'also with a constraint that covers every version or is none')
}

async function add(session: Session, path: string, packageName: string, options: Choices): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  if (options.affected === undefined || options.title === undefined) {
    throw usageFailure('Give --affected and --title.')
  }
  const content = { affectedVersions: '', title: '', link: null, cve: null, severity: null, reportedAt: null }
  const isConfirmed = options.confirm === true
  showAdvisory(session, await addAdvisory(ctx, { ...content, ...toContent(options), organization, packageName, isConfirmed }))
  session.note(`See whom it concerns with:  repertoire finding list ${toInert(path)}`)
}

async function list(session: Session, path: string, options: { package?: string; limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  const { package: name, limit } = options
  const advisories =
    name === undefined
      ? await readAll(limit, (page) => listOwnAdvisories(ctx, organization, page))
      : (await listAdvisoriesOf(ctx, { organization, name })).slice(0, limit)
  session.show(advisories.map(presentAdvisory), () =>
    advisories.length === 0
      ? 'There are no such advisories.'
      : formatTable(
          ['ADVISORY', 'PACKAGE', 'SEVERITY', 'AFFECTED', 'TITLE'],
          advisories.map((one) => [one.advisoryId, one.packageName, one.severity ?? '', one.affectedVersions, one.title]),
          session.tableWidth,
        ),
  )
}

async function show(session: Session, path: string, advisoryId: string): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  showAdvisory(session, await getAdvisory(ctx, { organization, advisoryId }))
}

async function change(session: Session, path: string, advisoryId: string, options: Choices): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  const input = { organization, advisoryId, change: toContent(options), isConfirmed: options.confirm === true }
  showAdvisory(session, await changeAdvisory(ctx, input))
}

async function withdraw(session: Session, path: string, advisoryId: string): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  await withdrawAdvisory(ctx, { organization, advisoryId })
  session.show({ withdrawn: advisoryId }, () => `Withdrew ${toInert(advisoryId)}.`)
}

async function feeds(session: Session): Promise<void> {
  showFeeds(session, await listFeeds(await session.ctx()))
}

async function refresh(session: Session, options: { wait: boolean }): Promise<void> {
  const ctx = await session.ctx()
  const jobs = await requestRefresh(ctx)
  if (!options.wait) {
    const uids = await Promise.all(jobs.map(async (id) => (await getJob(ctx, id)).uid))
    session.show({ jobs: uids }, () => uids.map((uid) => `Queued. Watch it with: repertoire job show ${uid} --wait`).join('\n'))
    return
  }
  for (const job of jobs) {
    requireSuccess(await followJob(session, await toFollowed(ctx, job)))
  }
  showFeeds(session, await listFeeds(await session.ctx()))
}

async function importFile(session: Session, file: string, options: { complete?: boolean }): Promise<void> {
  const text = await readTextFile(session, file, MAX_FILE_BYTES)
  const { skipped, ...changes } = await importAdvisories(await session.ctx(), { text, isComplete: options.complete === true })
  session.show({ ...changes, skipped }, () => {
    const lines = skipped.map(({ advisory, reason }) => `Left out ${advisory}: ${reason}.`)
    const { added, changed, withdrawn } = changes
    return [...lines, `${added} advisories added, ${changed} changed, ${withdrawn} withdrawn.`].join('\n')
  })
}

function toContent(options: Choices): Partial<AdvisoryContent> {
  const { affected, title, link, cve, severity, reported } = options
  const reportedAt = reported === undefined ? undefined : parseReportedAt(reported)
  if (reportedAt === null) {
    throw usageFailure('Give --reported as 2026-01-31 or 2026-01-31T12:00:00Z.')
  }
  return {
    ...(affected === undefined ? {} : { affectedVersions: affected }),
    ...(title === undefined ? {} : { title }),
    ...(link === undefined ? {} : { link }),
    ...(cve === undefined ? {} : { cve }),
    ...(severity === undefined ? {} : { severity }),
    ...(reportedAt === undefined ? {} : { reportedAt }),
  }
}

function showAdvisory(session: Session, advisory: Advisory): void {
  session.show(presentAdvisory(advisory), () =>
    formatFields([
      ['Advisory', advisory.advisoryId],
      ['Package', advisory.packageName],
      ['Affected', advisory.affectedVersions],
      ['Title', advisory.title],
      ['Severity', advisory.severity ?? 'not known'],
      ['CVE', advisory.cve ?? 'none'],
      ['Link', advisory.link ?? 'none'],
      ['Reported', toMoment(advisory.reportedAt)],
      ['Sources', advisory.sources.map(({ name, remoteId }) => `${name} (${remoteId})`).join(', ')],
    ]),
  )
}

function presentAdvisory(advisory: Advisory) {
  const { id: _, uid: __, organization, reportedAt, updatedAt, ...rest } = advisory
  const moments = { reportedAt: toTimestamp(reportedAt), updatedAt: toTimestamp(updatedAt) }
  return { ...rest, isOwn: organization !== null, ...moments }
}

function showFeeds(session: Session, { health, feeds: listed }: { health: FeedHealth; feeds: readonly ListedFeed[] }): void {
  const document = {
    health: health.state,
    feeds: listed.map(({ url, advisories, fetchedAt, attemptedAt, nextFetchAt, problem }) => ({
      ...{ url, advisories, problem },
      ...{ fetchedAt: toTimestamp(fetchedAt), attemptedAt: toTimestamp(attemptedAt), nextFetchAt: toTimestamp(nextFetchAt) },
    })),
  }
  session.show(document, () => {
    const rows = listed.map(({ url, advisories, fetchedAt, problem }) => [
      url,
      String(advisories),
      toMoment(fetchedAt),
      problem ?? '',
    ])
    const table = formatTable(['FEED', 'ADVISORIES', 'LAST ANSWER', 'PROBLEM'], rows, session.tableWidth)
    return rows.length === 0 ? HEALTH_TEXTS[health.state] : `${table}\n\n${HEALTH_TEXTS[health.state]}`
  })
}

const HEALTH_TEXTS: Readonly<Record<FeedHealth['state'], string>> = {
  fresh: 'The advisories are up to date.',
  stale: 'The last good answer is more than a day old; clients are warned.',
  never: 'No feed has answered yet; clients are warned.',
  off: 'No feed is asked: REPERTOIRE_ADVISORY_FEED is "off". Advisories can be imported from files.',
}
