import type { Scope } from './scopes.ts'
import type { OrganizationId, SessionId, SourceId, TokenId, UserId } from './values.ts'

/** A machine credential as it acts in this call. */
export interface TokenActor {
  kind: 'token'
  token: TokenId
  /** The organization whose token this is; null for a personal token, which acts where its user is a member. */
  organization: OrganizationId | null
  user: UserId | null
  /** What it may do of what its owner may; null means everything. */
  scopes: readonly Scope[] | null
  /** Package name patterns that limit the token; null means every package. */
  packages: readonly string[] | null
  /** The only source whose packages it is for; left out for every source. */
  source?: SourceId
  /** The source of whose job this is the token; left out for all others. Such a token is for publishing and downloading in that job. */
  job?: SourceId
  /** Addresses and networks (CIDR) from which it may be used; null means everywhere. */
  addresses: readonly string[] | null
  expiresAt: number | null
}

/** A person who signed in. Operators of the instance act as owners of every organization. */
export interface UserActor {
  kind: 'user'
  user: UserId
  session: SessionId
  isOperator: boolean
}

/**
 * Who is acting. `operator` is somebody with a shell on the machine (command line), `system` is the
 * registry itself (jobs, first start), `setup` holds the one-time set-up secret.
 */
export type Actor = { kind: 'anonymous' } | { kind: 'system' } | { kind: 'operator' } | { kind: 'setup' } | TokenActor | UserActor

/** Where a call came from; kept with events, never used for decisions. */
export interface Origin {
  surface: string
  address: string | null
  agent: string | null
  requestId: string | null
}
