import { Option, type Command } from 'commander'
import {
  addMessage,
  changeRepositoryOptions,
  getRepositoryOptions,
  listMessages,
  removeMessage,
  type RepositoryMessage,
} from '../../core/catalog/index.ts'
import { getOrganizationByPath, type RepositoryOptions } from '../../core/organizations/index.ts'
import { usageFailure } from '../failure.ts'
import { toInert } from '../inert.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'
import { formatFields, formatTable } from '../table.ts'
import { toTimestamp } from '../texts.ts'

type Answer = 'yes' | 'no'

interface Choices {
  archiveUrls?: RepositoryOptions['archiveUrls']
  hideSources?: RepositoryOptions['hiddenSources']
  blockMalware?: Answer
  audit?: Answer
  auditNotices?: Answer
}

/** `repertoire repository …` and `repertoire message …` */
export function addRepositoryCommands(program: Command, run: Run): void {
  const commands = program.command('repository').description('how the repository of an organization presents itself')
  commands
    .command('options')
    .description('show the options of a repository')
    .argument('<org>', 'slug of the organization')
    .addHelpText('after', '\nExample:\n  $ repertoire repository options acme')
    .action(run(showOptions))
  commands
    .command('set')
    .description('change options of an organization and its suborganizations; what is left out stays')
    .argument('<org>', 'slug of the organization')
    .addOption(
      new Option('--archive-urls <whose>', 'whose addresses archives have in metadata').choices(['registry', 'upstream']),
    )
    .addOption(
      new Option('--hide-sources <which>', 'of which packages metadata has no source').choices(['never', 'mirrored', 'always']),
    )
    .addOption(answerOption('--block-malware <answer>', 'keep versions back that a malware list names'))
    .addOption(answerOption('--audit <answer>', 'compare packages with security advisories'))
    .addOption(answerOption('--audit-notices <answer>', 'mail owners and admins what was found'))
    .addHelpText('after', '\nExample:\n  $ repertoire repository set acme --hide-sources always')
    .action(run(setOptions))
  addMessageCommands(program.command('message').description('what Composer prints when it reads a repository'), run)
}

function addMessageCommands(commands: Command, run: Run): void {
  commands
    .command('add')
    .description('add a message')
    .argument('<org>', 'slug or path of the organization')
    .argument('<text>', 'one line of at most 500 characters')
    .option('--versions <constraint>', 'for which versions of Composer', '*')
    .option('--info', 'an information instead of a warning')
    .addHelpText('after', '\nExample:\n  $ repertoire message add acme "Composer 1 ends in May." --versions "<2"')
    .action(run(add))
  commands
    .command('list')
    .description('list the messages of a repository')
    .argument('<org>', 'slug or path of the organization')
    .addHelpText('after', '\nExample:\n  $ repertoire message list acme')
    .action(run(list))
  commands
    .command('remove')
    .description('take a message back')
    .argument('<org>', 'slug or path of the organization')
    .argument('<message>', 'uid of the message, as "message list" prints it')
    .addHelpText('after', '\nExample:\n  $ repertoire message remove acme 0190…')
    .action(run(remove))
}

function answerOption(flags: string, description: string): Option {
  return new Option(flags, description).choices(['yes', 'no'])
}

async function showOptions(session: Session, path: string): Promise<void> {
  const ctx = await session.ctx()
  present(session, await getRepositoryOptions(ctx, await getOrganizationByPath(ctx, path)))
}

async function setOptions(session: Session, path: string, choices: Choices): Promise<void> {
  if (Object.keys(choices).length === 0) {
    throw usageFailure('Say what to change; see --help.')
  }
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  const { archiveUrls, hideSources, blockMalware, audit, auditNotices } = choices
  const options: Partial<RepositoryOptions> = {
    ...(archiveUrls === undefined ? {} : { archiveUrls }),
    ...(hideSources === undefined ? {} : { hiddenSources: hideSources }),
    ...(blockMalware === undefined ? {} : { blocksMalware: blockMalware === 'yes' }),
    ...(audit === undefined ? {} : { audits: audit === 'yes' }),
    ...(auditNotices === undefined ? {} : { auditNotices: auditNotices === 'yes' }),
  }
  present(session, await changeRepositoryOptions(ctx, { organization, options }))
}

function present(session: Session, options: RepositoryOptions): void {
  const answer = (value: boolean) => (value ? 'yes' : 'no')
  session.show(options, () =>
    formatFields([
      ['Archive URLs', options.archiveUrls],
      ['Hidden sources', options.hiddenSources],
      ['Blocks malware', answer(options.blocksMalware)],
      ['Audits', answer(options.audits)],
      ['Audit notices', answer(options.auditNotices)],
    ]),
  )
}

async function add(session: Session, path: string, text: string, options: { versions: string; info?: boolean }): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  const kind = options.info === true ? 'info' : 'warning'
  const message = await addMessage(ctx, { organization, kind, message: text, versions: options.versions })
  session.show(presentMessage(message), () => `Composer ${toInert(message.versions)} prints it as ${kind} from now on.`)
}

async function list(session: Session, path: string): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, path)
  const messages = await listMessages(ctx, id)
  session.show(messages.map(presentMessage), () =>
    messages.length === 0
      ? 'There are no messages.'
      : formatTable(
          ['UID', 'KIND', 'COMPOSER', 'MESSAGE'],
          messages.map(({ uid, kind, versions, message }) => [uid, kind, versions, message]),
          session.tableWidth,
        ),
  )
}

async function remove(session: Session, path: string, uid: string): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  await removeMessage(ctx, { organization, uid })
  session.show({ uid, removed: true }, () => 'Composer does not print it any more.')
}

function presentMessage({ uid, kind, message, versions, createdAt }: RepositoryMessage) {
  return { uid, kind, message, versions, createdAt: toTimestamp(createdAt) }
}
