import { Option, type Command } from 'commander'
import {
  cancelInvitation,
  getTeamByName,
  invitationPath,
  listInvitations,
  renewInvitation,
  sendInvitation,
  type SentInvitation,
} from '../../core/access/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { DomainError } from '../../core/kernel/errors.ts'
import {
  findInvitation,
  findOpenInvitation,
  getOrganizationByPath,
  type Invitation,
  type InvitationState,
  type Organization,
} from '../../core/organizations/index.ts'
import { toComposerSetUp } from '../composer-set-up.ts'
import { toInert } from '../inert.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

/** `repertoire invitation …` */
export function addInvitationCommands(program: Command, run: Run): void {
  const commands = program.command('invitation').description('invitations: links by which people become members')
  commands
    .command('send')
    .description('invite somebody; without mail the link is printed, this once')
    .argument('<org>', 'slug of the organization')
    .argument('<email>', 'e-mail address of the person, with or without an account')
    .addOption(new Option('--role <role>', 'what the person may do').choices(['admin', 'member']).default('member'))
    .option('--teams <names>', 'teams to enter, separated by commas', (text: string) => text.split(','))
    .addHelpText('after', '\nExample:\n  $ repertoire invitation send acme anna@example.com --teams Web,Ops')
    .action(run(send))
  commands
    .command('list')
    .description('list the invitations of an organization, closed ones too')
    .argument('<org>', 'slug of the organization')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire invitation list acme')
    .action(run(list))
  withInvitation(commands.command('renew').description('make a new link for another 7 days; the one before ends'))
    .addHelpText('after', '\nExample:\n  $ repertoire invitation renew acme anna@example.com')
    .action(run(renew))
  withInvitation(commands.command('cancel').description('take an invitation back'))
    .addHelpText('after', '\nExample:\n  $ repertoire invitation cancel acme anna@example.com')
    .action(run(cancel))
}

function withInvitation(command: Command): Command {
  return command
    .argument('<org>', 'slug of the organization')
    .argument('<invitation>', 'the e-mail address that was invited, or the uid of the invitation')
}

async function getByKey(ctx: Ctx, { id }: Organization, key: string): Promise<Invitation> {
  const found = (await findOpenInvitation(ctx.db, id, key.trim().toLowerCase())) ?? (await findInvitation(ctx.db, id, key))
  if (found === null) {
    throw new DomainError('invitation_not_found')
  }
  return found
}

async function send(
  session: Session,
  path: string,
  email: string,
  options: { role: 'admin' | 'member'; teams?: string[] },
): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  const teams: string[] = []
  for (const name of options.teams ?? []) {
    teams.push((await getTeamByName(ctx, { organization: organization.id, name })).uid)
  }
  showSent(session, path, await sendInvitation(ctx, { organization, email, role: options.role, teams }))
}

function showSent(session: Session, path: string, { invitation, secret }: SentInvitation): void {
  const { base } = toComposerSetUp(session.config, path)
  const link = secret === null ? null : `${base}${invitationPath(secret)}`
  const until = toMoment(invitation.expiresAt)
  session.show({ ...presentInvitation(invitation, 'pending'), link }, () =>
    link === null
      ? `A mail with the link was sent to ${toInert(invitation.email)}. It works once, until ${until}.`
      : [
          `Hand this link over to ${toInert(invitation.email)}. It works once, until ${until}, and is shown only now:`,
          '',
          `  ${link}`,
        ].join('\n'),
  )
}

async function list(session: Session, path: string, options: { limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, path)
  const invitations = await readAll(options.limit, (page) => listInvitations(ctx, { organization: id, page }))
  session.show(
    invitations.map((one) => presentInvitation(one, one.state)),
    () =>
      invitations.length === 0
        ? `Nobody was invited to ${path}.`
        : formatTable(
            ['UID', 'STATE', 'ROLE', 'EXPIRES', 'E-MAIL'],
            invitations.map(({ uid, state, role, expiresAt, email }) => [uid, state, role, toMoment(expiresAt), email]),
            session.tableWidth,
          ),
  )
}

async function renew(session: Session, path: string, key: string): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  const { uid } = await getByKey(ctx, organization, key)
  showSent(session, path, await renewInvitation(ctx, { organization, uid }))
}

async function cancel(session: Session, path: string, key: string): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  const invitation = await getByKey(ctx, organization, key)
  await cancelInvitation(ctx, { organization, uid: invitation.uid })
  session.show(
    presentInvitation(invitation, 'cancelled'),
    () => `Cancelled the invitation of ${toInert(invitation.email)} to ${path}.`,
  )
}

function presentInvitation(invitation: Invitation, state: InvitationState) {
  const { uid, email, role, createdAt, expiresAt, acceptedAt } = invitation
  return {
    uid,
    email,
    role,
    state,
    createdAt: toTimestamp(createdAt),
    expiresAt: toTimestamp(expiresAt),
    acceptedAt: toTimestamp(acceptedAt),
  }
}
