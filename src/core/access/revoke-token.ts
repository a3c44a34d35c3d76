import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { authorizeTokenChange, tokenEvent } from './own-tokens.ts'
import { findToken, markRevoked, type TokenOwner } from './tokens.sql.ts'

/**
 * Revokes a token of an organization or a person: the next request with it is refused, on every node within one second. A token may
 * revoke itself, whatever its scopes. Revoking twice is no error and changes nothing. Throws `token_not_found`.
 */
export async function revokeToken(ctx: Ctx, input: { owner: TokenOwner; uid: string }): Promise<void> {
  const { owner, uid } = input
  const token = await findToken(ctx.db, owner, uid)
  const isItself = ctx.actor.kind === 'token' && ctx.actor.token === token?.id
  if (!isItself) {
    await authorizeTokenChange(ctx, owner, 'revoke')
  }
  if (token === null) {
    throw new DomainError('token_not_found')
  }
  if (token.revokedAt !== null) {
    return
  }
  await ctx.transaction(async (tx) => {
    if (await markRevoked(tx.db, token.id, tx.now)) {
      await tx.record(tokenEvent(owner, 'revoke', token))
    }
  })
}
