import { InvalidArgumentError, Option, type Command } from 'commander'
import {
  AUDIT_CSV_HEADING,
  listAuditEvents,
  listAuditEventsAfter,
  streamAuditEvents,
  toAuditCsv,
  toAuditDocument,
  toAuditJson,
  type AuditEntry,
  type AuditQuery,
} from '../../core/audit/index.ts'
import type { EventId } from '../../core/kernel/values.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { parseMoment } from '../days.ts'
import { usageFailure } from '../failure.ts'
import { toInert } from '../inert.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { formatTable } from '../table.ts'

/** Events of a table unless `--limit` says otherwise; exports are complete. */
const TABLE = 100
const POLL_INTERVAL = 1000

interface AuditOptions {
  type?: string[]
  actor?: AuditQuery['actor']
  package?: string
  since?: number
  until?: number
  text?: string
  limit?: number
  follow?: boolean
  format?: 'table' | 'ndjson' | 'csv'
}

/** `repertoire audit` */
export function addAuditCommand(program: Command, run: Run): void {
  program
    .command('audit')
    .description('show who did what, newest first')
    .argument('[org]', 'slug of the organization; everything of the instance if left out')
    .addOption(
      new Option(
        '--type <type>',
        'only this type, such as token.created, or all that begin with token; may be repeated',
      ).argParser(collect),
    )
    .addOption(
      new Option('--actor <actor>', 'only system, operator, setup, anonymous, token:<number> or user:<number>').argParser(
        parseActor,
      ),
    )
    .option('--package <name>', 'only what is about this package')
    .addOption(new Option('--since <time>', 'from this day or time (UTC) on').argParser(parseMoment))
    .addOption(new Option('--until <time>', 'before this day or time (UTC)').argParser(parseMoment))
    .option('--text <text>', 'only events in whose details this text occurs')
    .addOption(limitOption())
    .option('--follow', 'go on with what happens from now on, until Ctrl-C')
    .addOption(
      new Option('--format <format>', 'table, or an export of all events: ndjson or csv')
        .choices(['table', 'ndjson', 'csv'])
        .default('table'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ repertoire audit acme --type token --since 2026-03-01\n  $ repertoire audit acme --format csv > audit.csv\n  $ repertoire audit --follow',
    )
    .action(run(audit))
}

function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value]
}

function parseActor(text: string): AuditQuery['actor'] {
  const [, kind = '', number] = /^(system|operator|setup|anonymous|token|user)(?::([1-9]\d{0,14}))?$/.exec(text) ?? []
  const isNumbered = kind === 'token' || kind === 'user'
  if (kind === '' || (number !== undefined && !isNumbered)) {
    throw new InvalidArgumentError('Give system, operator, setup, anonymous, token, user, token:<number> or user:<number>.')
  }
  return { kind, id: number === undefined ? null : Number(number) }
}

async function audit(session: Session, path: string | undefined, options: AuditOptions): Promise<void> {
  const query = await toQuery(session, path, options)
  if (options.follow === true) {
    return follow(session, query, options)
  }
  if (options.format === 'ndjson' || options.format === 'csv') {
    return exportEvents(session, query, options)
  }
  const ctx = await session.ctx()
  const entries = await readAll(options.limit ?? TABLE, (page) => listAuditEvents(ctx, query, page))
  session.show(entries.map(toAuditDocument), () =>
    entries.length === 0
      ? 'There are no such events.'
      : formatTable(
          ['TIME', 'TYPE', 'FROM', 'WHAT'],
          entries.map((entry) => [toTime(entry), entry.type, entry.origin.address ?? entry.origin.surface, entry.sentence]),
          session.tableWidth,
        ),
  )
}

async function toQuery(session: Session, path: string | undefined, options: AuditOptions): Promise<AuditQuery> {
  const organization = path === undefined ? null : (await getOrganizationByPath(await session.ctx(), path)).id
  if (organization === null && options.package !== undefined) {
    throw usageFailure('Give an organization with --package.')
  }
  return {
    organization,
    types: options.type ?? null,
    actor: options.actor ?? null,
    package: options.package ?? null,
    since: options.since ?? null,
    until: options.until ?? null,
    text: options.text ?? null,
  }
}

/** Line by line, so that an export of any length takes little memory. */
async function exportEvents(session: Session, query: AuditQuery, options: AuditOptions): Promise<void> {
  const { stdout } = session.io
  let left = options.limit ?? Number.POSITIVE_INFINITY
  if (options.format === 'csv') {
    stdout.write(AUDIT_CSV_HEADING)
  }
  for await (const entry of streamAuditEvents(await session.ctx(), query)) {
    stdout.write(options.format === 'csv' ? toAuditCsv(entry) : toAuditJson(entry))
    await stdout.drained()
    left -= 1
    if (left <= 0) {
      return
    }
  }
}

async function follow(session: Session, query: AuditQuery, options: AuditOptions): Promise<void> {
  const interrupt = Promise.withResolvers<'interrupted'>()
  const unlisten = session.io.onInterrupt(() => interrupt.resolve('interrupted'))
  const format = toFollowFormat(session, options)
  let seen: EventId | null = null
  try {
    if (options.format === 'csv') {
      session.io.stdout.write(AUDIT_CSV_HEADING)
    }
    for (let isOver = false; ; isOver = (await Promise.race([Bun.sleep(POLL_INTERVAL), interrupt.promise])) === 'interrupted') {
      const news: Awaited<ReturnType<typeof listAuditEventsAfter>> = await listAuditEventsAfter(await session.ctx(), query, seen)
      news.items.forEach((entry) => session.io.stdout.write(format(entry)))
      seen = news.seen
      if (isOver) {
        return
      }
    }
  } finally {
    unlisten()
  }
}

function toFollowFormat(session: Session, options: AuditOptions): (entry: AuditEntry) => string {
  if (options.format === 'csv') {
    return toAuditCsv
  }
  if (options.format === 'ndjson' || session.isJson) {
    return toAuditJson
  }
  return (entry) => `${toTime(entry)}  ${toInert(entry.sentence)}\n`
}

function toTime(entry: AuditEntry): string {
  return new Date(entry.at).toISOString().slice(0, 19).replace('T', ' ')
}
