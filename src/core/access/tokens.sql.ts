import type { Db } from '../kernel/schema.ts'
import type { Scope } from '../kernel/scopes.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Instant, OrganizationId, SourceId, TokenId, UserId } from '../kernel/values.ts'

/** A token without its secret. */
export interface Token {
  id: TokenId
  uid: string
  kind: 'personal' | 'organization' | 'job'
  organization: OrganizationId | null
  user: UserId | null
  name: string
  hint: string
  /** Null means no restriction. */
  scopes: Scope[] | null
  /** The words in which a dialect gave the scopes, or null when it was none. */
  scopeLabels: string[] | null
  /** Package name patterns, or null for every package. */
  packages: string[] | null
  /** The only source whose packages it is for, or null; of a job's token the source that the job is of. */
  source: SourceId | null
  /** Addresses and networks from which it may be used, or null for all. */
  addresses: string[] | null
  createdBy: UserId | null
  expiresAt: Instant | null
  /** Until when the secret before the last rotation works, or null. */
  previousUntil: Instant | null
  revokedAt: Instant | null
  lastUsedAt: Instant | null
  createdAt: Instant
}

const COLUMNS = [
  'tokens.id',
  'tokens.uid',
  'tokens.kind',
  'tokens.organization_id as organization',
  'tokens.user_id as user',
  'tokens.name',
  'tokens.hint',
  'tokens.scopes',
  'tokens.scope_labels as scopeLabels',
  'tokens.package_globs as packages',
  'tokens.source_id as source',
  'tokens.addresses',
  'tokens.created_by as createdBy',
  'tokens.expires_at as expiresAt',
  'tokens.previous_until as previousUntil',
  'tokens.revoked_at as revokedAt',
  'tokens.last_used_at as lastUsedAt',
  'tokens.created_at as createdAt',
] as const

type Listed = 'scopes' | 'scopeLabels' | 'packages' | 'addresses'
type Row = Omit<Token, Listed> & Record<Listed, string | null>

function toToken(row: Row): Token {
  return {
    ...row,
    scopes: parseList<Scope>(row.scopes),
    scopeLabels: parseList(row.scopeLabels),
    packages: parseList(row.packages),
    addresses: parseList(row.addresses),
  }
}

function parseList<Item extends string = string>(text: string | null): Item[] | null {
  return text === null ? null : (JSON.parse(text) as Item[])
}

function toText(list: readonly string[] | null): string | null {
  return list === null ? null : JSON.stringify(list)
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
      previous_hash: null,
      previous_until: token.previousUntil,
      scopes: toText(token.scopes),
      scope_labels: toText(token.scopeLabels),
      package_globs: toText(token.packages),
      source_id: token.source,
      addresses: toText(token.addresses),
      created_by: token.createdBy,
      expires_at: token.expiresAt,
      revoked_at: token.revokedAt,
      last_used_at: token.lastUsedAt,
      created_at: token.createdAt,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { id: row.id, ...token }
}

/** A token as it was found by a secret. `isPrevious`: by the one before the last rotation. */
export interface FoundToken {
  token: Token
  isPrevious: boolean
}

/** The token with that hash of its present or previous secret, whatever its state, or null. Tokens of disabled users and of deleted organizations are not found. */
export async function findTokenByHash(db: Db, secretHash: string): Promise<FoundToken | null> {
  const present = await selectTokenBy(db, 'secret_hash', secretHash)
  if (present !== null) {
    return { token: present, isPrevious: false }
  }
  const previous = await selectTokenBy(db, 'previous_hash', secretHash)
  return previous === null ? null : { token: previous, isPrevious: true }
}

async function selectTokenBy(db: Db, column: 'secret_hash' | 'previous_hash', hash: string): Promise<Token | null> {
  const row = await db
    .selectFrom('tokens')
    .leftJoin('users', 'users.id', 'tokens.user_id')
    .leftJoin('organizations', 'organizations.id', 'tokens.organization_id')
    .select(COLUMNS)
    .where(`tokens.${column}`, '=', hash)
    .where('users.disabled_at', 'is', null)
    .where('organizations.deleted_at', 'is', null)
    .executeTakeFirst()
  return row === undefined ? null : toToken(row)
}

/** Whether a source belongs to an organization. */
export async function isSourceOf(db: Db, organization: OrganizationId, source: SourceId): Promise<boolean> {
  const query = db.selectFrom('sources').select('id').where('id', '=', source).where('organization_id', '=', organization)
  return (await query.executeTakeFirst()) !== undefined
}

/** The names (lower case) of the packages that a source feeds. */
export async function selectNamesOfSource(db: Db, source: SourceId): Promise<string[]> {
  return (await db.selectFrom('packages').select('name').where('source_id', '=', source).execute()).map(({ name }) => name)
}

/** Deletes the tokens of jobs that had to end before a moment. */
export async function deleteEndedJobTokens(db: Db, before: Instant): Promise<void> {
  await db.deleteFrom('tokens').where('kind', '=', 'job').where('expires_at', '<', before).execute()
}

/** Whose tokens are meant: those of an organization, or the personal ones of a user. */
export type TokenOwner = { organization: OrganizationId } | { user: UserId }

function ownedTokens(db: Db, owner: TokenOwner) {
  const query = db.selectFrom('tokens').select(COLUMNS)
  return 'organization' in owner
    ? query.where('organization_id', '=', owner.organization)
    : query.where('user_id', '=', owner.user).where('organization_id', 'is', null)
}

/** The token with that uid of an owner, or null. */
export async function findToken(db: Db, owner: TokenOwner, uid: string): Promise<Token | null> {
  const row = await ownedTokens(db, owner).where('uid', '=', uid).executeTakeFirst()
  return row === undefined ? null : toToken(row)
}

/** Tokens of an owner in the order of their creation, revoked ones too. */
export async function selectTokens(db: Db, owner: TokenOwner, page: Page): Promise<Paged<Token>> {
  const rows = await ownedTokens(db, owner)
    .where('id', '>', (page.after ?? 0) as TokenId)
    .orderBy('id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows.map(toToken), page.limit)
}

/** All usable tokens of an owner, newest first. */
export async function selectUsableTokens(db: Db, owner: TokenOwner, limit: number): Promise<Token[]> {
  const rows = await ownedTokens(db, owner).where('revoked_at', 'is', null).orderBy('id', 'desc').limit(limit).execute()
  return rows.map(toToken)
}

/** Gives a token another name, and other scopes unless they are left out. */
export async function updateToken(
  db: Db,
  id: TokenId,
  change: { name: string; scopes?: { scopes: readonly Scope[] | null; labels: readonly string[] | null } },
): Promise<void> {
  const { scopes } = change
  await db
    .updateTable('tokens')
    .set({
      name: change.name,
      ...(scopes === undefined ? {} : { scopes: toText(scopes.scopes), scope_labels: toText(scopes.labels) }),
    })
    .where('id', '=', id)
    .execute()
}

/** Replaces the secret; the present one goes on until `previousUntil`. False when the token was revoked meanwhile. */
export async function replaceSecret(
  db: Db,
  id: TokenId,
  input: { secretHash: string; hint: string; previousUntil: Instant },
): Promise<boolean> {
  const result = await db
    .updateTable('tokens')
    .set((set) => ({
      previous_hash: set.ref('secret_hash'),
      previous_until: input.previousUntil,
      secret_hash: input.secretHash,
      hint: input.hint,
    }))
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
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
