import type { Db } from '../kernel/schema.ts'
import type { Instant, OrganizationId, TokenId } from '../kernel/values.ts'

/** An organization's token that ends soon. */
export interface ExpiringToken {
  id: TokenId
  organization: OrganizationId
  expiresAt: Instant
}

/** The tokens of organizations that end between `now` and `until`, up to `limit` of those after `after` by id. */
export async function selectExpiringTokens(
  db: Db,
  within: { now: Instant; until: Instant },
  page: { after: TokenId; limit: number },
): Promise<ExpiringToken[]> {
  const rows = await db
    .selectFrom('tokens')
    .select(['id', 'organization_id as organization', 'expires_at as expiresAt'])
    .where('revoked_at', 'is', null)
    .where('organization_id', 'is not', null)
    .where('expires_at', '>', within.now)
    .where('expires_at', '<=', within.until)
    .where('id', '>', page.after)
    .orderBy('id')
    .limit(page.limit)
    .execute()
  return rows.flatMap(({ id, organization, expiresAt }) =>
    organization === null || expiresAt === null ? [] : [{ id, organization, expiresAt }],
  )
}

/** Name and end of a token that is neither revoked nor gone, or null. */
export async function findLastingToken(
  db: Db,
  organization: OrganizationId,
  id: TokenId,
): Promise<{ name: string; expiresAt: Instant | null } | null> {
  const row = await db
    .selectFrom('tokens')
    .select(['name', 'expires_at as expiresAt'])
    .where('id', '=', id)
    .where('organization_id', '=', organization)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return row ?? null
}
