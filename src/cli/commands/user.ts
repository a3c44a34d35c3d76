import { Option, type Command } from 'commander'
import {
  addUser,
  createPasswordLink,
  deleteUserAccount,
  describeUser,
  getUser,
  listUsers,
  removeSecondFactors,
  signOutUser,
  switchUser,
  type UserSwitch,
} from '../../core/access/index.ts'
import { passwordPath, type Session as BrowserSession, type User } from '../../core/accounts/index.ts'
import { CliFailure, EXIT, usageFailure } from '../failure.ts'
import { toInert } from '../inert.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { formatFields, formatTable } from '../table.ts'
import { countOf, toMoment, toTimestamp } from '../texts.ts'
import { readGivenPassword } from './setup.ts'

interface CreateOptions {
  name?: string
  operator?: boolean
  passwordStdin?: boolean
  passwordFile?: string
  passwordEnv?: string
}

const WHO = 'e-mail address or uid'
const HELP = `
Without a password option the command prints a link by which the person chooses one. It works once, for 24 hours.

Examples:
  $ repertoire user create ada@example.com --name "Ada Lovelace"
  $ repertoire user create root@example.com --operator --password-file /run/secrets/root`

interface SwitchTexts {
  description: string
  outcome: string
}

const SWITCHES: Readonly<Record<UserSwitch, SwitchTexts>> = {
  disable: {
    description: 'refuse a person and all of their tokens from now on',
    outcome: 'is disabled: sessions ended, and tokens no longer work',
  },
  enable: { description: 'let a disabled person in again', outcome: 'is enabled' },
  promote: { description: 'let a person manage the whole installation', outcome: 'is an operator' },
  demote: { description: 'take the rights of an operator away', outcome: 'is no operator' },
}

/** `repertoire user …` */
export function addUserCommands(program: Command, run: Run): void {
  const commands = program.command('user').description('people: who may sign in to the console')
  addCreate(commands, run)
  commands
    .command('list')
    .description('list people in the order in which they were added')
    .addOption(limitOption())
    .action(run(list))
  commands
    .command('show')
    .description('how a person signs in, and where they are signed in')
    .argument('<user>', WHO)
    .action(run(show))
  commands
    .command('reset-password')
    .description('print a link by which a person chooses a new password; it works once, for 24 hours')
    .argument('<user>', WHO)
    .action(run(resetPassword))
  commands
    .command('remove-second-factor')
    .description('remove authenticator app, passkeys and recovery codes of a person who lost them')
    .argument('<user>', WHO)
    .action(run(removeFactors))
  commands.command('sign-out').description('end all sessions of a person').argument('<user>', WHO).action(run(signOut))
  for (const [to, { description }] of Object.entries(SWITCHES) as [UserSwitch, SwitchTexts][]) {
    commands
      .command(to)
      .description(description)
      .argument('<user>', WHO)
      .action(run((session: Session, wanted: string) => turn(session, wanted, to)))
  }
  commands
    .command('delete')
    .description('delete a person with memberships and personal tokens')
    .argument('<user>', WHO)
    .option('--yes', 'do not ask')
    .action(run(remove))
}

function addCreate(commands: Command, run: Run): void {
  const origins = ['passwordStdin', 'passwordFile', 'passwordEnv']
  const others = (key: string) => origins.filter((origin) => origin !== key)
  commands
    .command('create')
    .description('add a person')
    .argument('<email>', 'e-mail address')
    .option('--name <name>', 'name for people; the e-mail address if left out')
    .option('--operator', 'may manage the whole installation')
    .addOption(new Option('--password-stdin', 'read the password from standard input').conflicts(others('passwordStdin')))
    .addOption(new Option('--password-file <file>', 'read the password from a file').conflicts(others('passwordFile')))
    .addOption(
      new Option('--password-env <variable>', 'read the password from an environment variable').conflicts(others('passwordEnv')),
    )
    .addHelpText('after', HELP)
    .action(run(create))
}

async function create(session: Session, email: string, options: CreateOptions): Promise<void> {
  const hasPassword = options.passwordStdin === true || options.passwordFile !== undefined || options.passwordEnv !== undefined
  const password = hasPassword ? await readGivenPassword(session, options) : null
  const { user, linkSecret } = await addUser(await session.ctx(), {
    email,
    name: options.name ?? email,
    password,
    isOperator: options.operator === true,
  })
  const link = linkSecret === null ? null : toLink(session, linkSecret)
  session.show({ ...presentUser(user), link }, () =>
    [`Added ${toInert(user.email)} (${user.uid}).`, ...(link === null ? [] : describeLink(session, link))].join('\n'),
  )
}

function toLink({ config }: Session, secret: string): string {
  return `${config.publicUrl ?? `http://localhost:${config.port}`}${passwordPath(secret)}`
}

function describeLink({ config }: Session, link: string): string[] {
  const guess = 'The address is a guess; set REPERTOIRE_URL to the one that your users reach.'
  return [
    'They choose a password with this link, which works once, for 24 hours:',
    '',
    `  ${link}`,
    ...(config.publicUrl === null ? ['', guess] : []),
  ]
}

async function list(session: Session, options: { limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const users = await readAll(options.limit, (page) => listUsers(ctx, page))
  session.show(users.map(presentUser), () =>
    users.length === 0
      ? 'There are no people. Create the first one with: repertoire setup'
      : formatTable(
          ['UID', 'E-MAIL', 'STATE', 'CREATED', 'NAME'],
          users.map((user) => [user.uid, user.email, stateOf(user), toMoment(user.createdAt), user.name]),
          session.tableWidth,
        ),
  )
}

function stateOf(user: User): 'disabled' | 'operator' | 'active' {
  if (user.disabledAt !== null) {
    return 'disabled'
  }
  return user.isOperator ? 'operator' : 'active'
}

async function show(session: Session, wanted: string): Promise<void> {
  const { user, factors, sessions } = await describeUser(await session.ctx(), wanted)
  const document = { ...presentUser(user), secondFactors: factors, sessions: sessions.map(presentSession) }
  session.show(document, () => {
    const fields = formatFields([
      ['UID', user.uid],
      ['E-mail', `${user.email}${user.emailVerifiedAt === null ? ' (not verified)' : ''}`],
      ['Name', user.name],
      ['State', stateOf(user)],
      ['Second factors', factors.length === 0 ? 'none' : factors.join(', ')],
      ['Sessions', String(sessions.length)],
    ])
    const rows = sessions.map((each) => [toMoment(each.seenAt), toMoment(each.expiresAt), each.address ?? '', each.agent ?? ''])
    const table = formatTable(['LAST USED', 'ENDS', 'ADDRESS', 'BROWSER'], rows, session.tableWidth)
    return sessions.length === 0 ? fields : `${fields}\n\n${table}`
  })
}

async function resetPassword(session: Session, wanted: string): Promise<void> {
  const { user, linkSecret } = await createPasswordLink(await session.ctx(), wanted)
  const link = toLink(session, linkSecret)
  session.show({ ...presentUser(user), link }, () =>
    [`A new password for ${toInert(user.email)}.`, ...describeLink(session, link)].join('\n'),
  )
}

async function removeFactors(session: Session, wanted: string): Promise<void> {
  const user = await removeSecondFactors(await session.ctx(), wanted)
  session.show(presentUser(user), () => `Removed the second factors of ${toInert(user.email)}; the password is enough now.`)
}

async function signOut(session: Session, wanted: string): Promise<void> {
  const { user, sessions } = await signOutUser(await session.ctx(), wanted)
  session.show(
    { ...presentUser(user), ended: sessions },
    () => `Ended ${countOf(sessions, 'session')} of ${toInert(user.email)}.`,
  )
}

async function turn(session: Session, wanted: string, to: UserSwitch): Promise<void> {
  const user = await switchUser(await session.ctx(), wanted, to)
  session.show(presentUser(user), () => `${toInert(user.email)} ${SWITCHES[to].outcome}.`)
}

async function remove(session: Session, wanted: string, options: { yes?: boolean }): Promise<void> {
  const ctx = await session.ctx()
  const { uid, email } = await getUser(ctx, wanted)
  if (options.yes !== true && !session.isInteractive) {
    throw usageFailure('Deleting a person also deletes their memberships and personal tokens. Give --yes to confirm.')
  }
  if (options.yes !== true && !(await session.prompter.confirm(`Delete ${toInert(email)} for good?`, 'no'))) {
    throw new CliFailure({ exit: EXIT.failed, code: 'declined', message: 'Nothing was deleted.' })
  }
  const user = await deleteUserAccount(ctx, uid)
  session.show(presentUser(user), () => `Deleted ${toInert(user.email)}.`)
}

function presentUser(user: User) {
  return {
    uid: user.uid,
    email: user.email,
    name: user.name,
    state: stateOf(user),
    isOperator: user.isOperator,
    emailVerifiedAt: toTimestamp(user.emailVerifiedAt),
    disabledAt: toTimestamp(user.disabledAt),
    createdAt: toTimestamp(user.createdAt),
  }
}

function presentSession(session: BrowserSession) {
  return {
    uid: session.uid,
    agent: session.agent,
    address: session.address,
    createdAt: toTimestamp(session.createdAt),
    seenAt: toTimestamp(session.seenAt),
    expiresAt: toTimestamp(session.expiresAt),
  }
}
