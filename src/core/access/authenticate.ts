import type { TokenActor } from '../kernel/actor.ts'
import type { Db } from '../kernel/schema.ts'
import type { Instant } from '../kernel/values.ts'
import { hashTokenSecret } from './token-secret.ts'
import { findTokenByHash, type FoundToken, type Token } from './tokens.sql.ts'

/** Longer texts cannot be tokens and are not hashed. */
const MAX_SECRET = 1024

/**
 * The actor behind a presented secret, or null when it is unknown, revoked, expired or belongs to a disabled user. All refusals look the same
 * to the caller. Looking up by the hash makes the comparison independent of how much of a secret was guessed. Whoever calls also holds the
 * client's address against the token's (`requireAllowedAddress`).
 */
export async function authenticate(db: Db, secret: string, now: Instant): Promise<TokenActor | null> {
  if (secret === '' || secret.length > MAX_SECRET) {
    return null
  }
  return findActorByHash(db, hashTokenSecret(secret), now)
}

/** As `authenticate`, for a caller that keeps the hash of a secret it saw before. */
export async function findActorByHash(db: Db, secretHash: string, now: Instant): Promise<TokenActor | null> {
  const judged = await judgeSecret(db, secretHash, now)
  return judged?.state === 'valid' && judged.kind !== 'job' ? judged.actor : null
}

/** What is known of a secret that was issued: who acts by it, or why nobody does any more. */
export type JudgedSecret = { kind: Token['kind'] } & ({ state: 'valid'; actor: TokenActor } | { state: 'expired' | 'revoked' })

/** As `findActorByHash`, for surfaces that tell why a token is refused and that know the tokens of jobs. Null for what was never issued. */
export async function judgeSecret(db: Db, secretHash: string, now: Instant): Promise<JudgedSecret | null> {
  const found = await findTokenByHash(db, secretHash)
  if (found === null) {
    return null
  }
  const { kind } = found.token
  if (found.token.revokedAt !== null) {
    return { kind, state: 'revoked' }
  }
  const expiresAt = expiryOf(found)
  return expiresAt !== null && expiresAt <= now
    ? { kind, state: 'expired' }
    : { kind, state: 'valid', actor: toActor(found, expiresAt) }
}

/** A secret that was rotated away ends with its overlap, or with the token. */
function expiryOf({ token, isPrevious }: FoundToken): Instant | null {
  if (!isPrevious) {
    return token.expiresAt
  }
  return Math.min(token.previousUntil ?? 0, token.expiresAt ?? Number.POSITIVE_INFINITY)
}

function toActor({ token }: FoundToken, expiresAt: Instant | null): TokenActor {
  return {
    kind: 'token',
    token: token.id,
    organization: token.organization,
    user: token.user,
    scopes: token.scopes,
    packages: token.packages,
    ...toSourceLimit(token),
    addresses: token.addresses,
    expiresAt,
  }
}

function toSourceLimit({ kind, source }: Token): Pick<TokenActor, 'source' | 'job'> {
  if (source === null) {
    return {}
  }
  return kind === 'job' ? { job: source } : { source }
}
