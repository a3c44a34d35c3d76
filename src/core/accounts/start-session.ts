import { addressGroup } from '../kernel/address-group.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { UserId } from '../kernel/values.ts'
import { hashSecret, mintSecret } from './account-secret.ts'
import { deleteOldestSessions, insertSession } from './sessions.sql.ts'

const DAY = 24 * 60 * 60 * 1000
/** A session that is not used for so long has ended, in milliseconds. */
export const IDLE_FOR = 14 * DAY
/** A session ends so long after sign-in however much it is used, in milliseconds. */
export const LASTS_FOR = 90 * DAY
const SESSIONS_KEPT = 50

/** A session to be started: minted before the transaction because a transaction has no randomness. */
export interface NewSession {
  secret: string
  agent: string | null
  address: string | null
}

/** Mints the secret of a session for the browser that calls. */
export function prepareSession(ctx: Ctx): NewSession {
  const { agent, address } = ctx.origin
  return { secret: mintSecret(ctx.random), agent, address: address === null ? null : addressGroup(address) }
}

/** Starts the session in the caller's transaction, which holds the user's row. Of more than 50 sessions the oldest end. */
export async function startSession(tx: Tx, user: UserId, session: NewSession): Promise<void> {
  await insertSession(
    tx.db,
    {
      uid: tx.newId(),
      user,
      agent: session.agent,
      address: session.address,
      createdAt: tx.now,
      seenAt: tx.now,
      confirmedAt: tx.now,
      expiresAt: tx.now + LASTS_FOR,
    },
    hashSecret(session.secret),
  )
  await deleteOldestSessions(tx.db, user, SESSIONS_KEPT)
}
