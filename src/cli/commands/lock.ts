import { readFile, stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { listOrganizations } from '../../core/access/index.ts'
import { getAudience } from '../../core/catalog/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import {
  checkLock,
  LOCK_SIZE_LIMIT,
  parseLockFile,
  prefetchLock,
  type CheckedPackage,
  type LockedPackage,
  type LockReport,
} from '../../core/locks/index.ts'
import { EXIT, usageFailure } from '../failure.ts'
import { followFrom, followJob, requireSuccess } from '../follow-job.ts'
import { toInert } from '../inert.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'
import { formatTable } from '../table.ts'

const CHECK_HELP = `
Exit codes: 0 if everything is fine, 1 if there is something to look at.

Examples:
  $ repertoire lock check acme composer.lock
  $ repertoire lock check composer.lock --json`

const PREFETCH_HELP = `
Packages that a mirror has are added, archives are fetched or built. Afterwards the lock file is checked as "lock check" does.

Example:
  $ repertoire lock prefetch acme composer.lock`

/** `repertoire lock …` */
export function addLockCommands(program: Command, run: Run): void {
  const commands = program.command('lock').description('lock files: what they install, and whether it is here')
  commands
    .command('check')
    .description('compare a composer.lock with what a repository has')
    .argument('<org>', 'slug of the organization; may be left out where there is only one')
    .argument('[file]', 'the composer.lock')
    .addHelpText('after', CHECK_HELP)
    .action(run(check))
  commands
    .command('prefetch')
    .description('get every archive that a composer.lock installs')
    .argument('<org>', 'slug of the organization; may be left out where there is only one')
    .argument('[file]', 'the composer.lock')
    .addHelpText('after', PREFETCH_HELP)
    .action(run(prefetch))
}

async function check(session: Session, first: string, second?: string): Promise<number> {
  const { path, file } = await readPlace(session, first, second)
  const locked = await readLock(file)
  return show(session, await report(await session.ctx(), path, locked))
}

/** Where there is one organization, it need not be named. */
async function readPlace(session: Session, first: string, second: string | undefined): Promise<{ path: string; file: string }> {
  if (second !== undefined) {
    return { path: first, file: second }
  }
  const { items, next } = await listOrganizations(await session.ctx(), { after: null, limit: 1 })
  const [only] = items
  if (only === undefined || next !== null) {
    throw usageFailure('Say of which organization, then which file: there is not exactly one organization.')
  }
  return { path: only.slug, file: first }
}

async function prefetch(session: Session, first: string, second?: string): Promise<number> {
  const { path, file } = await readPlace(session, first, second)
  const locked = await readLock(file)
  const ctx = await session.ctx()
  const job = await prefetchLock(ctx, await getAudience(ctx, path), locked)
  requireSuccess(await followJob(session, followFrom(job)))
  return show(session, await report(await session.ctx(), path, locked))
}

async function readLock(file: string): Promise<LockedPackage[]> {
  const found = await stat(file).catch(() => null)
  if (found === null || !found.isFile()) {
    throw usageFailure(`${file} is not a file that can be read.`)
  }
  if (found.size > LOCK_SIZE_LIMIT) {
    throw usageFailure(`${file} has more than ${LOCK_SIZE_LIMIT} bytes.`)
  }
  return parseLockFile(await readFile(file))
}

async function report(ctx: Ctx, path: string, locked: readonly LockedPackage[]): Promise<LockReport> {
  return checkLock(ctx, await getAudience(ctx, path), { locked, repository: { path, baseUrl: ctx.publicUrl } })
}

function show(session: Session, found: LockReport): number {
  session.show(found, () => describe(session, found))
  return found.status === 'ok' ? EXIT.done : EXIT.failed
}

/** What there is to look at, then the numbers of all. */
function describe({ tableWidth }: Session, { packages, advisories }: LockReport): string {
  const rows = packages.flatMap(({ name, version, findings }) =>
    findings.map(({ kind, detail }) => [name, version, kind, detail].map(toInert)),
  )
  const lines = rows.length === 0 ? [] : [formatTable(['PACKAGE', 'VERSION', 'FINDING', 'DETAIL'], rows, tableWidth), '']
  lines.push(describeArchives(packages), ...describeAdvisories(advisories))
  return lines.join('\n')
}

function describeArchives(packages: readonly CheckedPackage[]): string {
  const count = (state: CheckedPackage['archive']) => packages.filter(({ archive }) => archive === state).length
  const elsewhere = packages.filter(({ installs }) => installs.from === 'elsewhere').length
  const parts = [
    `${packages.length} packages`,
    `${count('present')} archives are here`,
    `${count('missing')} can be got`,
    `${count('unavailable')} cannot`,
    `${elsewhere} packages are installed from elsewhere`,
  ]
  return `${parts.join(', ')}.`
}

function describeAdvisories(advisories: LockReport['advisories']): string[] {
  switch (advisories) {
    case 'fresh':
      return []
    case 'off':
      return ['No feed of advisories is asked; only those that the organization wrote were looked for.']
    case 'never':
    case 'stale':
      return ['The security advisories that are known are out of date; there may be more.']
  }
}
