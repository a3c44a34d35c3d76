import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { authorize } from './permissions.ts'
import { findToken, markRevoked } from './tokens.sql.ts'

/**
 * Revokes a token: the next request with it is refused, on every node within one second. Revoking twice is no error and
 * changes nothing. Throws `token_not_found`.
 */
export async function revokeToken(ctx: Ctx, input: { organization: OrganizationId; uid: string }): Promise<void> {
  authorize(ctx.actor, 'token.revoke', input.organization)
  const token = await findToken(ctx.db, input.organization, input.uid)
  if (token === null) {
    throw new DomainError('token_not_found')
  }
  if (token.revokedAt !== null) {
    return
  }
  await ctx.transaction(async (tx) => {
    if (await markRevoked(tx.db, token.id, tx.now)) {
      await tx.record({ type: 'token.revoked', organization: input.organization, token: token.id, name: token.name })
    }
  })
}
