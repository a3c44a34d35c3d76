import type { Db } from '../kernel/schema.ts'
import type { Instant, OrganizationId } from '../kernel/values.ts'

/** What clients of a repository are told, by the version of Composer. */
export interface RepositoryMessage {
  id: number
  uid: string
  kind: 'warning' | 'info'
  message: string
  /** A constraint on the version of Composer. */
  versions: string
  createdAt: Instant
}

const COLUMNS = ['id', 'uid', 'kind', 'message', 'versions', 'created_at as createdAt'] as const

/** The messages of a repository, oldest first. */
export async function selectMessages(db: Db, organization: OrganizationId): Promise<RepositoryMessage[]> {
  return db.selectFrom('repository_messages').select(COLUMNS).where('organization_id', '=', organization).orderBy('id').execute()
}

/** Stores a message. */
export async function insertMessage(
  db: Db,
  organization: OrganizationId,
  message: Omit<RepositoryMessage, 'id'>,
): Promise<RepositoryMessage> {
  return db
    .insertInto('repository_messages')
    .values({
      uid: message.uid,
      organization_id: organization,
      kind: message.kind,
      message: message.message,
      versions: message.versions,
      created_at: message.createdAt,
    })
    .returning(COLUMNS)
    .executeTakeFirstOrThrow()
}

/** Deletes a message and returns it; null when there is none of that uid. */
export async function deleteMessage(db: Db, organization: OrganizationId, uid: string): Promise<RepositoryMessage | null> {
  const row = await db
    .deleteFrom('repository_messages')
    .where('organization_id', '=', organization)
    .where('uid', '=', uid)
    .returning(COLUMNS)
    .executeTakeFirst()
  return row ?? null
}
