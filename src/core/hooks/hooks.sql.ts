import type { Db } from '../kernel/schema.ts'
import type { Instant, SourceId } from '../kernel/values.ts'

/** The hook of a source as it is stored; secrets are sealed. */
export interface HookRow {
  uid: string
  secret: string
  previousSecret: string | null
  previousUntil: Instant | null
  createdAt: Instant
  rotatedAt: Instant | null
}

/** The hook of a source, or null. */
export async function findHookRow(db: Db, source: SourceId): Promise<HookRow | null> {
  const row = await db
    .selectFrom('hooks')
    .select([
      'uid',
      'secret',
      'previous_secret as previousSecret',
      'previous_until as previousUntil',
      'created_at as createdAt',
      'rotated_at as rotatedAt',
    ])
    .where('source_id', '=', source)
    .executeTakeFirst()
  return row ?? null
}

/** Stores the hook of a source that has none. */
export async function insertHook(
  db: Db,
  input: { uid: string; source: SourceId; secret: string; createdAt: Instant },
): Promise<void> {
  await db
    .insertInto('hooks')
    .values({ uid: input.uid, source_id: input.source, secret: input.secret, created_at: input.createdAt })
    .execute()
}

/** Replaces the secret of a hook; the one it had stays valid until `previousUntil`. False when the hook is gone. */
export async function replaceSecret(
  db: Db,
  input: { uid: string; secret: string; previousUntil: Instant; at: Instant },
): Promise<boolean> {
  const result = await db
    .updateTable('hooks')
    .set((eb) => ({
      secret: input.secret,
      previous_secret: eb.ref('secret'),
      previous_until: input.previousUntil,
      rotated_at: input.at,
    }))
    .where('uid', '=', input.uid)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}
