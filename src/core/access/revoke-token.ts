import type { Ctx } from '../kernel/ctx.ts'
import type { TokenActor } from '../kernel/actor.ts'
import { authorizeTokenChange, getToken, tokenEvent } from './own-tokens.ts'
import { findToken, markRevoked, type TokenOwner } from './tokens.sql.ts'

/**
 * Revokes a token of an organization or a person: the next request with it is refused, on every node within one second. A token may
 * revoke itself, whatever its scopes. Revoking twice is no error and changes nothing. Throws `token_not_found`.
 */
export async function revokeToken(ctx: Ctx, input: { owner: TokenOwner; uid: string }): Promise<void> {
  const { owner, uid } = input
  if (ctx.actor.kind !== 'token' || !(await isItself(ctx, ctx.actor, input))) {
    await authorizeTokenChange(ctx, owner, 'revoke')
  }
  const token = await getToken(ctx.db, owner, uid)
  if (token.revokedAt !== null) {
    return
  }
  await ctx.transaction(async (tx) => {
    if (await markRevoked(tx.db, token.id, tx.now)) {
      await tx.record(tokenEvent(owner, 'revoke', token))
    }
  })
}

async function isItself(ctx: Ctx, actor: TokenActor, { owner, uid }: { owner: TokenOwner; uid: string }): Promise<boolean> {
  return (await findToken(ctx.db, owner, uid))?.id === actor.token
}
