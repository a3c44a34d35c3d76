import type { Db, HookRegistrationsTable } from '../kernel/schema.ts'
import type { HookRegistrationId, Instant, SourceId } from '../kernel/values.ts'

/** A hook that the registry made, or is to make, at a Git host. */
export interface HookRegistration {
  id: HookRegistrationId
  source: SourceId | null
  provider: HookRegistrationsTable['provider']
  apiUrl: string
  project: string
  state: HookRegistrationsTable['state']
  remoteId: string | null
  problem: string | null
  /** JSON of a sealed credential, once the source is gone. */
  credential: string | null
  updatedAt: Instant
}

const COLUMNS = [
  'id',
  'source_id as source',
  'provider',
  'api_url as apiUrl',
  'project',
  'state',
  'remote_id as remoteId',
  'problem',
  'credential',
  'updated_at as updatedAt',
] as const

/** The registration of a source's hook, or null. */
export async function findRegistrationOf(db: Db, source: SourceId): Promise<HookRegistration | null> {
  return (await db.selectFrom('hook_registrations').select(COLUMNS).where('source_id', '=', source).executeTakeFirst()) ?? null
}

/** The registration with that id, or null. */
export async function findRegistration(db: Db, id: HookRegistrationId): Promise<HookRegistration | null> {
  return (await db.selectFrom('hook_registrations').select(COLUMNS).where('id', '=', id).executeTakeFirst()) ?? null
}

/** Notes that a source's hook is to be made; what is known of an earlier one stays until it is replaced. */
export async function putRegistration(
  db: Db,
  input: { source: SourceId; provider: HookRegistration['provider']; apiUrl: string; project: string; at: Instant },
): Promise<void> {
  const place = { provider: input.provider, api_url: input.apiUrl, project: input.project }
  const waiting = { ...place, state: 'waiting' as const, problem: null, updated_at: input.at }
  await db
    .insertInto('hook_registrations')
    .values({ ...waiting, source_id: input.source, remote_id: null, credential: null })
    .onConflict((conflict) => conflict.column('source_id').doUpdateSet(waiting))
    .execute()
}

/** Writes what came of a try. False when the registration is gone. */
export async function recordRegistration(
  db: Db,
  id: HookRegistrationId,
  outcome: { state: 'registered' | 'failed'; remoteId: string | null; problem: string | null; at: Instant },
): Promise<boolean> {
  const result = await db
    .updateTable('hook_registrations')
    .set({ state: outcome.state, remote_id: outcome.remoteId, problem: outcome.problem, updated_at: outcome.at })
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Parts a registration from its source, with the credential that is needed to delete the hook. */
export async function detachRegistration(db: Db, id: HookRegistrationId, credential: string | null): Promise<void> {
  await db.updateTable('hook_registrations').set({ source_id: null, credential }).where('id', '=', id).execute()
}

/** Forgets a registration. */
export async function deleteRegistration(db: Db, id: HookRegistrationId): Promise<void> {
  await db.deleteFrom('hook_registrations').where('id', '=', id).execute()
}
