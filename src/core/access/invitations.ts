/**
 * Invitations. The link is the only appearance of a secret of 256 bits, of which the hash is stored. It goes to the address by mail, and only when no mail can
 * be sent to whoever invites, to be handed over. Renewing makes a new link and ends the one before. An invitation rests on the right of
 * the member who sent or last renewed it: when that person is no longer in charge of members it cannot be accepted, until somebody else renews it.
 */
import { parseEmail } from '../accounts/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { Instant, OrganizationId, TeamId, UserId } from '../kernel/values.ts'
import { composeMail, isMailConfigured, queueMail } from '../mail/index.ts'
import {
  countPendingInvitations,
  findInvitation,
  findOpenInvitation,
  hasMemberWithEmail,
  insertInvitation,
  markCancelled,
  renewInvitationRow,
  selectInvitations,
  stateOfInvitation,
  type Invitation,
  type InvitationState,
  type Organization,
} from '../organizations/index.ts'
import { holdOrganization } from './manage-organizations.ts'
import { requireTeam } from './manage-teams.ts'
import { authorize } from './permissions.ts'
import { personOf } from './team-rights.ts'
import { hashTokenSecret } from './token-secret.ts'

/** How long a link works, in milliseconds: 7 days (PR-905). */
const VALIDITY = 7 * 24 * 60 * 60 * 1000
const MAX_PENDING = 500
const SECRET_BYTES = 32

/** An invitation that was sent or renewed. */
export interface SentInvitation {
  invitation: Invitation
  /** The secret of the link, to be handed over; null when the link went to the address by mail and is shown to nobody. */
  secret: string | null
}

/** The path of the page behind an invitation's link. */
export function invitationPath(secret: string): string {
  return `/app/invitations/${secret}`
}

/** The invitations of an organization, oldest first, with their states. */
export async function listInvitations(
  ctx: Ctx,
  input: { organization: OrganizationId; page: Page },
): Promise<Paged<Invitation & { state: InvitationState }>> {
  await authorize(ctx, 'invitation.list', input.organization)
  const { items, next } = await selectInvitations(ctx.db, input.organization, input.page)
  return { items: items.map((one) => ({ ...one, state: stateOfInvitation(one, ctx.now) })), next }
}

/** Somebody to be invited. `teams` are uids of teams that the person enters with the organization. */
export interface SendInvitation {
  organization: Organization
  email: string
  role: string
  teams?: readonly string[]
}

/**
 * Invites an address to become a member or admin; nobody is invited to be an owner. Whether the address has an account makes no
 * difference and is not told. Throws `invalid_input`, `already_member`, `already_invited` while another invitation is pending,
 * `team_not_found`, `limit_reached`.
 */
export async function sendInvitation(ctx: Ctx, input: SendInvitation): Promise<SentInvitation> {
  const { organization } = input
  await authorize(ctx, 'invitation.change', organization.id)
  const email = parseEmail(input.email)
  const role = parseInvitedRole(input.role)
  const teams: TeamId[] = []
  for (const uid of new Set(input.teams ?? [])) {
    teams.push((await requireTeam(ctx, { organization: organization.id, uid })).id)
  }
  const link = makeLink(ctx, organization, email)
  return ctx.transaction(async (tx) => {
    await holdOrganization(tx, organization)
    await requireInvitable(tx, organization.id, email)
    const mailed = await link.send(tx)
    const invitation = await insertInvitation(
      tx.db,
      {
        uid: tx.newId(),
        organization: organization.id,
        email,
        role,
        teams,
        invitedBy: inviterOf(ctx),
        mailed,
        createdAt: tx.now,
        expiresAt: link.expiresAt,
      },
      hashTokenSecret(link.secret),
    )
    if (invitation === null) {
      throw new DomainError('already_invited')
    }
    await tx.record({ type: 'invitation.sent', organization: organization.id, invitation: invitation.id, email, role })
    return { invitation, secret: mailed ? null : link.secret }
  })
}

function parseInvitedRole(text: string): 'admin' | 'member' {
  if (text === 'admin' || text === 'member') {
    return text
  }
  throw invalidInput('role', 'give "admin" or "member"; an owner is made of a member')
}

/** An invitation that has expired makes room for a new one. */
async function requireInvitable(tx: Tx, organization: OrganizationId, email: string): Promise<void> {
  if (await hasMemberWithEmail(tx.db, organization, email)) {
    throw new DomainError('already_member')
  }
  const open = await findOpenInvitation(tx.db, organization, email)
  if (open !== null) {
    if (open.expiresAt > tx.now) {
      throw new DomainError('already_invited')
    }
    await markCancelled(tx.db, open.id, tx.now)
    await tx.record({ type: 'invitation.cancelled', organization, invitation: open.id, email })
  }
  if ((await countPendingInvitations(tx.db, organization, tx.now)) >= MAX_PENDING) {
    throw new DomainError('limit_reached', { limit: MAX_PENDING, things: 'pending invitations' })
  }
}

/** On whose right an invitation rests; operators and organization tokens need nobody's. */
function inviterOf({ actor }: Pick<Ctx, 'actor'>): UserId | null {
  return actor.kind === 'user' && actor.isOperator ? null : personOf(actor)
}

interface Link {
  secret: string
  expiresAt: Instant
  /** Queues the mail; false when none can be sent, so that the link has to be shown. */
  send(tx: Tx): Promise<boolean>
}

function makeLink(ctx: Ctx, organization: Organization, email: string): Link {
  const secret = Buffer.from(ctx.random.bytes(SECRET_BYTES)).toString('hex')
  const expiresAt = ctx.now + VALIDITY
  // Without a public address the mail would have no link in it.
  const isSendable = isMailConfigured(ctx) && ctx.publicUrl !== null
  const mail = isSendable
    ? composeMail(ctx, {
        kind: 'invitation',
        to: email,
        organization: organization.id,
        lane: 'interactive',
        subject: `Invitation to ${organization.name}`,
        paragraphs: [
          `You are invited to the organization "${organization.name}".`,
          { link: 'Accept the invitation', path: invitationPath(secret) },
          `The link works once, until ${new Date(expiresAt).toISOString().slice(0, 16).replace('T', ' ')} UTC. If you did not expect it, ignore it.`,
        ],
      })
    : null
  return { secret, expiresAt, send: async (tx) => (await queueMail(tx, mail)) === 'queued' }
}

/**
 * Gives an invitation a new link for another 7 days, also when it has expired; the link before it ends. Throws `invitation_not_found`,
 * `invitation_closed` when it was accepted or cancelled, `already_member`.
 */
export async function renewInvitation(ctx: Ctx, input: { organization: Organization; uid: string }): Promise<SentInvitation> {
  const { organization } = input
  await authorize(ctx, 'invitation.change', organization.id)
  const invitation = await requireInvitation(ctx, organization.id, input.uid)
  const link = makeLink(ctx, organization, invitation.email)
  const renewed = { expiresAt: link.expiresAt, invitedBy: inviterOf(ctx) }
  return ctx.transaction(async (tx) => {
    await holdOrganization(tx, organization)
    if (await hasMemberWithEmail(tx.db, organization.id, invitation.email)) {
      throw new DomainError('already_member')
    }
    const mailed = await link.send(tx)
    const change = { ...renewed, mailed }
    if (!(await renewInvitationRow(tx.db, invitation.id, { ...change, secretHash: hashTokenSecret(link.secret) }))) {
      throw new DomainError('invitation_closed')
    }
    const { id, email } = invitation
    await tx.record({ type: 'invitation.renewed', organization: organization.id, invitation: id, email })
    return { invitation: { ...invitation, ...change }, secret: mailed ? null : link.secret }
  })
}

/** Takes an invitation back. Throws `invitation_not_found`, `invitation_closed` when it was accepted or cancelled. */
export async function cancelInvitation(ctx: Ctx, input: { organization: Organization; uid: string }): Promise<void> {
  const { organization } = input
  await authorize(ctx, 'invitation.change', organization.id)
  const { id, email } = await requireInvitation(ctx, organization.id, input.uid)
  await ctx.transaction(async (tx) => {
    if (!(await markCancelled(tx.db, id, tx.now))) {
      throw new DomainError('invitation_closed')
    }
    await tx.record({ type: 'invitation.cancelled', organization: organization.id, invitation: id, email })
  })
}

async function requireInvitation(ctx: Ctx, organization: OrganizationId, uid: string): Promise<Invitation> {
  const invitation = await findInvitation(ctx.db, organization, uid)
  if (invitation === null) {
    throw new DomainError('invitation_not_found')
  }
  return invitation
}
