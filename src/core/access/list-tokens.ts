import type { Ctx } from '../kernel/ctx.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { OrganizationId, UserId } from '../kernel/values.ts'
import { authorize, authorizeSelf } from './permissions.ts'
import { selectTokens, selectUsableTokens, type Token } from './tokens.sql.ts'

/** Longer lists of tokens are read page by page. */
const MAX_LISTED = 10_000

/** The tokens of an organization, oldest first, without their secrets; revoked and expired ones too. */
export async function listTokens(ctx: Ctx, input: { organization: OrganizationId; page: Page }): Promise<Paged<Token>> {
  await authorize(ctx, 'token.list', input.organization)
  return selectTokens(ctx.db, { organization: input.organization }, input.page)
}

/** The tokens of an organization that were not revoked, newest first, at most 10,000. */
export async function listCurrentTokens(ctx: Ctx, organization: OrganizationId): Promise<Token[]> {
  await authorize(ctx, 'token.list', organization)
  return selectUsableTokens(ctx.db, { organization }, MAX_LISTED)
}

/** The personal tokens of a user that were not revoked, newest first, at most 10,000. */
export async function listPersonalTokens(ctx: Ctx, user: UserId): Promise<Token[]> {
  await authorizeSelf(ctx, 'personal-token.list', user)
  return selectUsableTokens(ctx.db, { user }, MAX_LISTED)
}
