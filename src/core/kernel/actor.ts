import type { OrganizationId, TokenId, UserId } from './values.ts'

/** A machine credential as it acts in this call. */
export interface TokenActor {
  kind: 'token'
  token: TokenId
  /** The organization whose token this is; null for a personal token, which acts where its user is a member. */
  organization: OrganizationId | null
  user: UserId | null
  access: 'read' | 'update'
  /** Package name patterns that limit the token; null means every package. */
  packages: readonly string[] | null
  expiresAt: number | null
}

/**
 * Who is acting. `operator` is somebody with a shell on the machine (command line), `system` is the
 * registry itself (jobs, first start), `setup` holds the one-time set-up secret.
 */
export type Actor = { kind: 'anonymous' } | { kind: 'system' } | { kind: 'operator' } | { kind: 'setup' } | TokenActor

/** Where a call came from; kept with events, never used for decisions. */
export interface Origin {
  surface: string
  address: string | null
  agent: string | null
  requestId: string | null
}
