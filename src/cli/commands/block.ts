import type { Command } from 'commander'
import {
  BLOCK_LIST,
  blockPackage,
  listBlocked,
  listFilterFeeds,
  unblockPackage,
  type FilterEntry,
} from '../../core/advisories/index.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { toInert } from '../inert.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

/** `repertoire block …` */
export function addBlockCommands(program: Command, run: Run): void {
  const commands = program.command('block').description('filter lists: versions of packages that are kept back')
  commands
    .command('add')
    .description('put versions of a package on a list')
    .argument('<org>', 'slug or path of the organization; the list holds in its suborganizations too')
    .argument('<package>', 'name of the package; it need not be there yet')
    .option('--versions <constraint>', 'which versions', '*')
    .option('--reason <text>', 'why, for those who are refused')
    .option('--url <url>', 'where to read more')
    .option(
      '--list <name>',
      'another list, which policies of clients may name; the registry enforces "blocked" and "malware"',
      BLOCK_LIST,
    )
    .addHelpText('after', '\nExample:\n  $ repertoire block add acme acme/http --versions ">=1.0,<1.2" --reason "loses data"')
    .action(run(add))
  commands
    .command('list')
    .description('list what an organization put on its lists')
    .argument('<org>', 'slug or path of the organization')
    .option('--list <name>', 'of one list alone')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire block list acme')
    .action(run(list))
  commands
    .command('remove')
    .description('take an entry from its list')
    .argument('<org>', 'slug or path of the organization')
    .argument('<entry>', 'uid of the entry, as "block list" prints it')
    .addHelpText('after', '\nExample:\n  $ repertoire block remove acme 0190…')
    .action(run(remove))
  commands
    .command('feeds')
    .description('list where lists of others come from, when they were read, and what is wrong')
    .argument('<org>', 'slug or path of the organization')
    .addHelpText('after', '\nExample:\n  $ repertoire block feeds acme')
    .action(run(feeds))
}

interface Entry {
  versions: string
  reason?: string
  url?: string
  list: string
}

async function add(session: Session, path: string, name: string, options: Entry): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  const { reason = null, url = null, ...rest } = options
  const entry = await blockPackage(ctx, { organization, name, reason, url, ...rest })
  session.show(presentEntry(entry), () => `${describe(entry)} is on the list ${entry.list}.`)
}

async function list(session: Session, path: string, options: { list?: string; limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  const entries = await readAll(options.limit, (page) => listBlocked(ctx, { organization, list: options.list ?? null, page }))
  session.show(entries.map(presentEntry), () =>
    entries.length === 0
      ? 'Nothing is on a list.'
      : formatTable(
          ['UID', 'LIST', 'PACKAGE', 'VERSIONS', 'REASON'],
          entries.map((entry) => [entry.uid, entry.list, entry.packageName, entry.affectedVersions, entry.reason ?? '']),
          session.tableWidth,
        ),
  )
}

async function remove(session: Session, path: string, uid: string): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  const entry = await unblockPackage(ctx, { organization, uid })
  session.show({ ...presentEntry(entry), removed: true }, () => `${describe(entry)} is no longer on the list ${entry.list}.`)
}

async function feeds(session: Session, path: string): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, path)
  const found = await listFilterFeeds(ctx, id)
  session.show(
    found.map((feed) => ({ ...feed, fetchedAt: feed.fetchedAt === null ? null : toTimestamp(feed.fetchedAt) })),
    () =>
      found.length === 0
        ? 'No lists of others are read.'
        : formatTable(
            ['LIST', 'MIRROR', 'READ', 'URL', 'PROBLEM'],
            found.map(({ list: name, mirror, fetchedAt, url, problem }) => [
              name,
              mirror ?? '-',
              fetchedAt === null ? 'never' : toMoment(fetchedAt),
              url,
              problem ?? '',
            ]),
            session.tableWidth,
          ),
  )
}

function describe({ packageName, affectedVersions }: FilterEntry): string {
  return affectedVersions === '*' ? packageName : `${packageName} ${toInert(affectedVersions)}`
}

function presentEntry({ uid, list, packageName, affectedVersions, reason, url, createdAt }: FilterEntry) {
  return { uid, list, package: packageName, versions: affectedVersions, reason, url, createdAt: toTimestamp(createdAt) }
}
