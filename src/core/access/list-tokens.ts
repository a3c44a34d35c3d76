import type { Ctx } from '../kernel/ctx.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { authorize } from './permissions.ts'
import { selectTokens, type Token } from './tokens.sql.ts'

/** The tokens of an organization, oldest first, without their secrets; revoked and expired ones too. */
export async function listTokens(ctx: Ctx, input: { organization: OrganizationId; page: Page }): Promise<Paged<Token>> {
  authorize(ctx.actor, 'token.list', input.organization)
  return selectTokens(ctx.db, input.organization, input.page)
}
