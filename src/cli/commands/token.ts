import { Option, type Command } from 'commander'
import { createToken, listTokens, revokeToken, type IssuedToken, type Token } from '../../core/access/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { DomainError } from '../../core/kernel/errors.ts'
import type { OrganizationId } from '../../core/kernel/values.ts'
import { getOrganizationBySlug } from '../../core/organizations/index.ts'
import { composerCommands, describeGuess, toComposerSetUp } from '../composer-set-up.ts'
import { parseExpiry } from '../expiry.ts'
import { CliFailure, EXIT } from '../failure.ts'
import { toInert } from '../inert.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

interface CreateOptions {
  name: string
  access: 'read' | 'update'
  packages?: string[]
  expires?: number
}

/** `repertoire token …` */
export function addTokenCommands(program: Command, run: Run): void {
  const commands = program.command('token').description('tokens: what Composer and scripts sign in with')
  addCreate(commands, run)
  commands
    .command('list')
    .description('list the tokens of an organization, revoked and expired ones too')
    .argument('<org>', 'slug of the organization')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire token list acme')
    .action(run(list))
  commands
    .command('revoke')
    .description('revoke a token: requests with it are refused from now on')
    .argument('<org>', 'slug of the organization')
    .argument('<token>', 'uid of the token, or its name if no other active token has it')
    .addHelpText('after', '\nExample:\n  $ repertoire token revoke acme ci')
    .action(run(revoke))
}

function addCreate(commands: Command, run: Run): void {
  commands
    .command('create')
    .description('issue a token; it is shown only this once')
    .argument('<org>', 'slug of the organization')
    .requiredOption('--name <name>', 'what the token is for')
    .addOption(new Option('--access <access>', 'what it may do').choices(['read', 'update']).default('read'))
    .option('--packages <patterns>', 'limit it to packages, such as "acme/*,other/one"', (text: string) => text.split(','))
    .option('--expires <when>', 'a duration (12h, 30d, 8w, 1y), a date or a time; never if left out', (text: string) =>
      parseExpiry(text, Date.now()),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ repertoire token create acme --name ci\n' +
        '  $ repertoire token create acme --name contractor --packages "acme/theme-*" --expires 30d',
    )
    .action(run(create))
}

async function create(session: Session, slug: string, options: CreateOptions): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationBySlug(ctx, slug)
  const issued = await createToken(ctx, {
    organization: organization.id,
    name: options.name,
    access: options.access,
    packages: options.packages ?? null,
    expiresAt: options.expires ?? null,
  })
  showIssuedToken(session, slug, issued)
}

function showIssuedToken(session: Session, slug: string, { token, secret }: IssuedToken): void {
  const setUp = toComposerSetUp(session.config, slug)
  const commands = composerCommands(setUp, slug, secret)
  session.show({ ...presentToken(token, Date.now()), token: secret, repository: setUp.repository, commands }, () =>
    [
      `Token "${toInert(token.name)}" of ${slug} (${token.access}), expires ${toMoment(token.expiresAt)}. It is shown only this once:`,
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

async function list(session: Session, slug: string, options: { limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationBySlug(ctx, slug)
  const tokens = await readAll(options.limit, (page) => listTokens(ctx, { organization: id, page }))
  session.show(
    tokens.map((token) => presentToken(token, ctx.now)),
    () =>
      tokens.length === 0
        ? `${slug} has no tokens. Create one with: repertoire token create ${slug} --name …`
        : formatTable(
            ['UID', 'TOKEN', 'ACCESS', 'STATE', 'EXPIRES', 'LAST USED', 'PACKAGES', 'NAME'],
            tokens.map((token) => [
              token.uid,
              token.hint,
              token.access,
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

async function revoke(session: Session, slug: string, wanted: string): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationBySlug(ctx, slug)
  const token = await getToken(ctx, id, wanted)
  await revokeToken(ctx, { organization: id, uid: token.uid })
  const revoked = { ...token, revokedAt: token.revokedAt ?? ctx.now }
  session.show(presentToken(revoked, ctx.now), () => `Revoked the token "${toInert(token.name)}" (${token.uid}).`)
}

/** The token with that uid, else the only active one with that name. */
async function getToken(ctx: Ctx, organization: OrganizationId, wanted: string): Promise<Token> {
  const tokens = await readAll(undefined, (page) => listTokens(ctx, { organization, page }))
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
    access: token.access,
    packages: token.packages,
    state: stateOf(token, now),
    expiresAt: toTimestamp(token.expiresAt),
    revokedAt: toTimestamp(token.revokedAt),
    lastUsedAt: toTimestamp(token.lastUsedAt),
    createdAt: toTimestamp(token.createdAt),
  }
}
