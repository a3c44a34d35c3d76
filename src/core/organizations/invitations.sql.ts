import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Db } from '../kernel/schema.ts'
import type { Instant, InvitationId, OrganizationId, TeamId, UserId } from '../kernel/values.ts'

/** An invitation without its secret. */
export interface Invitation {
  id: InvitationId
  uid: string
  organization: OrganizationId
  email: string
  role: 'admin' | 'member'
  teams: TeamId[]
  /** The member on whose right it rests; null when that was an operator or a token. */
  invitedBy: UserId | null
  /** Whether the present link went to the address by mail and was shown to nobody. */
  mailed: boolean
  createdAt: Instant
  expiresAt: Instant
  acceptedAt: Instant | null
  acceptedBy: UserId | null
  cancelledAt: Instant | null
}

/** What has become of an invitation. */
export type InvitationState = 'pending' | 'accepted' | 'expired' | 'cancelled'

/** The state of an invitation at a moment. */
export function stateOfInvitation(invitation: Invitation, now: Instant): InvitationState {
  if (invitation.acceptedAt !== null) {
    return 'accepted'
  }
  if (invitation.cancelledAt !== null) {
    return 'cancelled'
  }
  return invitation.expiresAt <= now ? 'expired' : 'pending'
}

const COLUMNS = [
  'id',
  'uid',
  'organization_id as organization',
  'email',
  'role',
  'teams',
  'invited_by as invitedBy',
  'mailed',
  'created_at as createdAt',
  'expires_at as expiresAt',
  'accepted_at as acceptedAt',
  'accepted_by as acceptedBy',
  'cancelled_at as cancelledAt',
] as const

type Row = Omit<Invitation, 'teams' | 'mailed'> & { teams: string; mailed: number }

function toInvitation(row: Row): Invitation {
  return { ...row, teams: JSON.parse(row.teams) as TeamId[], mailed: row.mailed === 1 }
}

/** Stores an invitation by the hash of its secret, or returns null when the address has an open one. */
export async function insertInvitation(
  db: Db,
  input: Pick<
    Invitation,
    'uid' | 'organization' | 'email' | 'role' | 'teams' | 'invitedBy' | 'mailed' | 'createdAt' | 'expiresAt'
  >,
  secretHash: string,
): Promise<Invitation | null> {
  const row = await db
    .insertInto('invitations')
    .values({
      uid: input.uid,
      organization_id: input.organization,
      email: input.email,
      role: input.role,
      teams: JSON.stringify(input.teams),
      secret_hash: secretHash,
      invited_by: input.invitedBy,
      mailed: input.mailed ? 1 : 0,
      created_at: input.createdAt,
      expires_at: input.expiresAt,
      accepted_at: null,
      accepted_by: null,
      cancelled_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning(COLUMNS)
    .executeTakeFirst()
  return row === undefined ? null : toInvitation(row)
}

/** The invitation with that hash of its secret, whatever its state, or null. */
export async function findInvitationByHash(db: Db, secretHash: string): Promise<Invitation | null> {
  const row = await db.selectFrom('invitations').select(COLUMNS).where('secret_hash', '=', secretHash).executeTakeFirst()
  return row === undefined ? null : toInvitation(row)
}

/** The invitation with that uid, or null. */
export async function findInvitation(db: Db, organization: OrganizationId, uid: string): Promise<Invitation | null> {
  const row = await db
    .selectFrom('invitations')
    .select(COLUMNS)
    .where('organization_id', '=', organization)
    .where('uid', '=', uid)
    .executeTakeFirst()
  return row === undefined ? null : toInvitation(row)
}

/** The invitation of an address (lower case) that is neither accepted nor cancelled, or null. It may have expired. */
export async function findOpenInvitation(db: Db, organization: OrganizationId, email: string): Promise<Invitation | null> {
  const row = await open(db, organization).where('email', '=', email).executeTakeFirst()
  return row === undefined ? null : toInvitation(row)
}

/** How many invitations of an organization are neither accepted nor cancelled nor expired. */
export async function countPendingInvitations(db: Db, organization: OrganizationId, now: Instant): Promise<number> {
  const rows = await open(db, organization).where('expires_at', '>', now).execute()
  return rows.length
}

function open(db: Db, organization: OrganizationId) {
  return db
    .selectFrom('invitations')
    .select(COLUMNS)
    .where('organization_id', '=', organization)
    .where('accepted_at', 'is', null)
    .where('cancelled_at', 'is', null)
}

/** The invitations of an organization in the order of their creation, closed ones too. */
export async function selectInvitations(db: Db, organization: OrganizationId, page: Page): Promise<Paged<Invitation>> {
  const rows = await db
    .selectFrom('invitations')
    .select(COLUMNS)
    .where('organization_id', '=', organization)
    .where('id', '>', (page.after ?? 0) as InvitationId)
    .orderBy('id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows.map(toInvitation), page.limit)
}

/** Gives an open invitation a new secret and a new end; the link before it is worth nothing. False when it was closed meanwhile. */
export async function renewInvitationRow(
  db: Db,
  id: InvitationId,
  input: { secretHash: string; expiresAt: Instant; mailed: boolean; invitedBy: UserId | null },
): Promise<boolean> {
  const result = await db
    .updateTable('invitations')
    .set({
      secret_hash: input.secretHash,
      expires_at: input.expiresAt,
      mailed: input.mailed ? 1 : 0,
      invited_by: input.invitedBy,
    })
    .where('id', '=', id)
    .where('accepted_at', 'is', null)
    .where('cancelled_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Closes an open invitation; false when it was closed already. */
export async function markCancelled(db: Db, id: InvitationId, at: Instant): Promise<boolean> {
  const result = await db
    .updateTable('invitations')
    .set({ cancelled_at: at })
    .where('id', '=', id)
    .where('accepted_at', 'is', null)
    .where('cancelled_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Closes an invitation for good with whoever accepted it. False when it was closed, renewed or has expired meanwhile. */
export async function markAccepted(
  db: Db,
  input: { id: InvitationId; secretHash: string; user: UserId; at: Instant },
): Promise<boolean> {
  const result = await db
    .updateTable('invitations')
    .set({ accepted_at: input.at, accepted_by: input.user })
    .where('id', '=', input.id)
    .where('secret_hash', '=', input.secretHash)
    .where('accepted_at', 'is', null)
    .where('cancelled_at', 'is', null)
    .where('expires_at', '>', input.at)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}
