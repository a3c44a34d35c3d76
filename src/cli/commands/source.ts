import { Option, type Command } from 'commander'
import { getJob } from '../../core/jobs/index.ts'
import type { HookProvider } from '../../core/hooks/index.ts'
import { VCS_SYSTEMS, type VcsSystem } from '../../core/kernel/source-url.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { addSource, listSources, removeSource, requestSync, setRefRules, setSyncInterval } from '../../core/sources/index.ts'
import { CliFailure, EXIT, usageFailure } from '../failure.ts'
import { followFrom } from '../follow-job.ts'
import { limitOption, noWaitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { showSync } from '../show-sync.ts'
import { addCredentialOptions, readCredential, type CredentialOptions } from '../source-credential.ts'
import { describeSource, getSourceByKey, presentSource, readOutcome } from '../source-outcome.ts'
import { formatSyncInterval, parseSyncInterval } from '../sync-interval.ts'
import { formatTable } from '../table.ts'
import { countOf, toMoment } from '../texts.ts'
import { registerIfWanted, registerOption } from './hook-registration.ts'
import { addSourceVisibilityCommands } from './visibility.ts'
import { addSourceContentCommands } from './source-content.ts'
import { addSourceLogCommand } from './source-log.ts'
import { addSourceCredentialCommand, credentialExpiryOption } from './source-credential.ts'

const ADD_HELP = `
Secrets are never taken from the argument list, which every user of the machine can read.

Examples:
  $ repertoire source add acme https://github.com/acme/widgets.git
  $ repertoire source add acme https://git.example.com/acme/private.git --username deploy
  $ repertoire source add acme https://github.com/acme/private.git --token-file /run/secrets/github
  $ repertoire source add acme git@git.example.com:acme/private.git --ssh-key-file ~/.ssh/deploy_key
  $ repertoire source add acme https://svn.example.com/acme/widgets --vcs svn --username deploy
  $ repertoire source add acme https://hg.example.com/acme/widgets --vcs hg
  $ repertoire source add acme https://github.com/acme/monorepo.git --manifests 'packages/*/composer.json'`

const SET_HELP = `
Examples:
  $ repertoire source set acme https://github.com/acme/widgets.git --interval 10m
  $ repertoire source set acme https://github.com/acme/widgets.git --refs literal`

/** `repertoire source …` */
export function addSourceCommands(program: Command, run: Run): void {
  const commands = program.command('source').description('sources: repositories that packages are published from')
  addAdd(commands, run)
  addSourceContentCommands(commands, run)
  addSourceVisibilityCommands(commands, run)
  addSourceLogCommand(commands, run)
  addSourceCredentialCommand(commands, run)
  commands
    .command('list')
    .description('list the sources of an organization')
    .argument('<org>', 'slug of the organization')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire source list acme')
    .action(run(list))
  withSource(commands.command('show').description('show a source: its state, and the branches and tags that gave no version'))
    .addHelpText('after', '\nExample:\n  $ repertoire source show acme https://github.com/acme/widgets.git')
    .action(run(show))
  withSource(commands.command('sync').description('read a source again now'))
    .addOption(noWaitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire source sync acme https://github.com/acme/widgets.git')
    .action(run(sync))
  withSource(commands.command('set').description('change how a source is looked after'))
    .addOption(
      new Option('--interval <duration>', 'how often to look for changes that no hook told of: 10m, 2h, 1d, or auto').argParser(
        parseSyncInterval,
      ),
    )
    .addOption(refsOption())
    .addHelpText('after', SET_HELP)
    .action(run(set))
  withSource(commands.command('remove').description('remove a source with its packages, versions and archives'))
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ repertoire source remove acme https://github.com/acme/widgets.git --yes')
    .action(run(remove))
}

function withSource(command: Command): Command {
  return command.argument('<org>', 'slug of the organization').argument('<source>', 'URL or uid of the source')
}

function addAdd(commands: Command, run: Run): void {
  const command = commands
    .command('add')
    .description('add a repository and read it')
    .argument('<org>', 'slug of the organization')
    .argument('<url>', 'https://…, ssh://… or user@host:path')
    .addOption(vcsOption())
    .addOption(refsOption())
    .addOption(registerOption())
    .option('--manifests <pattern...>', "where its packages are, such as 'packages/*/composer.json'; without it at the top only")
  addCredentialOptions(command)
    .addOption(credentialExpiryOption())
    .addOption(noWaitOption())
    .addHelpText('after', ADD_HELP)
    .action(run(add))
}

function vcsOption(): Option {
  return new Option(
    '--vcs <system>',
    'what the repository is in; without it svn:// and svn+ssh:// are Subversion, all else is git',
  ).choices([...VCS_SYSTEMS])
}

function refsOption(): Option {
  return new Option(
    '--refs <rules>',
    'how tags and branches become versions: as Composer reads them, or by their names as in Pricore',
  ).choices(['composer', 'literal'])
}

type AddOptions = CredentialOptions & {
  wait: boolean
  credentialExpires?: number
  vcs?: VcsSystem
  manifests?: string[]
  refs?: 'composer' | 'literal'
  registerHook?: HookProvider | true
}

async function add(session: Session, slug: string, url: string, options: AddOptions): Promise<void> {
  const { id } = await getOrganizationByPath(await session.ctx(), slug)
  const credential = await readCredential(session, url, options)
  const { source, job } = await addSource(await session.ctx(), {
    organization: id,
    url,
    vcs: options.vcs ?? null,
    credential,
    credentialExpiresAt: options.credentialExpires ?? null,
    manifests: options.manifests ?? null,
    ...(options.refs === undefined ? {} : { refRules: options.refs }),
  })
  session.note(`Added ${source.url} to ${slug} (${source.uid}).`)
  await registerIfWanted(session, source, options.registerHook)
  await showSync(session, { slug, source, wait: options.wait, followed: { job, attempts: 0 } })
}

async function sync(session: Session, slug: string, key: string, options: { wait: boolean }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const source = await getSourceByKey(ctx, id, key)
  const job = await getJob(ctx, await requestSync(ctx, source))
  // The request may have joined a job that waits already, and has failed before.
  const followed = job.createdAt < ctx.now ? followFrom(job) : { job: job.id, attempts: 0 }
  await showSync(session, { slug, source, wait: options.wait, followed })
}

async function list(session: Session, slug: string, options: { limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const sources = await readAll(options.limit, (page) => listSources(ctx, { organization: id, page }))
  session.show(sources.map(presentSource), () =>
    sources.length === 0
      ? `${slug} has no sources. Add one with: repertoire source add ${slug} https://…`
      : formatTable(
          ['UID', 'STATE', 'SYNCED', 'URL', 'PROBLEM'],
          sources.map(({ uid, state, syncedAt, url, problem }) => [uid, state, toMoment(syncedAt), url, problem ?? '']),
          session.tableWidth,
        ),
  )
}

async function show(session: Session, slug: string, key: string): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const outcome = await readOutcome(ctx, id, (await getSourceByKey(ctx, id, key)).uid)
  session.show(outcome.document, () => describeSource(outcome, session.tableWidth))
}

async function set(
  session: Session,
  slug: string,
  key: string,
  options: { interval?: number | 'auto'; refs?: 'composer' | 'literal' },
): Promise<void> {
  if (options.interval === undefined && options.refs === undefined) {
    throw usageFailure('Say what to change: give --interval or --refs.')
  }
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  let source = await getSourceByKey(ctx, id, key)
  const changes: string[] = []
  if (options.interval !== undefined) {
    const interval = options.interval === 'auto' ? null : options.interval
    await setSyncInterval(ctx, source, interval)
    source = { ...source, syncInterval: interval }
    const often = interval === null ? 'as often as the registry thinks fit' : `every ${formatSyncInterval(interval)}`
    changes.push(`${source.url} is looked at ${often}.`)
  }
  if (options.refs !== undefined) {
    const job = await setRefRules(ctx, source, options.refs)
    source = { ...source, refRules: options.refs }
    const how = options.refs === 'literal' ? 'by their names alone' : 'as Composer reads them'
    changes.push(`Tags and branches of ${source.url} are read ${how}; job ${job} reads all of them again.`)
  }
  session.show(presentSource(source), () => changes.join('\n'))
}

async function remove(session: Session, slug: string, key: string, options: { yes?: boolean }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const source = await getSourceByKey(ctx, id, key)
  if (options.yes !== true) {
    if (!session.isInteractive) {
      throw usageFailure('Removing a source also removes its packages, versions and archives. Give --yes to confirm.')
    }
    const { packages, versions } = await readOutcome(ctx, id, source.uid)
    const content = `${countOf(packages, 'package')} with ${countOf(versions, 'version')}`
    session.note(`${source.url}: ${content} and all archives will be gone, also for lock files that name them.`)
    if (!(await session.prompter.confirm('Remove them?', 'no'))) {
      throw new CliFailure({ exit: EXIT.failed, code: 'declined', message: 'Nothing was removed.' })
    }
  }
  await removeSource(await session.ctx(), source)
  session.show({ ...presentSource(source), removed: true }, () => `Removed ${source.url} from ${slug}.`)
}
