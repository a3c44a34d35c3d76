import type { Db } from '../kernel/schema.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Instant, OrganizationId, TokenId, UserId } from '../kernel/values.ts'

/** A token without its secret. `packages` null means every package. */
export interface Token {
  id: TokenId
  uid: string
  kind: 'personal' | 'organization'
  organization: OrganizationId | null
  user: UserId | null
  name: string
  hint: string
  access: 'read' | 'update'
  packages: string[] | null
  expiresAt: Instant | null
  revokedAt: Instant | null
  lastUsedAt: Instant | null
  createdAt: Instant
}

const COLUMNS = [
  'id',
  'uid',
  'kind',
  'organization_id as organization',
  'user_id as user',
  'name',
  'hint',
  'access',
  'package_globs',
  'expires_at as expiresAt',
  'revoked_at as revokedAt',
  'last_used_at as lastUsedAt',
  'created_at as createdAt',
] as const

type Row = Omit<Token, 'packages'> & { package_globs: string | null }

function toToken({ package_globs, ...row }: Row): Token {
  return { ...row, packages: package_globs === null ? null : (JSON.parse(package_globs) as string[]) }
}

/** Stores a token by the hash of its secret. */
export async function insertToken(db: Db, token: Omit<Token, 'id'>, secretHash: string): Promise<Token> {
  const row = await db
    .insertInto('tokens')
    .values({
      uid: token.uid,
      kind: token.kind,
      organization_id: token.organization,
      user_id: token.user,
      name: token.name,
      hint: token.hint,
      secret_hash: secretHash,
      access: token.access,
      package_globs: token.packages === null ? null : JSON.stringify(token.packages),
      expires_at: token.expiresAt,
      revoked_at: token.revokedAt,
      last_used_at: token.lastUsedAt,
      created_at: token.createdAt,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { id: row.id, ...token }
}

/** The token with that hash of its secret, whatever its state, or null. */
export async function findTokenByHash(db: Db, secretHash: string): Promise<Token | null> {
  const row = await db.selectFrom('tokens').select(COLUMNS).where('secret_hash', '=', secretHash).executeTakeFirst()
  return row === undefined ? null : toToken(row)
}

/** The token with that uid in an organization, or null. */
export async function findToken(db: Db, organization: OrganizationId, uid: string): Promise<Token | null> {
  const row = await db
    .selectFrom('tokens')
    .select(COLUMNS)
    .where('organization_id', '=', organization)
    .where('uid', '=', uid)
    .executeTakeFirst()
  return row === undefined ? null : toToken(row)
}

/** Tokens of an organization in the order of their creation, revoked ones too. */
export async function selectTokens(db: Db, organization: OrganizationId, page: Page): Promise<Paged<Token>> {
  const rows = await db
    .selectFrom('tokens')
    .select(COLUMNS)
    .where('organization_id', '=', organization)
    .where('id', '>', (page.after ?? 0) as TokenId)
    .orderBy('id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows.map(toToken), page.limit)
}

/** Marks a token revoked; false when it was already. */
export async function markRevoked(db: Db, id: TokenId, at: Instant): Promise<boolean> {
  const result = await db
    .updateTable('tokens')
    .set({ revoked_at: at })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Moves the last use forward, never back. */
export async function touchToken(db: Db, id: TokenId, at: Instant): Promise<void> {
  await db
    .updateTable('tokens')
    .set({ last_used_at: at })
    .where('id', '=', id)
    .where((where) => where.or([where('last_used_at', 'is', null), where('last_used_at', '<', at)]))
    .execute()
}
