import { Option, type Command } from 'commander'
import { getJob, listJobLog, listJobs, retryJob, type Job, type JobLogLine } from '../../core/jobs/index.ts'
import { listOrganizations } from '../../core/access/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import type { JobId } from '../../core/kernel/values.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { followFrom, followJob, requireSuccess } from '../follow-job.ts'
import { toInert } from '../inert.ts'
import { limitOption, noWaitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { formatFields, formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

interface ListOptions {
  org?: string
  state?: Job['state']
  kind?: string
  limit?: number
}

/** `repertoire job …` */
export function addJobCommands(program: Command, run: Run): void {
  const commands = program.command('job').description('jobs: the work that is done in the background')
  commands
    .command('list')
    .description('list jobs, newest first')
    .option('--org <slug>', 'only those of this organization')
    .addOption(new Option('--state <state>', 'only those in this state').choices(['queued', 'running', 'succeeded', 'failed']))
    .option('--kind <kind>', 'only those of this kind, such as source.sync')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire job list --state failed')
    .action(run(list))
  commands
    .command('show')
    .description('show a job and its log')
    .argument('<job>', 'uid or number of the job')
    .option('--wait', 'wait until it ended; exit code 1 if it failed')
    .addHelpText('after', '\nExample:\n  $ repertoire job show 17 --wait')
    .action(run(show))
  commands
    .command('retry')
    .description('put a failed job back into the queue')
    .argument('<job>', 'uid or number of the job')
    .addOption(noWaitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire job retry 17')
    .action(run(retry))
}

async function list(session: Session, options: ListOptions): Promise<void> {
  const ctx = await session.ctx()
  const organization = options.org === undefined ? null : (await getOrganizationByPath(ctx, options.org)).id
  const filter = { organization, state: options.state ?? null, kind: options.kind ?? null }
  const jobs = await readAll(options.limit, (page) => listJobs(ctx, filter, page))
  const slugs = await readSlugs(ctx)
  session.show(
    jobs.map((job) => presentJob(job, slugs)),
    () =>
      jobs.length === 0
        ? 'There are no such jobs.'
        : formatTable(
            ['JOB', 'KIND', 'ORG', 'STATE', 'TRIES', 'CREATED', 'PROBLEM'],
            jobs.map((job) => [
              String(job.id),
              job.kind,
              slugOf(job, slugs) ?? '',
              job.state,
              `${job.attempts}/${job.maxAttempts}`,
              toMoment(job.createdAt),
              job.error ?? '',
            ]),
            session.tableWidth,
          ),
  )
}

async function show(session: Session, wanted: string, options: { wait?: boolean }): Promise<void> {
  const found = await getJob(await session.ctx(), toJobKey(wanted))
  const job = options.wait === true ? await followJob(session, followFrom(found)) : found
  await showJob(session, job)
  if (options.wait === true) {
    requireSuccess(job)
  }
}

async function retry(session: Session, wanted: string, options: { wait: boolean }): Promise<void> {
  const ctx = await session.ctx()
  const found = await getJob(ctx, toJobKey(wanted))
  await retryJob(ctx, found)
  if (options.wait) {
    const job = await followJob(session, { job: found.id, attempts: 0 })
    await showJob(session, job)
    requireSuccess(job)
    return
  }
  const job = await getJob(ctx, found.id)
  session.show(presentJob(job, await readSlugs(ctx)), () => `The job ${job.uid} is queued again.`)
}

async function showJob(session: Session, job: Job): Promise<void> {
  const ctx = await session.ctx()
  const slugs = await readSlugs(ctx)
  const log = await readLog(ctx, job)
  const lines = log.map(({ at, level, line }) => ({ at: toTimestamp(at), level, line }))
  session.show({ ...presentJob(job, slugs), log: lines }, () => formatJob(job, slugOf(job, slugs), log))
}

function formatJob(job: Job, slug: string | null, log: readonly JobLogLine[]): string {
  const fields = formatFields([
    ['Job', `${job.id} (${job.uid})`],
    ['Kind', job.kind],
    ['Organization', slug ?? '-'],
    ['State', job.state === 'queued' && job.attempts > 0 ? `queued, next try ${toMoment(job.runAt)}` : job.state],
    ['Tries', `${job.attempts} of ${job.maxAttempts}`],
    ['Created', toMoment(job.createdAt)],
    ['Started', toMoment(job.startedAt)],
    ['Finished', toMoment(job.finishedAt)],
    ['Problem', job.error ?? '-'],
  ])
  const lines = log.map(({ at, level, line }) => `  ${new Date(at).toISOString()}  ${level.padEnd(7)}  ${toInert(line)}`)
  return [fields, ...(lines.length === 0 ? [] : ['', 'Log:', ...lines])].join('\n')
}

async function readLog(ctx: Ctx, job: Job): Promise<JobLogLine[]> {
  const lines: JobLogLine[] = []
  for (;;) {
    const more = await listJobLog(ctx, job, lines.at(-1)?.sequence ?? 0)
    if (more.length === 0) {
      return lines
    }
    lines.push(...more)
  }
}

function toJobKey(text: string): JobId | string {
  return /^[1-9]\d{0,14}$/.test(text) ? (Number(text) as JobId) : text
}

async function readSlugs(ctx: Ctx): Promise<Map<number, string>> {
  const organizations = await readAll(undefined, (page) => listOrganizations(ctx, page))
  return new Map(organizations.map(({ id, slug }) => [id, slug]))
}

function slugOf(job: Job, slugs: ReadonlyMap<number, string>): string | null {
  return job.organization === null ? null : (slugs.get(job.organization) ?? null)
}

function presentJob(job: Job, slugs: ReadonlyMap<number, string>) {
  return {
    id: job.id,
    uid: job.uid,
    kind: job.kind,
    organization: slugOf(job, slugs),
    state: job.state,
    attempts: job.attempts,
    maxAttempts: job.maxAttempts,
    progress: job.progress,
    error: job.errorCode === null ? null : { code: job.errorCode, message: job.error ?? '' },
    runAt: toTimestamp(job.runAt),
    createdAt: toTimestamp(job.createdAt),
    startedAt: toTimestamp(job.startedAt),
    finishedAt: toTimestamp(job.finishedAt),
  }
}
