import type { Db } from '../kernel/schema.ts'
import type { CredentialId, Instant, OrganizationId, SourceId } from '../kernel/values.ts'

/** A credential row; `secret` is sealed. */
export interface CredentialRow {
  uid: string
  kind: 'basic' | 'bearer' | 'ssh_key' | 'headers'
  origin: string
  username: string | null
  secret: string
  expiresAt: Instant | null
}

/** A stored credential. `expiryReadAt` is when its host was last asked for its end. */
export interface StoredCredential extends CredentialRow {
  expiryReadAt: Instant | null
  createdAt: Instant
}

/** Stores a sealed credential. */
export async function insertCredential(
  db: Db,
  input: CredentialRow & { organization: OrganizationId; createdAt: Instant },
): Promise<CredentialId> {
  const row = await db
    .insertInto('credentials')
    .values({
      uid: input.uid,
      organization_id: input.organization,
      kind: input.kind,
      origin: input.origin,
      username: input.username,
      secret: input.secret,
      expires_at: input.expiresAt,
      expiry_read_at: null,
      created_at: input.createdAt,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return row.id
}

/** The credential with that id, sealed, or null. */
export async function findCredentialRow(db: Db, id: CredentialId): Promise<StoredCredential | null> {
  const row = await db
    .selectFrom('credentials')
    .select([
      'uid',
      'kind',
      'origin',
      'username',
      'secret',
      'expires_at as expiresAt',
      'expiry_read_at as expiryReadAt',
      'created_at as createdAt',
    ])
    .where('id', '=', id)
    .executeTakeFirst()
  return row ?? null
}

/** Removes a credential that nothing uses any more. */
export async function deleteCredential(db: Db, id: CredentialId): Promise<void> {
  await db.deleteFrom('credentials').where('id', '=', id).execute()
}

/** Notes that the host was asked for the end of a credential, and what it said unless that was nothing. */
export async function recordExpiry(
  db: Db,
  input: { id: CredentialId; readAt: Instant; expiresAt: Instant | null },
): Promise<void> {
  const { id, readAt, expiresAt } = input
  await db
    .updateTable('credentials')
    .set({ expiry_read_at: readAt, ...(expiresAt === null ? {} : { expires_at: expiresAt }) })
    .where('id', '=', id)
    .execute()
}

/** A credential that ends soon, of an organization. */
export interface ExpiringCredential {
  id: CredentialId
  organization: OrganizationId
  expiresAt: Instant
}

/** Credentials of sources that end within a time, by their id. */
export async function selectExpiringCredentials(
  db: Db,
  within: { now: Instant; until: Instant },
  page: { after: CredentialId; limit: number },
): Promise<ExpiringCredential[]> {
  const rows = await db
    .selectFrom('credentials')
    .select(['id', 'organization_id as organization', 'expires_at as expiresAt'])
    .where('expires_at', '>', within.now)
    .where('expires_at', '<=', within.until)
    .where('id', '>', page.after)
    .orderBy('id')
    .limit(page.limit)
    .execute()
  return rows.flatMap(({ expiresAt, ...row }) => (expiresAt === null ? [] : [{ ...row, expiresAt }]))
}

/** When the credential of a source ends, with the URL of the source; null when no source uses it any more. */
export async function findUsedCredential(
  db: Db,
  organization: OrganizationId,
  id: CredentialId,
): Promise<{ url: string; expiresAt: Instant | null } | null> {
  const row = await db
    .selectFrom('credentials')
    .innerJoin('sources', 'sources.credential_id', 'credentials.id')
    .select(['sources.url', 'credentials.expires_at as expiresAt'])
    .where('credentials.id', '=', id)
    .where('credentials.organization_id', '=', organization)
    .executeTakeFirst()
  return row ?? null
}

/** Gives a source another credential, or none. */
export async function assignCredential(db: Db, source: SourceId, credential: CredentialId | null): Promise<void> {
  await db.updateTable('sources').set({ credential_id: credential }).where('id', '=', source).execute()
}
