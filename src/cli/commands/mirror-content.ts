import type { Command } from 'commander'
import { MAX_PAGE } from '../../core/kernel/paging.ts'
import {
  addMirroredPackages,
  dismissMirrorIncident,
  listMirroredPackages,
  listMirrorIncidents,
  listReservations,
  releaseNames,
  removeMirroredPackages,
  reserveNames,
  type MirroredPackage,
} from '../../core/mirrors/index.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { CliFailure, EXIT, usageFailure } from '../failure.ts'
import { followJob } from '../follow-job.ts'
import { getMirrorByKey } from '../mirror-key.ts'
import { presentIncident, presentMirrored } from '../mirror-texts.ts'
import { limitOption, noWaitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { toFollowed } from '../show-sync.ts'
import { formatTable } from '../table.ts'
import { countOf, toMoment } from '../texts.ts'

/** `repertoire mirror packages …`, `incidents`, `dismiss`, `reserve`, `unreserve` and `reservations`. */
export function addMirrorContentCommands(commands: Command, run: Run): void {
  const packages = commands.command('packages').description('packages of a mirror')
  named(packages.command('list').description('list the packages of a mirror'))
    .addHelpText('after', '\nExample:\n  $ repertoire mirror packages list acme repo.packagist.org')
    .action(run(listPackages))
  named(packages.command('add').description('mirror packages now, before anybody uses them'))
    .argument('<names...>', 'names of packages')
    .addOption(noWaitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire mirror packages add acme repo.packagist.org monolog/monolog psr/log')
    .action(run(addPackages))
  named(packages.command('remove').description('remove all packages of a mirror with their archives'))
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ repertoire mirror packages remove acme repo.packagist.org --yes')
    .action(run(removePackages))
  named(commands.command('incidents').description('list what an upstream did that must not pass unnoticed'))
    .option('--all', 'also what was dismissed')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire mirror incidents acme repo.packagist.org')
    .action(run(incidents))
  named(commands.command('dismiss').description('say of an incident that it needs no attention'))
    .argument('<incident>', 'uid of the incident')
    .addHelpText('after', '\nExample:\n  $ repertoire mirror dismiss acme repo.packagist.org 0190…')
    .action(run(dismiss))
  addReservationCommands(commands, run)
}

function addReservationCommands(commands: Command, run: Run): void {
  commands
    .command('reservations')
    .description('list the names that are kept for private packages and never asked of any upstream')
    .argument('<org>', 'slug of the organization')
    .addHelpText('after', '\nExample:\n  $ repertoire mirror reservations acme')
    .action(run(reservations))
  commands
    .command('reserve')
    .description('keep names for private packages')
    .argument('<org>', 'slug of the organization')
    .argument('<patterns...>', 'names or patterns such as "acme/*"')
    .addHelpText('after', "\nExample:\n  $ repertoire mirror reserve acme 'acme-*/*'")
    .action(run(reserve))
  commands
    .command('unreserve')
    .description('give reserved names free')
    .argument('<org>', 'slug of the organization')
    .argument('<patterns...>', 'names or patterns as "mirror reservations" prints them')
    .addHelpText('after', "\nExample:\n  $ repertoire mirror unreserve acme 'acme/*'")
    .action(run(unreserve))
}

function named(command: Command): Command {
  return command.argument('<org>', 'slug of the organization').argument('<mirror>', 'name, URL or uid of the mirror')
}

async function listPackages(session: Session, path: string, key: string): Promise<void> {
  const ctx = await session.ctx()
  const { mirror } = await getMirrorByKey(ctx, path, key)
  const packages: MirroredPackage[] = []
  let page: MirroredPackage[]
  do {
    page = await listMirroredPackages(ctx, mirror, { after: packages.at(-1)?.name ?? '', limit: MAX_PAGE })
    packages.push(...page)
  } while (page.length === MAX_PAGE)
  session.show(packages.map(presentMirrored), () =>
    packages.length === 0
      ? 'Nothing has been mirrored yet.'
      : formatTable(
          ['NAME', 'UPSTREAM', 'CHECKED', 'CHANGED', 'PROBLEM'],
          packages.map(({ name, upstream, checkedAt, changedAt, problem }) => [
            name,
            upstream,
            toMoment(checkedAt),
            toMoment(changedAt),
            problem ?? '',
          ]),
          session.tableWidth,
        ),
  )
}

type Adding = [path: string, key: string, names: string[], options: { wait: boolean }]

async function addPackages(session: Session, ...[path, key, names, options]: Adding): Promise<void> {
  const ctx = await session.ctx()
  const { mirror } = await getMirrorByKey(ctx, path, key)
  const added = await addMirroredPackages(ctx, mirror, names)
  const results: { name: string; state: string; problem: string | null }[] = []
  for (const { name, job } of added) {
    const ended = !options.wait ? null : await followJob(session, await toFollowed(await session.ctx(), job))
    results.push({ name, state: ended?.state ?? 'queued', problem: ended?.error ?? null })
  }
  session.show(results, () =>
    formatTable(
      ['NAME', 'STATE', 'PROBLEM'],
      results.map(({ name, state, problem }) => [name, state, problem ?? '']),
      session.tableWidth,
    ),
  )
  const failed = results.filter(({ state }) => state !== 'succeeded' && state !== 'queued').length
  if (failed > 0) {
    throw new CliFailure({
      exit: EXIT.failed,
      code: 'not_mirrored',
      message: `${countOf(failed, 'package')} could not be mirrored.`,
    })
  }
}

async function removePackages(session: Session, path: string, key: string, options: { yes?: boolean }): Promise<void> {
  const ctx = await session.ctx()
  const { mirror, packages } = await getMirrorByKey(ctx, path, key)
  if (packages > 0 && options.yes !== true) {
    if (!session.isInteractive) {
      throw usageFailure('Lock files that name these packages stop working. Give --yes to confirm.')
    }
    if (!(await session.prompter.confirm(`Remove ${countOf(packages, 'package')} with all archives?`, 'no'))) {
      throw new CliFailure({ exit: EXIT.failed, code: 'declined', message: 'Nothing was removed.' })
    }
  }
  const removed = await removeMirroredPackages(ctx, mirror)
  session.show({ removed }, () => `Removed ${countOf(removed, 'package')}.`)
}

async function incidents(session: Session, path: string, key: string, options: { all?: boolean; limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const { mirror } = await getMirrorByKey(ctx, path, key)
  const isOpen = options.all !== true
  const found = await readAll(options.limit, (page) => listMirrorIncidents(ctx, mirror, { page, isOpen }))
  session.show(found.map(presentIncident), () =>
    found.length === 0
      ? 'There is nothing to look at.'
      : formatTable(
          ['UID', 'LAST', 'TIMES', 'KIND', 'WHAT'],
          found.map(({ uid, lastAt, count, kind, detail }) => [uid, toMoment(lastAt), String(count), kind, detail]),
          session.tableWidth,
        ),
  )
}

async function dismiss(session: Session, path: string, key: string, uid: string): Promise<void> {
  const ctx = await session.ctx()
  const { mirror } = await getMirrorByKey(ctx, path, key)
  await dismissMirrorIncident(ctx, mirror, uid)
  session.show({ dismissed: uid }, () => 'Dismissed the incident.')
}

async function reservations(session: Session, path: string): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, path)
  const found = await listReservations(ctx, id)
  session.show(
    found.map(({ pattern, kind }) => ({ pattern, kind })),
    () =>
      formatTable(
        ['PATTERN', 'WHY'],
        found.map(({ pattern, kind }) => [pattern, WHY[kind]]),
        session.tableWidth,
      ),
  )
}

const WHY = {
  name: 'a private package has or had this name',
  vendor: 'the vendor of private packages',
  manual: 'reserved by an administrator',
  released: 'given free by an administrator',
} as const

async function reserve(session: Session, path: string, patterns: string[]): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, path)
  await reserveNames(ctx, id, patterns)
  session.show({ reserved: patterns }, () => `Reserved ${patterns.join(', ')}.`)
}

async function unreserve(session: Session, path: string, patterns: string[]): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, path)
  await releaseNames(ctx, id, patterns)
  session.show({ released: patterns }, () => `Gave ${patterns.join(', ')} free.`)
}
