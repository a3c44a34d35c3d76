import { parseDisplayName } from '../accounts/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { Scope } from '../kernel/scopes.ts'
import type { IssuedToken } from './create-token.ts'
import { authorizeTokenChange, getToken, tokenEvent } from './own-tokens.ts'
import { requireOwnScopes } from './permissions.ts'
import { hashTokenSecret, mintTokenSecret, tokenHint } from './token-secret.ts'
import { replaceSecret, updateToken, type Token, type TokenOwner } from './tokens.sql.ts'

/** The longest time for which the secret before a rotation goes on: 30 days. */
const MAX_OVERLAP = 30 * 24 * 60 * 60 * 1000

/** Another name for a token, and other scopes unless they are left out. */
export interface ChangeToken {
  owner: TokenOwner
  uid: string
  name: string
  scopes?: { scopes: readonly Scope[] | null; labels: readonly string[] | null }
}

/** Renames a token or changes its scopes. Throws `token_not_found`, also for a revoked one, `invalid_input`, `scope_exceeds_own`. */
export async function changeToken(ctx: Ctx, input: ChangeToken): Promise<Token> {
  const { owner, uid, scopes } = input
  await authorizeTokenChange(ctx, owner, 'change')
  const token = await getUsable(ctx, owner, uid)
  const name = parseDisplayName('name', input.name)
  if (scopes !== undefined) {
    requireOwnScopes(ctx.actor, scopes.scopes)
  }
  await ctx.transaction(async (tx) => {
    await updateToken(tx.db, token.id, { name, ...(scopes === undefined ? {} : { scopes }) })
    await tx.record(tokenEvent(owner, 'change', { id: token.id, name }))
  })
  return getToken(ctx.db, owner, uid)
}

/**
 * Gives a token a new secret. The old one goes on for `overlap` milliseconds, at most 30 days, so that whoever uses it can change over; the one
 * before that ends now. Throws `token_not_found`, also for a revoked token, and `invalid_input`. A token may not rotate one with more
 * scopes than its own (`scope_exceeds_own`), because it would learn the secret.
 */
export async function rotateToken(ctx: Ctx, input: { owner: TokenOwner; uid: string; overlap: number }): Promise<IssuedToken> {
  const { owner, uid, overlap } = input
  await authorizeTokenChange(ctx, owner, 'rotate')
  if (!Number.isSafeInteger(overlap) || overlap < 0 || overlap > MAX_OVERLAP) {
    throw invalidInput('overlap', 'give a time from 0 to 30 days')
  }
  const token = await getUsable(ctx, owner, uid)
  requireOwnScopes(ctx.actor, token.scopes)
  const secret = mintTokenSecret(ctx.random, token.hint.slice(0, token.hint.indexOf('_') + 1))
  const hint = tokenHint(secret)
  const previousUntil = ctx.now + overlap
  await ctx.transaction(async (tx) => {
    if (!(await replaceSecret(tx.db, token.id, { secretHash: hashTokenSecret(secret), hint, previousUntil }))) {
      throw new DomainError('token_not_found')
    }
    await tx.record(tokenEvent(owner, 'rotate', token))
  })
  return { token: { ...token, hint, previousUntil }, secret }
}

async function getUsable(ctx: Ctx, owner: TokenOwner, uid: string): Promise<Token> {
  const token = await getToken(ctx.db, owner, uid)
  if (token.revokedAt !== null) {
    throw new DomainError('token_not_found')
  }
  return token
}
