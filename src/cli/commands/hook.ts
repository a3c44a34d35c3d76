import type { Command } from 'commander'
import { getHook, listReceipts, rotateHook, type Hook, type HookReceipt } from '../../core/hooks/index.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import type { Source } from '../../core/sources/index.ts'
import { describeGuess, toComposerSetUp } from '../composer-set-up.ts'
import { addHookRegistrationCommands, readRegistration } from './hook-registration.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { describeHookState, getSourceByKey, presentSource } from '../source-outcome.ts'
import { formatFields, formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

/** The providers as they are called in addresses, with their names for people. */
export const HOOK_PROVIDERS: readonly (readonly [provider: string, name: string])[] = [
  ['github', 'GitHub'],
  ['gitlab', 'GitLab'],
  ['bitbucket', 'Bitbucket'],
  ['gitea', 'Gitea'],
  ['forgejo', 'Forgejo'],
  ['git', 'Others'],
]

/** `repertoire hook …` */
export function addHookCommands(program: Command, run: Run): void {
  const commands = program.command('hook').description('hooks: how hosting providers tell of a push')
  withSource(commands.command('show').description('show the addresses and the secret for a hosting provider'))
    .addHelpText('after', '\nExample:\n  $ repertoire hook show acme https://github.com/acme/widgets.git')
    .action(run(show))
  withSource(commands.command('rotate').description('make a new secret; the old one stays valid for 24 hours'))
    .addHelpText('after', '\nExample:\n  $ repertoire hook rotate acme https://github.com/acme/widgets.git')
    .action(run(rotate))
  addHookRegistrationCommands(commands, run)
  withSource(commands.command('log').description('list what arrived, newest first'))
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire hook log acme https://github.com/acme/widgets.git --limit 20')
    .action(run(log))
}

function withSource(command: Command): Command {
  return command.argument('<org>', 'slug of the organization').argument('<source>', 'URL or uid of the source')
}

async function findSource(session: Session, slug: string, key: string): Promise<Source> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  return getSourceByKey(ctx, id, key)
}

async function show(session: Session, slug: string, key: string): Promise<void> {
  const source = await findSource(session, slug, key)
  await showHook(session, source, await getHook(await session.ctx(), source), slug)
}

async function rotate(session: Session, slug: string, key: string): Promise<void> {
  const source = await findSource(session, slug, key)
  const hook = await rotateHook(await session.ctx(), source)
  session.note(`The secret before this one is accepted until ${toMoment(hook.previousUntil)}.`)
  await showHook(session, source, hook, slug)
}

async function showHook(session: Session, found: Source, hook: Hook, slug: string): Promise<void> {
  const registration = await readRegistration(session, found)
  const source = { ...found, hookedAt: found.hookedAt ?? hook.createdAt }
  const setUp = toComposerSetUp(session.config, slug)
  const addresses = HOOK_PROVIDERS.map(([provider]) => [provider, `${setUp.base}/webhooks/${provider}/${source.uid}`] as const)
  const document = {
    source: presentSource(source),
    urls: Object.fromEntries(addresses),
    secret: hook.secret,
    createdAt: toTimestamp(hook.createdAt),
    rotatedAt: toTimestamp(hook.rotatedAt),
    previousUntil: toTimestamp(hook.previousUntil),
    registration: registration?.document ?? null,
  }
  session.show(document, () => {
    const names = new Map(HOOK_PROVIDERS)
    const fields = formatFields([
      ['Source', source.url],
      ...addresses.map(([provider, url]) => [names.get(provider) ?? provider, url] as const),
      ['Secret', hook.secret],
      ['Old secret until', hook.previousUntil === null ? '-' : toMoment(hook.previousUntil)],
      ['State', describeHookState(source)],
      ...(registration === null ? [] : [['At the host', registration.words] as const]),
    ])
    return fields + describeGuess(setUp)
  })
}

async function log(session: Session, slug: string, key: string, options: { limit?: number }): Promise<void> {
  const source = await findSource(session, slug, key)
  const ctx = await session.ctx()
  const receipts = await readAll(options.limit, (page) => listReceipts(ctx, source, page))
  session.show(receipts.map(presentReceipt), () =>
    receipts.length === 0
      ? 'Nothing has arrived yet.'
      : formatTable(
          ['RECEIVED', 'PROVIDER', 'OUTCOME', 'REASON', 'JOB', 'EVENT', 'DELIVERY'],
          receipts.map((receipt) => [
            toMoment(receipt.receivedAt),
            receipt.provider,
            receipt.outcome,
            receipt.reason ?? '',
            receipt.job === null ? '' : String(receipt.job),
            receipt.event ?? '',
            receipt.delivery ?? '',
          ]),
          session.tableWidth,
        ),
  )
}

function presentReceipt(receipt: HookReceipt) {
  return {
    provider: receipt.provider,
    event: receipt.event,
    delivery: receipt.delivery,
    outcome: receipt.outcome,
    reason: receipt.reason,
    job: receipt.job,
    bodySha256: receipt.bodySha256,
    receivedAt: toTimestamp(receipt.receivedAt),
  }
}
