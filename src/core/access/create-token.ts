import { parseDisplayName } from '../accounts/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { invalidInput } from '../kernel/errors.ts'
import type { Instant, OrganizationId } from '../kernel/values.ts'
import { parsePackageGlobs } from './package-globs.ts'
import { authorize } from './permissions.ts'
import { hashTokenSecret, mintTokenSecret, tokenHint } from './token-secret.ts'
import { insertToken, type Token } from './tokens.sql.ts'

/** An organization token to be issued. `packages` null means every package. */
export interface CreateToken {
  organization: OrganizationId
  name: string
  access: 'read' | 'update'
  packages: readonly string[] | null
  expiresAt: Instant | null
}

/** A token with the only appearance of its secret. */
export interface IssuedToken {
  token: Token
  secret: string
}

/**
 * Issues an organization token. The secret appears in the result once and is stored only as a hash. Throws
 * `invalid_input` for a name, pattern or an expiry in the past.
 */
export async function createToken(ctx: Ctx, input: CreateToken): Promise<IssuedToken> {
  authorize(ctx.actor, 'token.create', input.organization)
  const name = parseDisplayName('name', input.name)
  const packages = parsePackageGlobs(input.packages)
  if (input.expiresAt !== null && input.expiresAt <= ctx.now) {
    throw invalidInput('expires', 'the expiry lies in the past')
  }
  const secret = mintTokenSecret(ctx.random)
  return ctx.transaction(async (tx) => {
    const token = await insertToken(
      tx.db,
      {
        uid: tx.newId(),
        kind: 'organization',
        organization: input.organization,
        user: null,
        name,
        hint: tokenHint(secret),
        access: input.access,
        packages,
        expiresAt: input.expiresAt,
        revokedAt: null,
        lastUsedAt: null,
        createdAt: tx.now,
      },
      hashTokenSecret(secret),
    )
    await tx.record({ type: 'token.created', organization: input.organization, token: token.id, name, access: input.access })
    return { token, secret }
  })
}
