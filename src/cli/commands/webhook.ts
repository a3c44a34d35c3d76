import { Option, type Command } from 'commander'
import { areNoticesOn, switchNotices } from '../../core/notices/index.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import {
  createWebhook,
  disableWebhook,
  enableWebhook,
  getWebhook,
  listDeliveries,
  listWebhooks,
  pingWebhook,
  PUBLIC_EVENT_TYPES,
  removeWebhook,
  resendDelivery,
  rotateWebhook,
  updateWebhookChoices,
  type Webhook,
  type WebhookDelivery,
  type WebhookKey,
} from '../../core/webhooks/index.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { formatFields, formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

interface Choices {
  name?: string
  url?: string
  events?: string[]
  packages?: string[]
}

/** `repertoire webhook …` and `repertoire notices` */
export function addWebhookCommands(program: Command, run: Run): void {
  const commands = program.command('webhook').description('outgoing hooks: how the registry tells others of its events')
  addKeepingCommands(commands, run)
  addSendingCommands(commands, run)
  program
    .command('notices')
    .description('show or switch the mails to owners and admins about failing sources, ending tokens and hooks')
    .argument('<org>', 'slug of the organization')
    .option('--on', 'send them')
    .option('--off', 'send none')
    .addHelpText('after', '\nExample:\n  $ repertoire notices acme --off')
    .action(run(notices))
}

function addKeepingCommands(commands: Command, run: Run): void {
  withChoices(commands.command('add').description('add an outgoing hook and print its secret'))
    .argument('<org>', 'slug of the organization')
    .argument('<url>', 'where deliveries are sent: an https address')
    .addHelpText(
      'after',
      `\nEvents: ${PUBLIC_EVENT_TYPES.join(', ')}\n\nExample:\n  $ repertoire webhook add acme https://ci.example.com/hooks --events version.published`,
    )
    .action(run(add))
  commands
    .command('list')
    .description('list the outgoing hooks of an organization')
    .argument('<org>', 'slug of the organization')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire webhook list acme')
    .action(run(list))
  withKey(commands.command('show').description('show an outgoing hook, without its secret'), 'show').action(run(show))
  withChoices(withKey(commands.command('set').description('change an outgoing hook; what is left out stays'), 'set'))
    .option('--url <url>', 'where deliveries are sent')
    .action(run(set))
  withKey(commands.command('rotate').description('make a new secret; both are used for 24 hours'), 'rotate').action(run(rotate))
  withKey(commands.command('enable').description('switch an outgoing hook on'), 'enable').action(run(enable))
  withKey(commands.command('disable').description('switch an outgoing hook off; what waits is given up'), 'disable').action(
    run(disable),
  )
  withKey(commands.command('remove').description('remove an outgoing hook'), 'remove').action(run(remove))
}

function addSendingCommands(commands: Command, run: Run): void {
  withKey(commands.command('ping').description('send a trial'), 'ping').action(run(ping))
  withKey(commands.command('log').description('list deliveries, newest first'), 'log').addOption(limitOption()).action(run(log))
  commands
    .command('resend')
    .description('deliver an event once more')
    .argument('<org>', 'slug of the organization')
    .argument('<webhook>', 'uid of the outgoing hook')
    .argument('<delivery>', 'uid of the delivery, as "webhook log" prints it')
    .addHelpText('after', '\nExample:\n  $ repertoire webhook resend acme 0190… 0191…')
    .action(run(resend))
}

function withKey(command: Command, name: string): Command {
  return command
    .argument('<org>', 'slug of the organization')
    .argument('<webhook>', 'uid of the outgoing hook, as "webhook list" prints it')
    .addHelpText('after', `\nExample:\n  $ repertoire webhook ${name} acme 0190…`)
}

function withChoices(command: Command): Command {
  return command
    .option('--name <name>', 'its name for people; the host if left out')
    .addOption(new Option('--events <types...>', 'which events; all if left out'))
    .addOption(new Option('--packages <patterns...>', 'only what is about these packages, such as "acme/*"'))
}

async function keyOf(session: Session, path: string, uid: string): Promise<WebhookKey> {
  const { id } = await getOrganizationByPath(await session.ctx(), path)
  return { organization: id, uid }
}

async function add(session: Session, path: string, url: string, options: Choices): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  const { events = null, packages = null, name = URL.parse(url)?.host ?? url } = options
  const issued = await createWebhook(ctx, { organization, url, name, events, packages, secret: null })
  session.show({ ...presentWebhook(issued.webhook), secret: issued.secret }, () => describeWebhook(issued.webhook, issued.secret))
  session.note('The secret is not shown again. Try the hook with:  repertoire webhook ping')
}

async function list(session: Session, path: string, options: { limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, path)
  const webhooks = await readAll(options.limit, (page) => listWebhooks(ctx, id, page))
  session.show(webhooks.map(presentWebhook), () =>
    webhooks.length === 0
      ? 'There are no outgoing hooks.'
      : formatTable(
          ['UID', 'NAME', 'STATE', 'URL'],
          webhooks.map((webhook) => [webhook.uid, webhook.name, describeState(webhook), webhook.url]),
          session.tableWidth,
        ),
  )
}

async function show(session: Session, path: string, uid: string): Promise<void> {
  showWebhook(session, await getWebhook(await session.ctx(), await keyOf(session, path, uid)))
}

async function set(session: Session, path: string, uid: string, options: Choices): Promise<void> {
  const ctx = await session.ctx()
  const key = await keyOf(session, path, uid)
  const { name, url, events, packages } = await getWebhook(ctx, key)
  showWebhook(session, await updateWebhookChoices(ctx, key, { name, url, events, packages, ...options }))
}

async function rotate(session: Session, path: string, uid: string): Promise<void> {
  const issued = await rotateWebhook(await session.ctx(), await keyOf(session, path, uid), null)
  const document = { ...presentWebhook(issued.webhook), secret: issued.secret, previousUntil: toTimestamp(issued.previousUntil) }
  session.show(document, () => describeWebhook(issued.webhook, issued.secret))
  session.note(`Deliveries are signed with the secret before it too until ${toMoment(issued.previousUntil)}.`)
}

async function enable(session: Session, path: string, uid: string): Promise<void> {
  showWebhook(session, await enableWebhook(await session.ctx(), await keyOf(session, path, uid)))
}

async function disable(session: Session, path: string, uid: string): Promise<void> {
  showWebhook(session, await disableWebhook(await session.ctx(), await keyOf(session, path, uid)))
}

async function remove(session: Session, path: string, uid: string): Promise<void> {
  await removeWebhook(await session.ctx(), await keyOf(session, path, uid))
  session.show({ removed: uid }, () => 'Removed the outgoing hook.')
}

async function ping(session: Session, path: string, uid: string): Promise<void> {
  const delivery = await pingWebhook(await session.ctx(), await keyOf(session, path, uid))
  session.show({ delivery }, () => `The delivery ${delivery} is on its way; see:  repertoire webhook log ${path} ${uid}`)
}

async function resend(session: Session, path: string, uid: string, delivery: string): Promise<void> {
  const sent = await resendDelivery(await session.ctx(), await keyOf(session, path, uid), delivery)
  session.show({ delivery: sent }, () => `The delivery ${sent} is on its way; see:  repertoire webhook log ${path} ${uid}`)
}

async function log(session: Session, path: string, uid: string, options: { limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const key = await keyOf(session, path, uid)
  const deliveries = await readAll(options.limit, (page) => listDeliveries(ctx, key, page))
  session.show(deliveries.map(presentDelivery), () =>
    deliveries.length === 0
      ? 'Nothing has been delivered yet.'
      : formatTable(
          ['CREATED', 'EVENT', 'STATE', 'TRIES', 'STATUS', 'DELIVERY', 'PROBLEM'],
          deliveries.map((delivery) => [
            toMoment(delivery.createdAt),
            delivery.type,
            delivery.state,
            String(delivery.attempts),
            String(delivery.status ?? ''),
            delivery.uid,
            delivery.problem ?? '',
          ]),
          session.tableWidth,
        ),
  )
}

async function notices(session: Session, path: string, options: { on?: boolean; off?: boolean }): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, path)
  if (options.on === true || options.off === true) {
    await switchNotices(ctx, { organization, on: options.off !== true })
  }
  const on = await areNoticesOn(ctx, organization)
  session.show({ on }, () => `Notices are ${on ? 'on' : 'off'}.${ctx.mailer === null ? ' Mail is not configured.' : ''}`)
}

function showWebhook(session: Session, webhook: Webhook): void {
  session.show(presentWebhook(webhook), () => describeWebhook(webhook, null))
}

function describeWebhook(webhook: Webhook, secret: string | null): string {
  return formatFields([
    ['UID', webhook.uid],
    ['Name', webhook.name],
    ['URL', webhook.url],
    ['Events', webhook.events?.join(', ') ?? 'all'],
    ['Packages', webhook.packages?.join(', ') ?? 'all'],
    ['State', describeState(webhook)],
    ...(secret === null ? [] : [['Secret', secret] as const]),
  ])
}

function describeState({ isActive, failingSince, disabledReason }: Webhook): string {
  if (!isActive) {
    return `off: ${disabledReason ?? ''}`
  }
  return failingSince === null ? 'on' : `failing since ${toMoment(failingSince)}`
}

function presentWebhook(webhook: Webhook) {
  const { uid, name, url, events, packages, isActive, disabledReason } = webhook
  const moments = { failingSince: toTimestamp(webhook.failingSince), createdAt: toTimestamp(webhook.createdAt) }
  return { uid, name, url, events, packages, isActive, disabledReason, ...moments }
}

function presentDelivery(delivery: WebhookDelivery) {
  const { id: _, nextAttemptAt, attemptedAt, createdAt, ...rest } = delivery
  return {
    ...rest,
    nextAttemptAt: delivery.state === 'waiting' ? toTimestamp(nextAttemptAt) : null,
    attemptedAt: toTimestamp(attemptedAt),
    createdAt: toTimestamp(createdAt),
  }
}
