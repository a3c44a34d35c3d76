import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { DomainEvent } from '../kernel/events.ts'
import type { Db } from '../kernel/schema.ts'
import { authorize, authorizeSelf, type Action } from './permissions.ts'
import { findToken, type Token, type TokenOwner } from './tokens.sql.ts'

/** What can be done to a token that exists. */
export type TokenChange = 'change' | 'rotate' | 'revoke'

const EVENTS = { change: 'changed', rotate: 'rotated', revoke: 'revoked' } as const

/** Authorizes a change to a token of an owner: the organization's admins, or the person. */
export async function authorizeTokenChange(
  ctx: Pick<Ctx, 'actor' | 'db'>,
  owner: TokenOwner,
  change: TokenChange,
): Promise<void> {
  if ('organization' in owner) {
    const action: Action = `token.${change}`
    await authorize(ctx, action, owner.organization)
  } else {
    await authorizeSelf(ctx, `personal-token.${change}`, owner.user)
  }
}

/** The token with that uid of the owner. Throws `token_not_found`. */
export async function getToken(db: Db, owner: TokenOwner, uid: string): Promise<Token> {
  const token = await findToken(db, owner, uid)
  if (token === null) {
    throw new DomainError('token_not_found')
  }
  return token
}

/** The record of a change to a token. */
export function tokenEvent(owner: TokenOwner, change: TokenChange, token: Pick<Token, 'id' | 'name'>): DomainEvent {
  const facts = { token: token.id, name: token.name }
  return 'organization' in owner
    ? { type: `token.${EVENTS[change]}`, organization: owner.organization, ...facts }
    : { type: `personal-token.${EVENTS[change]}`, organization: null, user: owner.user, ...facts }
}
