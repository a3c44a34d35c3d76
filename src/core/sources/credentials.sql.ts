import type { Db } from '../kernel/schema.ts'
import type { CredentialId, Instant, OrganizationId } from '../kernel/values.ts'

/** A credential row; `secret` is sealed. */
export interface CredentialRow {
  uid: string
  kind: 'basic' | 'bearer' | 'ssh_key'
  origin: string
  username: string | null
  secret: string
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
      created_at: input.createdAt,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return row.id
}

/** The credential with that id, sealed, or null. */
export async function findCredentialRow(db: Db, id: CredentialId): Promise<CredentialRow | null> {
  const row = await db
    .selectFrom('credentials')
    .select(['uid', 'kind', 'origin', 'username', 'secret'])
    .where('id', '=', id)
    .executeTakeFirst()
  return row ?? null
}

/** Removes a credential that nothing uses any more. */
export async function deleteCredential(db: Db, id: CredentialId): Promise<void> {
  await db.deleteFrom('credentials').where('id', '=', id).execute()
}
