import type { Db } from '../kernel/schema.ts'
import type { Instant, SessionId, UserId } from '../kernel/values.ts'

/** A browser in which a person is signed in. */
export interface Session {
  id: SessionId
  uid: string
  user: UserId
  /** What the browser calls itself, or null. */
  agent: string | null
  /** Where it was used last: an IPv4 address, or the /64 network of an IPv6 address. */
  address: string | null
  createdAt: Instant
  /** When it was used last, to a few minutes. */
  seenAt: Instant
  /** When the person last proved who they are in it. */
  confirmedAt: Instant
  /** When it ends however much it is used. */
  expiresAt: Instant
}

const COLUMNS = [
  'sessions.id',
  'sessions.uid',
  'sessions.user_id as user',
  'sessions.agent',
  'sessions.address',
  'sessions.created_at as createdAt',
  'sessions.seen_at as seenAt',
  'sessions.confirmed_at as confirmedAt',
  'sessions.expires_at as expiresAt',
] as const

/** Stores a session by the hash of its secret. */
export async function insertSession(db: Db, session: Omit<Session, 'id'>, secretHash: string): Promise<void> {
  await db
    .insertInto('sessions')
    .values({
      uid: session.uid,
      user_id: session.user,
      secret_hash: secretHash,
      agent: session.agent,
      address: session.address,
      created_at: session.createdAt,
      seen_at: session.seenAt,
      confirmed_at: session.confirmedAt,
      expires_at: session.expiresAt,
    })
    .execute()
}

/** A session with what its actor needs of the user. */
export interface FoundSession extends Session {
  isOperator: boolean
}

/** The session of an enabled user with that hash of its secret, also one that expired, or null. */
export async function findSessionByHash(db: Db, secretHash: string): Promise<FoundSession | null> {
  const row = await db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select([...COLUMNS, 'users.is_operator as isOperator'])
    .where('sessions.secret_hash', '=', secretHash)
    .where('users.disabled_at', 'is', null)
    .executeTakeFirst()
  return row === undefined ? null : { ...row, isOperator: row.isOperator === 1 }
}

/** The sessions of a user, the last used first. */
export async function selectSessions(db: Db, user: UserId): Promise<Session[]> {
  return db
    .selectFrom('sessions')
    .select(COLUMNS)
    .where('user_id', '=', user)
    .orderBy('seen_at', 'desc')
    .orderBy('id', 'desc')
    .execute()
}

/** When the person last proved who they are in a session; null when the session is gone. */
export async function findConfirmation(db: Db, id: SessionId): Promise<Instant | null> {
  const row = await db.selectFrom('sessions').select('confirmed_at').where('id', '=', id).executeTakeFirst()
  return row?.confirmed_at ?? null
}

/** Notes that the person proved who they are; false when the session ended meanwhile. */
export async function markConfirmed(db: Db, id: SessionId, at: Instant): Promise<boolean> {
  const result = await db.updateTable('sessions').set({ confirmed_at: at }).where('id', '=', id).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Moves the last use of a session forward, never back. */
export async function touchSessionRow(db: Db, id: SessionId, use: { at: Instant; address: string | null }): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ seen_at: use.at, address: use.address })
    .where('id', '=', id)
    .where('seen_at', '<', use.at)
    .execute()
}

/** Ends the session with that uid of a user; false when there is none. */
export async function deleteSession(db: Db, user: UserId, uid: string): Promise<boolean> {
  const result = await db.deleteFrom('sessions').where('user_id', '=', user).where('uid', '=', uid).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** Ends all sessions of a user but one; returns how many. */
export async function deleteSessions(db: Db, user: UserId, except: SessionId | null): Promise<number> {
  const all = db.deleteFrom('sessions').where('user_id', '=', user)
  const result = await (except === null ? all : all.where('id', '!=', except)).executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** Ends the oldest sessions of a user beyond the newest `kept`. */
export async function deleteOldestSessions(db: Db, user: UserId, kept: number): Promise<void> {
  await db
    .deleteFrom('sessions')
    .where('id', 'in', (select) =>
      select.selectFrom('sessions').select('id').where('user_id', '=', user).orderBy('id', 'desc').limit(1000).offset(kept),
    )
    .execute()
}

/** Deletes sessions that are over; returns how many. */
export async function deleteEndedSessions(db: Db, bounds: { now: Instant; seenBefore: Instant }): Promise<number> {
  const result = await db
    .deleteFrom('sessions')
    .where((where) => where.or([where('expires_at', '<=', bounds.now), where('seen_at', '<=', bounds.seenBefore)]))
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
