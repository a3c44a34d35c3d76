import type { Generated } from 'kysely'
import type {
  AccountLinkId,
  Instant,
  InvitationId,
  OrganizationId,
  PasskeyId,
  SessionId,
  SourceId,
  TeamId,
  TokenId,
  UserId,
} from '../values.ts'
import type { Flag, Role, Visibility } from './column-types.ts'

/** People; owned by `accounts`. `email` is stored in lower case and unique. */
export interface UsersTable {
  id: Generated<UserId>
  uid: string
  email: string
  name: string
  password_hash: string | null
  is_operator: Flag
  /** Since when the person may not sign in and none of their tokens works. */
  disabled_at: Instant | null
  /** When it was proved that the person reads mail at `email`. */
  email_verified_at: Instant | null
  created_at: Instant
}

/** Browsers in which people are signed in; owned by `accounts`. `secret_hash` is the hex SHA-256 of the cookie's secret. */
export interface SessionsTable {
  id: Generated<SessionId>
  uid: string
  user_id: UserId
  secret_hash: string
  agent: string | null
  /** Where it was used last: an IPv4 address, or the /64 network of an IPv6 address. */
  address: string | null
  created_at: Instant
  /** When it was used last, to a few minutes. */
  seen_at: Instant
  /** When the person last proved who they are in it. */
  confirmed_at: Instant
  expires_at: Instant
}

/** One-time secrets that were mailed, or that carry a sign-in to its second factor; owned by `accounts`. A null user is nobody. */
export interface AccountLinksTable {
  id: Generated<AccountLinkId>
  purpose: 'password-reset' | 'password-choice' | 'email' | 'second-factor'
  secret_hash: string
  user_id: UserId | null
  /** The address that the link was mailed to, or null. */
  email: string | null
  created_at: Instant
  expires_at: Instant
}

/** Keys of authenticator apps; owned by `accounts`. `secret` is encrypted, `last_step` is the last time step whose code was used. */
export interface TotpSecretsTable {
  user_id: UserId
  secret: string
  last_step: number
  created_at: Instant
}

/** Recovery codes that were not used yet; owned by `accounts`. */
export interface RecoveryCodesTable {
  user_id: UserId
  code_hash: string
}

/** Passkeys; owned by `accounts`. `credential_id` and `public_key` (COSE) are base64url, `transports` is a JSON list. */
export interface PasskeysTable {
  id: Generated<PasskeyId>
  uid: string
  user_id: UserId
  credential_id: string
  public_key: string
  counter: number
  transports: string
  name: string
  created_at: Instant
  last_used_at: Instant | null
}

/** Passkey challenges that were answered, until they expire; owned by `accounts`. */
export interface UsedChallengesTable {
  challenge_hash: string
  expires_at: Instant
}

/** Organizations and suborganizations; owned by `organizations`. `modified_at` is in seconds and only grows. */
export interface OrganizationsTable {
  id: Generated<OrganizationId>
  uid: string
  slug: string
  name: string
  parent_id: OrganizationId | null
  description: string | null
  /** What members below admin see: `all` packages, or those of their `teams`. */
  member_access: Generated<'all' | 'teams'>
  /** Who sees the organization besides its members. Never wider than that of the parent. */
  visibility: Generated<Visibility>
  /** Since when nobody sees the organization any more; its slug stays taken. */
  deleted_at: Instant | null
  revision: number
  modified_at: number
  created_at: Instant
}

/** Who belongs to an organization; owned by `organizations`. */
export interface MembersTable {
  organization_id: OrganizationId
  user_id: UserId
  role: Role
  created_at: Instant
}

/** Groups of members with a set of packages; owned by `organizations`. The name is unique in the organization. */
export interface TeamsTable {
  id: Generated<TeamId>
  uid: string
  organization_id: OrganizationId
  name: string
  /** JSON list of `TeamPermission`. */
  permissions: string
  /** 1: every package of the organization, also future ones. */
  all_packages: Flag
  created_at: Instant
}

/** Who is in a team; owned by `organizations`. Goes with the membership in the organization. */
export interface TeamMembersTable {
  team_id: TeamId
  organization_id: OrganizationId
  user_id: UserId
  created_at: Instant
}

/** The packages of a team by name (lower case); owned by `organizations`. */
export interface TeamPackagesTable {
  team_id: TeamId
  name: string
  created_at: Instant
}

/** Sources that members added by a right of their teams, whose packages therefore belong to these; owned by `organizations`. */
export interface TeamSourcesTable {
  source_id: SourceId
  team_id: TeamId
}

/** The role that the members of an organization's team have in one of its suborganizations; owned by `organizations`. */
export interface OrganizationTeamsTable {
  organization_id: OrganizationId
  team_id: TeamId
  role: 'admin' | 'member'
  created_at: Instant
}

/** Invitations to an organization; owned by `organizations`. One that is open is unique by organization and e-mail address. */
export interface InvitationsTable {
  id: Generated<InvitationId>
  uid: string
  organization_id: OrganizationId
  email: string
  role: 'admin' | 'member'
  /** JSON list of ids of teams. */
  teams: string
  secret_hash: string
  /** The member on whose right the invitation rests; null when that was an operator or a token. */
  invited_by: UserId | null
  /** 1: the present link went to the address by mail and was shown to nobody. */
  mailed: Flag
  created_at: Instant
  expires_at: Instant
  accepted_at: Instant | null
  accepted_by: UserId | null
  cancelled_at: Instant | null
}

/** Machine credentials; owned by `access`. `secret_hash` is the lower-case hex SHA-256 of the whole token. */
export interface TokensTable {
  id: Generated<TokenId>
  uid: string
  kind: 'personal' | 'organization' | 'job'
  organization_id: OrganizationId | null
  user_id: UserId | null
  name: string
  hint: string
  secret_hash: string
  /** The secret before the last rotation, valid until `previous_until`. */
  previous_hash: string | null
  previous_until: Instant | null
  /** JSON list of scopes, or null for no restriction. */
  scopes: string | null
  /** JSON list of the words in which a dialect gave the scopes, or null. */
  scope_labels: string | null
  /** JSON list of package name patterns, or null for every package. */
  package_globs: string | null
  /** Of an organization's token the only source whose packages it is for; of a job's token the source that the job is of. */
  source_id: Generated<SourceId | null>
  /** JSON list of addresses and networks from which the token may be used, or null for all. */
  addresses: string | null
  /** Who issued it; null when that was no user. */
  created_by: UserId | null
  expires_at: Instant | null
  revoked_at: Instant | null
  last_used_at: Instant | null
  created_at: Instant
}
