import { authorize, type Action } from '../../../core/access/index.ts'
import type { Ctx } from '../../../core/kernel/ctx.ts'
import { DomainError } from '../../../core/kernel/errors.ts'
import { getOrganizationByPath, type Organization } from '../../../core/organizations/index.ts'
import { hasPasswordToken } from '../../http/credentials.ts'
import type { Call } from '../../http/route.ts'

/**
 * The context of a call with a token in one of the two forms of pricore.md §2.1. Throws `unauthenticated` for everything else, also for a
 * token in the place of the user name (PR-003).
 */
export function requireToken({ ctx, actor, request }: Call): Ctx {
  if (actor.kind !== 'token' || !hasPasswordToken(request.headers.get('authorization'))) {
    throw new DomainError('unauthenticated')
  }
  return ctx
}

/**
 * The organization of a call, in the order of refusals of §3.2: token, organization, the token's organization, membership, scope, role.
 * Resources and bodies are looked at after this.
 */
export async function enter(call: Call, action: Action): Promise<Organization> {
  const ctx = requireToken(call)
  const organization = await getOrganizationByPath(ctx, call.params['organization'] ?? '')
  await authorize(ctx, action, organization.id)
  return organization
}
