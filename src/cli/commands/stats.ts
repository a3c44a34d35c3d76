import { Option, type Command } from 'commander'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import {
  getUsageOfRange,
  getUsageTotals,
  listTopUsage,
  listUnknownInstalls,
  listUsageSeries,
  type DayRange,
  type Step,
  type UsageScope,
} from '../../core/statistics/index.ts'
import { rangeOptions, toRange } from '../days.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'
import { formatFields, formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

const STEPS = ['day', 'week', 'month'] as const
const TOPS = ['package', 'version', 'token', 'source'] as const
/** Lines of a top list unless `--limit` says otherwise. */
const TOP = 20

interface StatsOptions {
  package?: string
  kind?: 'download' | 'install'
  by?: Step | (typeof TOPS)[number] | 'unknown'
  since?: string
  until?: string
  limit?: number
}

/** `repertoire stats` */
export function addStatsCommand(program: Command, run: Run): void {
  const [since, until] = rangeOptions()
  program
    .command('stats')
    .description('show how often packages are downloaded and installed')
    .argument('<org>', 'slug of the organization')
    .option('--package <name>', 'only this package')
    .addOption(
      new Option('--kind <kind>', 'only downloads of archives, or only installs that clients report').choices([
        'download',
        'install',
      ]),
    )
    .addOption(
      new Option('--by <what>', 'a line for each; "unknown": names that clients installed and that are no packages here').choices(
        [...STEPS, ...TOPS, 'unknown'],
      ),
    )
    .addOption(since)
    .addOption(until)
    .addOption(limitOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ repertoire stats acme --by package\n  $ repertoire stats acme --package acme/widgets --by version --since 2026-01-01',
    )
    .action(run(stats))
}

async function stats(session: Session, path: string, options: StatsOptions): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  const scope: UsageScope = { organization, package: options.package ?? null, kind: options.kind ?? null }
  const range = toRange(options, ctx.now)
  const { by } = options
  switch (by) {
    case undefined:
      return showTotals(session, ctx, { scope, range })
    case 'unknown':
      return showUnknown(session, ctx, { scope, limit: options.limit })
    case 'day':
    case 'week':
    case 'month':
      return showSeries(session, ctx, { scope, range, step: by })
    default:
      return showTop(session, ctx, { scope, range, by, limit: options.limit ?? TOP })
  }
}

async function showTotals(session: Session, ctx: Ctx, { scope, range }: { scope: UsageScope; range: DayRange }): Promise<void> {
  const totals = await getUsageTotals(ctx, scope)
  const count = await getUsageOfRange(ctx, scope, range)
  session.show({ ...totals, range: { ...range, count } }, () =>
    formatFields([
      ['Today', String(totals.today)],
      ['Last 7 days', String(totals.last7Days)],
      ['Last 30 days', String(totals.last30Days)],
      ['In all', String(totals.total)],
      [`${range.since} to ${range.until}`, String(count)],
      ['Last used', totals.lastDay ?? 'never'],
    ]),
  )
}

async function showSeries(
  session: Session,
  ctx: Ctx,
  { scope, range, step }: { scope: UsageScope; range: DayRange; step: Step },
): Promise<void> {
  const points = await listUsageSeries(ctx, scope, { ...range, step })
  session.show({ range, step, series: points }, () =>
    formatTable(
      [step.toUpperCase(), 'COUNT'],
      points.map((point) => [point.start, String(point.count)]),
      session.tableWidth,
    ),
  )
}

async function showTop(
  session: Session,
  ctx: Ctx,
  { scope, ...wanted }: { scope: UsageScope; range: DayRange; by: (typeof TOPS)[number]; limit: number },
): Promise<void> {
  const top = await listTopUsage(ctx, scope, wanted)
  session.show({ range: wanted.range, by: wanted.by, top }, () =>
    top.length === 0
      ? 'Nothing was downloaded or installed in this time.'
      : formatTable(
          ['COUNT', wanted.by.toUpperCase()],
          top.map((line) => [String(line.count), line.label]),
          session.tableWidth,
        ),
  )
}

async function showUnknown(
  session: Session,
  ctx: Ctx,
  { scope, limit }: { scope: UsageScope; limit: number | undefined },
): Promise<void> {
  const names = (await listUnknownInstalls(ctx, scope.organization)).slice(0, limit)
  session.show(
    names.map(({ name, count, lastAt }) => ({ name: name === '' ? null : name, count, lastAt: toTimestamp(lastAt) })),
    () =>
      names.length === 0
        ? 'Every install that was reported is of a package here.'
        : formatTable(
            ['COUNT', 'LAST', 'NAME'],
            names.map(({ name, count, lastAt }) => [String(count), toMoment(lastAt), name === '' ? '(all others)' : name]),
            session.tableWidth,
          ),
  )
}
