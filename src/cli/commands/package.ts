import type { Command } from 'commander'
import { compareVersions } from '../../composer/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { MAX_PAGE } from '../../core/kernel/paging.ts'
import type { OrganizationId } from '../../core/kernel/values.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { getPackage, listPackages, type ListedPackage, type Package, type VersionRow } from '../../core/packages/index.ts'
import { deletePackage } from '../../core/sources/index.ts'
import { CliFailure, EXIT, usageFailure } from '../failure.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { addAbandonCommands } from './package-abandon.ts'
import { addReadmeCommand } from './package-readme.ts'
import type { Session } from '../session.ts'
import { formatFields, formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

const SHORT_REFERENCE = 12

/** `repertoire package …` */
export function addPackageCommands(program: Command, run: Run): void {
  const commands = program.command('package').description('packages and their versions')
  commands
    .command('list')
    .description('list the packages of an organization')
    .argument('<org>', 'slug of the organization')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire package list acme')
    .action(run(list))
  commands
    .command('show')
    .description('show a package with its versions, newest first')
    .argument('<org>', 'slug of the organization')
    .argument('<name>', 'name of the package')
    .addHelpText('after', '\nExample:\n  $ repertoire package show acme acme/widgets')
    .action(run(show))
  addReadmeCommand(commands, run)
  addAbandonCommands(commands, run)
  commands
    .command('delete')
    .description('delete a package with its versions and archives; lock files that name them fail afterwards')
    .argument('<org>', 'slug of the organization')
    .argument('<name>', 'name of the package')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ repertoire package delete acme acme/widgets')
    .action(run(remove))
}

async function remove(session: Session, slug: string, given: string, options: { yes?: boolean }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const { package: target, versions } = await getPackage(ctx, { organization: id, name: given })
  if (options.yes !== true) {
    if (!session.isInteractive) {
      throw usageFailure('Deleting a package also deletes its versions and archives. Give --yes to confirm.')
    }
    session.note(`${target.name} has ${versions.length} versions; lock files that name them fail afterwards.`)
    if (!(await session.prompter.confirm('Delete it with all archives?', 'no'))) {
      throw new CliFailure({ exit: EXIT.failed, code: 'declined', message: 'Nothing was deleted.' })
    }
  }
  await deletePackage(await session.ctx(), { organization: id, name: target.name })
  session.show({ name: target.name, deleted: true }, () => `Deleted ${target.name}.`)
}

async function list(session: Session, slug: string, options: { limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const packages = await readPackages(ctx, id, options.limit)
  session.show(
    packages.map((found) => ({ ...presentPackage(found), versions: found.versions })),
    () =>
      packages.length === 0
        ? `${slug} has no packages. Add a source with: repertoire source add ${slug} https://…`
        : formatTable(
            ['NAME', 'VERSIONS', 'CHANGED', 'DESCRIPTION'],
            packages.map((found) => [found.name, String(found.versions), toMoment(found.modifiedAt * 1000), describe(found)]),
            session.tableWidth,
          ),
  )
}

/** The first `limit` packages of an organization by name, or all of them. */
export async function readPackages(ctx: Ctx, organization: OrganizationId, limit = Infinity): Promise<ListedPackage[]> {
  const packages: ListedPackage[] = []
  while (packages.length < limit) {
    const wanted = Math.min(MAX_PAGE, limit - packages.length)
    const afterName = packages.at(-1)?.name ?? ''
    const more = await listPackages(ctx, { organization, limit: wanted, afterName })
    packages.push(...more)
    if (more.length < wanted) {
      break
    }
  }
  return packages
}

async function show(session: Session, slug: string, name: string): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const found = await getPackage(ctx, { organization: id, name })
  const versions = found.versions.toSorted((a, b) => compareVersions(b.normalized, a.normalized))
  session.show({ ...presentPackage(found.package), versions: versions.map(presentVersion) }, () =>
    [
      formatFields([
        ['Name', found.package.name],
        ['Type', found.package.type],
        ['Description', describe(found.package)],
        ['Versions', String(versions.length)],
        ['Changed', toMoment(found.package.modifiedAt * 1000)],
      ]),
      '',
      formatTable(
        ['VERSION', 'STABILITY', 'COMMIT', 'RELEASED', 'ARCHIVE'],
        versions.map((version) => [
          version.defaultBranch ? `${version.version} (default)` : version.version,
          version.stability,
          version.reference.slice(0, SHORT_REFERENCE),
          version.time ?? '',
          version.sha1 === null ? 'on demand' : 'built',
        ]),
        session.tableWidth,
      ),
    ].join('\n'),
  )
}

function describe(found: Package): string {
  if (found.abandoned === false) {
    return found.description
  }
  const replacement = typeof found.abandoned === 'string' ? `, use ${found.abandoned}` : ''
  return `(abandoned${replacement}) ${found.description}`.trimEnd()
}

function presentPackage(found: Package) {
  return {
    uid: found.uid,
    name: found.name,
    type: found.type,
    description: found.description,
    abandoned: found.abandoned,
    modifiedAt: toTimestamp(found.modifiedAt * 1000),
  }
}

function presentVersion(version: VersionRow) {
  return {
    version: version.version,
    normalized: version.normalized,
    type: version.type,
    stability: version.stability,
    ref: version.ref,
    reference: version.reference,
    defaultBranch: version.defaultBranch,
    releasedAt: version.time,
    publishedAt: toTimestamp(version.publishedAt),
    archiveSha1: version.sha1,
  }
}
