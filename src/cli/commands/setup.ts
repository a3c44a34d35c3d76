import { Option, type Command } from 'commander'
import { createToken, isSetupOpen, setUpInstance, type IssuedToken, type SetUpInstance } from '../../core/access/index.ts'
import { parseDisplayName, parseEmail, requireAcceptablePassword } from '../../core/accounts/index.ts'
import { DomainError } from '../../core/kernel/errors.ts'
import { READ_SCOPES } from '../../core/kernel/scopes.ts'
import { parseSlug } from '../../core/organizations/index.ts'
import { composerCommands, composerSnippet, describeGuess, toComposerSetUp } from '../composer-set-up.ts'
import { usageFailure } from '../failure.ts'
import type { Run } from '../program.ts'
import { readSecret } from '../secret-input.ts'
import type { Session } from '../session.ts'
import { presentOrganization } from './organization.ts'
import { presentToken } from './token.ts'

interface SetupOptions {
  email?: string
  name?: string
  passwordStdin?: boolean
  passwordFile?: string
  passwordEnv?: string
  organization?: string
  organizationName?: string
  token?: string
}

const HELP = `
What is not given as an option is asked for. Without a terminal, --email, --organization and one of the
password options are needed.

Examples:
  $ repertoire setup
  $ repertoire setup --email ada@example.com --organization acme --password-file /run/secrets/owner --token composer`

/** `repertoire setup` */
export function addSetupCommand(program: Command, run: Run): void {
  const origins = ['passwordStdin', 'passwordFile', 'passwordEnv']
  const others = (key: string) => origins.filter((origin) => origin !== key)
  program
    .command('setup')
    .description('create the owner and the first organization of a new installation')
    .option('--email <address>', 'e-mail address of the owner')
    .option('--name <name>', 'name of the owner; the e-mail address if there is no terminal')
    .addOption(new Option('--password-stdin', 'read the password from standard input').conflicts(others('passwordStdin')))
    .addOption(new Option('--password-file <file>', 'read the password from a file').conflicts(others('passwordFile')))
    .addOption(
      new Option('--password-env <variable>', 'read the password from an environment variable').conflicts(others('passwordEnv')),
    )
    .option('--organization <slug>', 'slug of the first organization: its name in URLs')
    .option('--organization-name <name>', 'its name for people; the slug if there is no terminal')
    .option('--token <name>', 'also issue a read token of that name')
    .addHelpText('after', HELP)
    .action(run(setUp))
}

async function setUp(session: Session, options: SetupOptions): Promise<void> {
  if (!(await isSetupOpen(await session.ctx()))) {
    throw new DomainError('setup_not_open')
  }
  const input = await readInput(session, options)
  const { user, organization } = await setUpInstance(await session.ctx(), input, null)
  session.note(`Created the owner ${user.email} and the organization ${organization.slug}.`)
  const name = await readTokenName(session, options)
  const access = { scopes: READ_SCOPES, packages: null, expiresAt: null } as const
  const issued = name === null ? null : await createToken(await session.ctx(), { organization: organization.id, name, ...access })
  const { repository } = toComposerSetUp(session.config, organization.slug)
  const document = {
    user: { uid: user.uid, email: user.email, name: user.name },
    organization: presentOrganization(organization),
    repository,
    token: issued === null ? null : { ...presentToken(issued.token, Date.now()), token: issued.secret },
  }
  session.show(document, () => describe(session, organization.slug, issued))
}

/** Asks in the order in which people think; refuses everything that is missing at once when it cannot ask. */
async function readInput(session: Session, options: SetupOptions): Promise<SetUpInstance> {
  const hasPassword = options.passwordStdin === true || options.passwordFile !== undefined || options.passwordEnv !== undefined
  if (!session.isInteractive) {
    const missing = [
      ...(options.email === undefined ? ['--email'] : []),
      ...(hasPassword ? [] : ['--password-stdin, --password-file or --password-env']),
      ...(options.organization === undefined ? ['--organization'] : []),
    ]
    if (missing.length > 0) {
      throw usageFailure(`There is no terminal to ask on; give ${missing.join(', and ')}.`)
    }
  }
  const email =
    options.email ?? (await ask(session, { question: 'E-mail address of the owner', fallback: '', check: parseEmail }))
  const name = options.name ?? (await ask(session, { question: 'Name of the owner', fallback: email, check: checkName }))
  const password = hasPassword ? await readGivenPassword(session, options) : await askPassword(session)
  const slug =
    options.organization ?? (await ask(session, { question: 'Organization, as in URLs', fallback: '', check: parseSlug }))
  const organizationName =
    options.organizationName ?? (await ask(session, { question: 'Name of the organization', fallback: slug, check: checkName }))
  return { email, name, password, organization: { slug, name: organizationName } }
}

interface Question {
  question: string
  /** Taken without asking when there is no terminal. */
  fallback: string
  /** Throws what is wrong with an answer. */
  check: (answer: string) => unknown
}

/** Asks until the answer is acceptable. */
async function ask(session: Session, { question, fallback, check }: Question): Promise<string> {
  if (!session.isInteractive) {
    return fallback
  }
  for (;;) {
    const answer = await session.prompter.ask(question, fallback)
    if (isAcceptable(session, () => check(answer))) {
      return answer
    }
  }
}

function isAcceptable(session: Session, check: () => unknown): boolean {
  try {
    check()
    return true
  } catch (error) {
    if (!(error instanceof DomainError)) {
      throw error
    }
    session.note(error.message)
    return false
  }
}

function checkName(text: string): void {
  parseDisplayName('name', text)
}

/** The password from where the options say. */
export function readGivenPassword(
  session: Session,
  options: Pick<SetupOptions, 'passwordFile' | 'passwordEnv' | 'passwordStdin'>,
): Promise<string> {
  if (options.passwordFile !== undefined) {
    return readSecret(session, { kind: 'file', path: options.passwordFile })
  }
  if (options.passwordEnv !== undefined) {
    return readSecret(session, { kind: 'environment', name: options.passwordEnv })
  }
  return readSecret(session, { kind: 'stdin' })
}

async function askPassword(session: Session): Promise<string> {
  for (;;) {
    const password = await session.prompter.askHidden('Password')
    if (!isAcceptable(session, () => requireAcceptablePassword(password))) {
      continue
    }
    if (password === (await session.prompter.askHidden('The same again'))) {
      return password
    }
    session.note('The two are different.')
  }
}

async function readTokenName(session: Session, options: SetupOptions): Promise<string | null> {
  if (options.token !== undefined || !session.isInteractive) {
    return options.token ?? null
  }
  return (await session.prompter.confirm('Issue a read token for Composer now?', 'yes'))
    ? session.prompter.ask('Its name', 'composer')
    : null
}

function describe(session: Session, slug: string, issued: IssuedToken | null): string {
  const setUp = toComposerSetUp(session.config, slug)
  const signIn = issued === null ? [] : composerCommands(setUp, slug, issued.secret).slice(-1)
  const token =
    issued === null
      ? [`Issue a token for Composer with: repertoire token create ${slug} --name composer`]
      : ['The token is shown only this once. Store it for Composer with:', '', ...signIn.map((command) => `  ${command}`)]
  const lines = [
    'Add this to the composer.json of your projects:',
    '',
    composerSnippet(setUp),
    '',
    ...token,
    describeGuess(setUp),
  ]
  return `${lines.join('\n').trimEnd()}\n\nNext, add a source:  repertoire source add ${slug} https://…`
}
