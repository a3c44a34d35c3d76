import { Option, type Command } from 'commander'
import type { JobId } from '../../core/kernel/values.ts'
import {
  addMirror,
  changeMirror,
  getMirror,
  listMirrors,
  orderMirrors,
  removeMirror,
  requestMirrorRefresh,
  type DescribedMirror,
} from '../../core/mirrors/index.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { CliFailure, EXIT, usageFailure } from '../failure.ts'
import { followJob, requireSuccess } from '../follow-job.ts'
import { getMirrorByKey } from '../mirror-key.ts'
import {
  addChoiceOptions,
  addHeaderOptions,
  readMirrorCredential,
  toChoices,
  type ChoiceOptions,
  type HeaderOptions,
} from '../mirror-options.ts'
import { describeMirror, describeState, presentMirror } from '../mirror-texts.ts'
import { noWaitOption } from '../options.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'
import { toFollowed } from '../show-sync.ts'
import { addCredentialOptions, type CredentialOptions } from '../source-credential.ts'
import { formatTable } from '../table.ts'
import { countOf, toMoment } from '../texts.ts'
import { addMirrorArchivesCommand } from './mirror-archives.ts'
import { addMirrorContentCommands } from './mirror-content.ts'

const ADD_HELP = `
Mirrors are asked in the order in which they were added; see "mirror order". Secrets are never taken from the argument list.

Examples:
  $ repertoire mirror add acme https://repo.packagist.org
  $ repertoire mirror add acme https://packages.example.com --username acme --behavior manual
  $ repertoire mirror add acme https://satis.example.com --token-file /run/secrets/satis --only 'example/*'`

/** `repertoire mirror …` */
export function addMirrorCommands(program: Command, run: Run): void {
  const commands = program.command('mirror').description('mirrors: upstream Composer repositories whose packages are kept here')
  const add = commands
    .command('add')
    .description('add an upstream repository and read it')
    .argument('<org>', 'slug of the organization')
    .argument('<url>', 'https://… of the repository or its packages.json')
  withCredential(addChoiceOptions(add)).addOption(noWaitOption()).addHelpText('after', ADD_HELP).action(run(addOne))
  commands
    .command('list')
    .description('list the mirrors of an organization in the order in which they are asked')
    .argument('<org>', 'slug of the organization')
    .addHelpText('after', '\nExample:\n  $ repertoire mirror list acme')
    .action(run(list))
  withMirror(commands.command('show').description('show a mirror: its rules, state and problem'), 'show').action(run(show))
  withMirror(commands.command('refresh').description('look for news upstream now'), 'refresh')
    .addOption(noWaitOption())
    .action(run(refresh))
  const change = withMirror(commands.command('change').description('change a mirror; what is left out stays'), 'change')
    .option('--url <url>', 'where the repository is; on another host the credential has to be given again')
    .option('--no-credential', 'forget the credential')
  withCredential(addChoiceOptions(change)).addOption(noWaitOption()).action(run(changeOne))
  withMirror(commands.command('disable').description('ask the upstream no more; its packages stay'), 'disable').action(
    run(disable),
  )
  withMirror(commands.command('enable').description('ask the upstream again'), 'enable')
    .addOption(new Option('--behavior <behavior>', 'who adds packages').choices(['on-use', 'manual', 'admins']).default('on-use'))
    .addOption(noWaitOption())
    .action(run(enable))
  commands
    .command('order')
    .description('say in which order mirrors are asked')
    .argument('<org>', 'slug of the organization')
    .argument('<mirrors...>', 'names, URLs or uids of all mirrors')
    .addHelpText('after', '\nExample:\n  $ repertoire mirror order acme packages.example.com repo.packagist.org')
    .action(run(order))
  withMirror(commands.command('remove').description('remove a mirror that has no packages'), 'remove')
    .option('--with-packages', 'remove its packages and archives, too; lock files that name them stop working')
    .option('--yes', 'do not ask')
    .action(run(remove))
  addMirrorArchivesCommand(commands, run)
  addMirrorContentCommands(commands, run)
}

function withMirror(command: Command, name: string): Command {
  return command
    .argument('<org>', 'slug of the organization')
    .argument('<mirror>', 'name, URL or uid of the mirror')
    .addHelpText('after', `\nExample:\n  $ repertoire mirror ${name} acme repo.packagist.org`)
}

function withCredential(command: Command): Command {
  return addHeaderOptions(addCredentialOptions(command))
}

type AddOptions = ChoiceOptions & CredentialOptions & HeaderOptions & { wait: boolean }

async function addOne(session: Session, path: string, url: string, options: AddOptions): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  const credential = await readMirrorCredential(session, url, options)
  const { mirror, job } = await addMirror(ctx, { organization, url, credential, ...toChoices(options) })
  session.note(`Added the mirror ${mirror.name} to ${path} (${mirror.uid}).`)
  await showAfter(session, { path, key: mirror.uid, job, wait: options.wait })
}

async function list(session: Session, path: string): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, path)
  const mirrors = await listMirrors(ctx, id)
  session.show(mirrors.map(presentMirror), () =>
    mirrors.length === 0
      ? `${path} has no mirrors. Add one with: repertoire mirror add ${path} https://…`
      : formatTable(
          ['UID', 'NAME', 'STATE', 'PACKAGES', 'REFRESHED', 'URL', 'PROBLEM'],
          mirrors.map(({ mirror, packages }) => [
            mirror.uid,
            mirror.name,
            describeState(mirror),
            String(packages),
            toMoment(mirror.refreshedAt),
            mirror.url,
            mirror.problem ?? '',
          ]),
          session.tableWidth,
        ),
  )
}

async function show(session: Session, path: string, key: string): Promise<void> {
  showMirror(session, await getMirrorByKey(await session.ctx(), path, key))
}

function showMirror(session: Session, described: DescribedMirror): void {
  session.show(presentMirror(described), () => describeMirror(described))
}

async function refresh(session: Session, path: string, key: string, options: { wait: boolean }): Promise<void> {
  const ctx = await session.ctx()
  const { mirror } = await getMirrorByKey(ctx, path, key)
  await showAfter(session, { path, key: mirror.uid, job: await requestMirrorRefresh(ctx, mirror), wait: options.wait })
}

type ChangeOptions = AddOptions & { url?: string; credential?: boolean }

async function changeOne(session: Session, path: string, key: string, options: ChangeOptions): Promise<void> {
  const ctx = await session.ctx()
  const { mirror } = await getMirrorByKey(ctx, path, key)
  const given = await readMirrorCredential(session, options.url ?? mirror.url, options)
  const credential = given === null && options.credential === false ? { credential: null } : {}
  const { job } = await changeMirror(ctx, mirror, {
    ...toChoices(options),
    ...(options.url === undefined ? {} : { url: options.url }),
    ...(given === null ? credential : { credential: given }),
  })
  await showAfter(session, { path, key: mirror.uid, job, wait: options.wait })
}

async function disable(session: Session, path: string, key: string): Promise<void> {
  const ctx = await session.ctx()
  const { mirror } = await getMirrorByKey(ctx, path, key)
  await changeMirror(ctx, mirror, { behavior: 'disabled' })
  showMirror(session, await getMirrorByKey(ctx, path, mirror.uid))
}

async function enable(
  session: Session,
  path: string,
  key: string,
  options: { behavior: NonNullable<ChoiceOptions['behavior']>; wait: boolean },
): Promise<void> {
  const ctx = await session.ctx()
  const { mirror } = await getMirrorByKey(ctx, path, key)
  const { job } = await changeMirror(ctx, mirror, toChoices({ behavior: options.behavior }))
  await showAfter(session, { path, key: mirror.uid, job, wait: options.wait })
}

interface After {
  path: string
  key: string
  job: JobId | null
  wait: boolean
}

/** Waits for a refresh unless told otherwise, and shows the mirror. Throws when it failed, after showing the mirror. */
async function showAfter(session: Session, { path, key, job, wait }: After): Promise<void> {
  const ended = wait && job !== null ? await followJob(session, await toFollowed(await session.ctx(), job)) : null
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, path)
  showMirror(session, await getMirror(ctx, { organization: id, uid: key }))
  if (ended !== null) {
    requireSuccess(ended)
  }
}

async function order(session: Session, path: string, keys: string[]): Promise<void> {
  const ctx = await session.ctx()
  const uids: string[] = []
  for (const key of keys) {
    uids.push((await getMirrorByKey(ctx, path, key)).mirror.uid)
  }
  const { id } = await getOrganizationByPath(ctx, path)
  const mirrors = await orderMirrors(ctx, id, uids)
  session.show(
    mirrors.map(({ uid, name, position }) => ({ uid, name, position })),
    () => mirrors.map(({ name }, index) => `${index + 1}. ${name}`).join('\n'),
  )
}

async function remove(
  session: Session,
  path: string,
  key: string,
  options: { withPackages?: boolean; yes?: boolean },
): Promise<void> {
  const ctx = await session.ctx()
  const described = await getMirrorByKey(ctx, path, key)
  const { mirror, packages } = described
  if (options.withPackages === true && packages > 0 && options.yes !== true) {
    if (!session.isInteractive) {
      throw usageFailure('Lock files that name these packages stop working. Give --yes to confirm.')
    }
    session.note(
      `${countOf(packages, 'package')} of ${mirror.name} will be gone with all archives, also for lock files that name them.`,
    )
    if (!(await session.prompter.confirm('Remove them?', 'no'))) {
      throw new CliFailure({ exit: EXIT.failed, code: 'declined', message: 'Nothing was removed.' })
    }
  }
  await removeMirror(ctx, mirror, { packages: options.withPackages === true ? 'delete' : 'refuse' })
  session.show({ ...presentMirror(described), removed: true }, () => `Removed the mirror ${mirror.name} from ${path}.`)
}
