import type { TokenActor } from '../kernel/actor.ts'
import type { Db } from '../kernel/schema.ts'
import type { Instant } from '../kernel/values.ts'
import { hashTokenSecret } from './token-secret.ts'
import { findTokenByHash, type Token } from './tokens.sql.ts'

/** Longer texts cannot be tokens and are not hashed. */
const MAX_SECRET = 1024

/**
 * The actor behind a presented secret, or null when it is unknown, revoked or expired. All refusals look the same
 * to the caller. Looking up by the hash makes the comparison independent of how much of a secret was guessed.
 */
export async function authenticate(db: Db, secret: string, now: Instant): Promise<TokenActor | null> {
  if (secret === '' || secret.length > MAX_SECRET) {
    return null
  }
  return findActorByHash(db, hashTokenSecret(secret), now)
}

/** As `authenticate`, for a caller that keeps the hash of a secret it saw before. */
export async function findActorByHash(db: Db, secretHash: string, now: Instant): Promise<TokenActor | null> {
  const token = await findTokenByHash(db, secretHash)
  return token === null || !isUsable(token, now) ? null : toActor(token)
}

/** Whether a token can be used at that moment. */
export function isUsable(token: Token, now: Instant): boolean {
  return token.revokedAt === null && (token.expiresAt === null || token.expiresAt > now)
}

function toActor(token: Token): TokenActor {
  return {
    kind: 'token',
    token: token.id,
    organization: token.organization,
    user: token.user,
    access: token.access,
    packages: token.packages,
    expiresAt: token.expiresAt,
  }
}
