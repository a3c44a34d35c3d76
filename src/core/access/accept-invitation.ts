/**
 * Accepting an invitation. Whoever has the link may accept it once, whatever address the account has: the link went to the invited mailbox or was handed over
 * by whoever invites, and people have several addresses. Of those who accept at once one wins by compare-and-set on the hash of the
 * secret. An account that registers with the link gets the invited address, proved only if the link went there by mail and was shown to nobody.
 */
import { createUser, parseDisplayName, requireAcceptablePassword, requireSignedIn, type User } from '../accounts/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { UserId } from '../kernel/values.ts'
import {
  findInvitationByHash,
  findOrganization,
  findRole,
  insertTeamMember,
  markAccepted,
  selectTeamsById,
  stateOfInvitation,
  type Invitation,
  type InvitationState,
  type Organization,
} from '../organizations/index.ts'
import { enterMember } from './manage-members.ts'
import { holdOrganization } from './manage-organizations.ts'
import { hashTokenSecret } from './token-secret.ts'

const SECRET = /^[0-9a-f]{64}$/

/** What the page behind a link shows to whoever has it. */
export interface OfferedInvitation {
  organization: Pick<Organization, 'uid' | 'slug' | 'name'>
  email: string
  role: 'admin' | 'member'
  state: InvitationState
  expiresAt: number
}

interface Opened {
  invitation: Invitation
  organization: Organization
  secretHash: string
}

/** What an invitation offers, also one that is closed. Throws `invitation_not_found` for a secret that is none, or of a deleted organization. */
export async function describeInvitation(ctx: Ctx, secret: string): Promise<OfferedInvitation> {
  const { invitation, organization } = await open(ctx, secret)
  const { uid, slug, name } = organization
  const { email, role, expiresAt } = invitation
  return { organization: { uid, slug, name }, email, role, state: stateOfInvitation(invitation, ctx.now), expiresAt }
}

async function open(ctx: Ctx, secret: string): Promise<Opened> {
  const secretHash = hashTokenSecret(secret)
  const invitation = SECRET.test(secret) ? await findInvitationByHash(ctx.db, secretHash) : null
  const organization = invitation === null ? null : await findOrganization(ctx.db, invitation.organization)
  if (invitation === null || organization === null) {
    throw new DomainError('invitation_not_found')
  }
  return { invitation, organization, secretHash }
}

async function openPending(ctx: Ctx, secret: string): Promise<Opened> {
  const opened = await open(ctx, secret)
  if (stateOfInvitation(opened.invitation, ctx.now) !== 'pending' || !(await isBacked(ctx, opened.invitation))) {
    throw new DomainError('invitation_closed')
  }
  return opened
}

/** Whether the member on whose right the invitation rests still has it. */
async function isBacked({ db }: Pick<Ctx, 'db'>, { invitedBy, organization }: Invitation): Promise<boolean> {
  if (invitedBy === null) {
    return true
  }
  const role = await findRole(db, organization, invitedBy)
  return role === 'owner' || role === 'admin'
}

/**
 * Makes the signed-in person a member, with the role and the teams of the invitation. Throws `sign_in_required`, `user_required` for a token,
 * `invitation_not_found`, `invitation_closed`, and `already_member`, which leaves the invitation open.
 */
export async function acceptInvitation(ctx: Ctx, secret: string): Promise<Organization> {
  const { user } = requireSignedIn(ctx)
  const opened = await openPending(ctx, secret)
  await ctx.transaction((tx) => accept(tx, opened, user))
  return opened.organization
}

/** Somebody without an account who has the link of an invitation. */
export interface RegisterByInvitation {
  secret: string
  name: string
  password: string
}

/**
 * Creates an account with the invited address and accepts the invitation with it, both or neither. Throws `invitation_not_found`, `invitation_closed`, `invalid_input`,
 * and `email_taken` when there is an account with that address: its owner signs in and accepts.
 */
export async function registerByInvitation(
  ctx: Ctx,
  input: RegisterByInvitation,
): Promise<{ user: User; organization: Organization }> {
  const opened = await openPending(ctx, input.secret)
  const { invitation, organization } = opened
  const name = parseDisplayName('name', input.name)
  requireAcceptablePassword(input.password, { email: invitation.email, name })
  const passwordHash = await ctx.passwords.hash(input.password)
  return ctx.transaction(async (tx) => {
    const user = await createUser(tx, {
      email: invitation.email,
      name,
      passwordHash,
      isOperator: false,
      emailVerifiedAt: invitation.mailed ? tx.now : null,
    })
    await accept(tx, opened, user.id)
    return { user, organization }
  })
}

async function accept(tx: Tx, { invitation, secretHash }: Opened, user: UserId): Promise<void> {
  const { id, role, email } = invitation
  const organization = (await holdOrganization(tx, { id: invitation.organization })).id
  if (!(await isBacked(tx, invitation)) || !(await markAccepted(tx.db, { id, secretHash, user, at: tx.now }))) {
    throw new DomainError('invitation_closed')
  }
  await enterMember(tx, { organization, user, role })
  for (const team of await selectTeamsById(tx.db, organization, invitation.teams)) {
    await insertTeamMember(tx.db, { team: team.id, organization, user, createdAt: tx.now })
    await tx.record({ type: 'team.member-added', organization, team: team.id, name: team.name, user })
  }
  await tx.record({ type: 'invitation.accepted', organization, invitation: id, email, user })
}
