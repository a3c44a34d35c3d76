import { InvalidArgumentError, Option, type Command } from 'commander'
import {
  createPersonalToken,
  createToken,
  listPersonalTokens,
  listTokens,
  revokeToken,
  rotateToken,
  type IssuedToken,
  type Token,
  type TokenOwner,
} from '../../core/access/index.ts'
import { findUserByEmail } from '../../core/accounts/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { DomainError } from '../../core/kernel/errors.ts'
import { accessOf, isScope, READ_SCOPES, SCOPES, UPDATE_SCOPES, type Scope } from '../../core/kernel/scopes.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { composerCommands, describeGuess, toComposerSetUp } from '../composer-set-up.ts'
import { parseExpiry } from '../expiry.ts'
import { CliFailure, EXIT, usageFailure } from '../failure.ts'
import { toInert } from '../inert.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { getSourceByKey } from '../source-outcome.ts'
import { parseSyncInterval } from '../sync-interval.ts'
import { addJobTokenCommand } from './visibility.ts'
import { formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

interface CreateOptions {
  name: string
  access: keyof typeof ACCESS
  scopes?: Scope[]
  packages?: string[]
  source?: string
  from?: string[]
  expires?: number
}

const ACCESS = { read: READ_SCOPES, update: UPDATE_SCOPES, all: null } as const
const OWNER = 'slug of the organization (slug/slug for a suborganization), or e-mail address of a person'
const NAMED = 'uid of the token, or its name if no other active token has it'

/** `repertoire token …` */
export function addTokenCommands(program: Command, run: Run): void {
  const commands = program.command('token').description('tokens: what Composer and scripts sign in with')
  addCreate(commands, run)
  addJobTokenCommand(commands, run)
  commands
    .command('list')
    .description('list the tokens of an organization, revoked and expired ones too, or those that a person can use')
    .argument('<owner>', OWNER)
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire token list acme')
    .action(run(list))
  commands
    .command('rotate')
    .description('give a token a new secret; the old one goes on for a while')
    .argument('<owner>', OWNER)
    .argument('<token>', NAMED)
    .option('--overlap <time>', 'how long the old secret goes on, at most 30d; 0 ends it now', parseOverlap, parseOverlap('1d'))
    .addHelpText('after', '\nExample:\n  $ repertoire token rotate acme ci --overlap 2h')
    .action(run(rotate))
  commands
    .command('revoke')
    .description('revoke a token: requests with it are refused from now on')
    .argument('<owner>', OWNER)
    .argument('<token>', NAMED)
    .addHelpText('after', '\nExample:\n  $ repertoire token revoke acme ci')
    .action(run(revoke))
}

function addCreate(commands: Command, run: Run): void {
  commands
    .command('create')
    .description('issue a token; it is shown only this once')
    .argument('<owner>', OWNER)
    .requiredOption('--name <name>', 'what the token is for')
    .addOption(new Option('--access <access>', 'what it may do').choices(Object.keys(ACCESS)).default('read'))
    .addOption(new Option('--scopes <scopes>', 'exactly these scopes, such as "composer,package:read"').argParser(parseScopes))
    .option('--packages <patterns>', 'limit it to packages, such as "acme/*,other/one"', (text: string) => text.split(','))
    .option('--source <source>', 'limit it to the packages of one source of the organization, by its URL or uid')
    .option('--from <networks>', 'limit it to addresses, such as "192.0.2.0/24,2001:db8::/32"', (text: string) => text.split(','))
    .option('--expires <when>', 'a duration (12h, 30d, 8w, 1y), a date or a time; never if left out', (text: string) =>
      parseExpiry(text, Date.now()),
    )
    .addHelpText(
      'after',
      `\nScopes: ${SCOPES.join(', ')}.\n` +
        "\nA personal token acts in every organization of its person, with that person's rights at most.\n" +
        '\nExamples:\n  $ repertoire token create acme --name ci\n' +
        '  $ repertoire token create acme --name contractor --packages "acme/theme-*" --expires 30d\n' +
        '  $ repertoire token create ada@example.com --name laptop --access update',
    )
    .action(run(create))
}

/** Scopes with commas between. Throws what commander reports as wrong use. */
function parseScopes(text: string): Scope[] {
  const words = text.split(',').map((word) => word.trim())
  const unknown = words.find((word) => !isScope(word))
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`"${unknown}" is no scope. There are: ${SCOPES.join(', ')}.`)
  }
  return words.filter(isScope)
}

/** Milliseconds of a duration such as `2h`; `0` is none. */
function parseOverlap(text: string): number {
  const seconds = text === '0' ? 0 : parseSyncInterval(text)
  if (seconds === 'auto') {
    throw new InvalidArgumentError('Give a duration such as 10m, 2h or 1d, or 0.')
  }
  return seconds * 1000
}

async function getOwner(ctx: Ctx, text: string): Promise<TokenOwner> {
  if (!text.includes('@')) {
    return { organization: (await getOrganizationByPath(ctx, text)).id }
  }
  const user = await findUserByEmail(ctx.db, text.toLowerCase())
  if (user === null) {
    throw new DomainError('user_not_found')
  }
  return { user: user.id }
}

async function create(session: Session, text: string, options: CreateOptions): Promise<void> {
  const ctx = await session.ctx()
  const owner = await getOwner(ctx, text)
  const grant = {
    name: options.name,
    scopes: options.scopes ?? ACCESS[options.access],
    packages: options.packages ?? null,
    addresses: options.from ?? null,
    expiresAt: options.expires ?? null,
  }
  if ('user' in owner) {
    if (options.source !== undefined) {
      throw usageFailure('Only a token of an organization can be limited to a source.')
    }
    return showIssuedToken(session, text, await createPersonalToken(ctx, { ...grant, ...owner }))
  }
  const source = options.source === undefined ? null : (await getSourceByKey(ctx, owner.organization, options.source)).id
  const issued = await createToken(ctx, { ...grant, ...owner, source })
  showIssuedToken(session, text, issued)
}

async function rotate(session: Session, text: string, wanted: string, { overlap }: { overlap: number }): Promise<void> {
  const ctx = await session.ctx()
  const owner = await getOwner(ctx, text)
  const token = await getToken(ctx, owner, wanted)
  showIssuedToken(session, text, await rotateToken(await session.ctx(), { owner, uid: token.uid, overlap }))
}

function showIssuedToken(session: Session, owner: string, { token, secret }: IssuedToken): void {
  // The repository of a personal token is that of any organization of its person.
  const slug = token.organization === null ? '<organization>' : owner
  const setUp = toComposerSetUp(session.config, slug)
  const commands = composerCommands(setUp, slug, secret)
  session.show({ ...presentToken(token, Date.now()), token: secret, repository: setUp.repository, commands }, () =>
    [
      `Token "${toInert(token.name)}" of ${toInert(owner)} (${accessOf(token.scopes)}), expires ${toMoment(token.expiresAt)}. It is shown only this once:`,
      '',
      `  ${secret}`,
      '',
      'To use it with Composer, run in your project:',
      '',
      ...commands.map((command) => `  ${command}`),
      describeGuess(setUp),
    ]
      .join('\n')
      .trimEnd(),
  )
}

async function list(session: Session, text: string, options: { limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const tokens = (await readTokens(ctx, await getOwner(ctx, text))).slice(0, options.limit)
  session.show(
    tokens.map((token) => presentToken(token, ctx.now)),
    () =>
      tokens.length === 0
        ? `${text} has no tokens. Create one with: repertoire token create ${text} --name …`
        : formatTable(
            ['UID', 'TOKEN', 'ACCESS', 'STATE', 'EXPIRES', 'LAST USED', 'PACKAGES', 'NAME'],
            tokens.map((token) => [
              token.uid,
              token.hint,
              accessOf(token.scopes),
              stateOf(token, ctx.now),
              toMoment(token.expiresAt),
              toMoment(token.lastUsedAt),
              token.packages?.join(',') ?? 'all',
              token.name,
            ]),
            session.tableWidth,
          ),
  )
}

async function revoke(session: Session, text: string, wanted: string): Promise<void> {
  const ctx = await session.ctx()
  const owner = await getOwner(ctx, text)
  const token = await getToken(ctx, owner, wanted)
  await revokeToken(ctx, { owner, uid: token.uid })
  const revoked = { ...token, revokedAt: token.revokedAt ?? ctx.now }
  session.show(presentToken(revoked, ctx.now), () => `Revoked the token "${toInert(token.name)}" (${token.uid}).`)
}

/** The tokens of an organization, oldest first; of a person those that were not revoked, newest first. */
function readTokens(ctx: Ctx, owner: TokenOwner): Promise<Token[]> {
  if ('user' in owner) {
    return listPersonalTokens(ctx, owner.user)
  }
  return readAll(undefined, (page) => listTokens(ctx, { ...owner, page }))
}

/** The token with that uid, else the only active one with that name. */
async function getToken(ctx: Ctx, owner: TokenOwner, wanted: string): Promise<Token> {
  const tokens = await readTokens(ctx, owner)
  const identified = tokens.find((token) => token.uid === wanted)
  if (identified !== undefined) {
    return identified
  }
  const [named, ...others] = tokens.filter((token) => token.name === wanted && stateOf(token, ctx.now) === 'active')
  if (named === undefined) {
    throw new DomainError('token_not_found')
  }
  if (others.length > 0) {
    const uids = [named, ...others].map(({ uid }) => `  ${uid}`).join('\n')
    throw new CliFailure({
      exit: EXIT.refused,
      code: 'ambiguous',
      message: `Several active tokens have this name; give the uid of one:\n${uids}`,
    })
  }
  return named
}

function stateOf(token: Token, now: number): 'active' | 'revoked' | 'expired' {
  if (token.revokedAt !== null) {
    return 'revoked'
  }
  return token.expiresAt !== null && token.expiresAt <= now ? 'expired' : 'active'
}

/** A token for documents; without its secret. */
export function presentToken(token: Token, now: number) {
  return {
    uid: token.uid,
    name: token.name,
    hint: token.hint,
    access: accessOf(token.scopes),
    scopes: token.scopes,
    packages: token.packages,
    addresses: token.addresses,
    previousUntil: toTimestamp(token.previousUntil),
    state: stateOf(token, now),
    expiresAt: toTimestamp(token.expiresAt),
    revokedAt: toTimestamp(token.revokedAt),
    lastUsedAt: toTimestamp(token.lastUsedAt),
    createdAt: toTimestamp(token.createdAt),
  }
}
