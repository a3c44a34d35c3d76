import type { Tx } from '../kernel/ctx.ts'
import { findCredentialRow } from './credentials.sql.ts'
import { deleteRegistration, detachRegistration, findRegistrationOf } from './hook-registrations.sql.ts'
import type { Source } from './sources.sql.ts'

/** Tries to delete a hook at its host; afterwards it is left there, and its deliveries are answered with 404. */
const UNREGISTER_ATTEMPTS = 3

/**
 * Has the hook that the registry made at a source's host deleted there by a job, which gets the sealed credential because the source may be gone
 * when it runs. Part of the caller's transaction; false when none was asked for.
 */
export async function detachHook(tx: Tx, source: Source): Promise<boolean> {
  const registration = await findRegistrationOf(tx.db, source.id)
  if (registration === null) {
    return false
  }
  const credential = source.credential === null ? null : await findCredentialRow(tx.db, source.credential)
  if (registration.remoteId === null || credential === null) {
    await deleteRegistration(tx.db, registration.id)
    return true
  }
  const { uid, kind, origin, username, secret } = credential
  await detachRegistration(tx.db, registration.id, JSON.stringify({ uid, kind, origin, username, secret }))
  await tx.enqueue({
    kind: 'hook.unregister',
    payload: { registration: registration.id },
    organization: null,
    dedupeKey: `hook.unregister:${registration.id}`,
    lane: 'background',
    maxAttempts: UNREGISTER_ATTEMPTS,
  })
  return true
}
