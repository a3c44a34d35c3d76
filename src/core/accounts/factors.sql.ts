import type { Db } from '../kernel/schema.ts'
import type { Instant, PasskeyId, UserId } from '../kernel/values.ts'

/** The key of a user's authenticator app; `secret` is encrypted. */
export interface TotpSecret {
  secret: string
  lastStep: number
  createdAt: Instant
}

/** The authenticator app of a user, or null. */
export async function findTotp(db: Db, user: UserId): Promise<TotpSecret | null> {
  const row = await db
    .selectFrom('totp_secrets')
    .select(['secret', 'last_step as lastStep', 'created_at as createdAt'])
    .where('user_id', '=', user)
    .executeTakeFirst()
  return row ?? null
}

/** Stores the authenticator app of a user; false when there is one. */
export async function insertTotp(db: Db, user: UserId, totp: TotpSecret): Promise<boolean> {
  const row = await db
    .insertInto('totp_secrets')
    .values({ user_id: user, secret: totp.secret, last_step: totp.lastStep, created_at: totp.createdAt })
    .onConflict((conflict) => conflict.doNothing())
    .returning('user_id')
    .executeTakeFirst()
  return row !== undefined
}

/** Uses up the code of a time step and those before; of several who try at once exactly one gets true. */
export async function useTotpStep(db: Db, user: UserId, step: number): Promise<boolean> {
  const result = await db
    .updateTable('totp_secrets')
    .set({ last_step: step })
    .where('user_id', '=', user)
    .where('last_step', '<', step)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Removes the authenticator app; false when there is none. */
export async function deleteTotp(db: Db, user: UserId): Promise<boolean> {
  const result = await db.deleteFrom('totp_secrets').where('user_id', '=', user).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** How many recovery codes a user has left. */
export async function countRecoveryCodes(db: Db, user: UserId): Promise<number> {
  const row = await db
    .selectFrom('recovery_codes')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('user_id', '=', user)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Replaces the recovery codes of a user; none at all with an empty list. */
export async function replaceRecoveryCodes(db: Db, user: UserId, hashes: readonly string[]): Promise<void> {
  await db.deleteFrom('recovery_codes').where('user_id', '=', user).execute()
  if (hashes.length > 0) {
    await db
      .insertInto('recovery_codes')
      .values(hashes.map((hash) => ({ user_id: user, code_hash: hash })))
      .execute()
  }
}

/** Uses a recovery code up; of several who try at once exactly one gets true. */
export async function useRecoveryCode(db: Db, user: UserId, hash: string): Promise<boolean> {
  const result = await db
    .deleteFrom('recovery_codes')
    .where('user_id', '=', user)
    .where('code_hash', '=', hash)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** A passkey of a user. */
export interface Passkey {
  id: PasskeyId
  uid: string
  user: UserId
  /** As authenticators know it, base64url. */
  credentialId: string
  /** COSE key, base64url. */
  publicKey: string
  counter: number
  transports: string[]
  name: string
  createdAt: Instant
  lastUsedAt: Instant | null
}

const PASSKEY_COLUMNS = [
  'id',
  'uid',
  'user_id as user',
  'credential_id as credentialId',
  'public_key as publicKey',
  'counter',
  'transports',
  'name',
  'created_at as createdAt',
  'last_used_at as lastUsedAt',
] as const

function toPasskey(row: Omit<Passkey, 'transports'> & { transports: string }): Passkey {
  return { ...row, transports: JSON.parse(row.transports) as string[] }
}

/** Stores a passkey; false when the credential is registered already, by whomever. */
export async function insertPasskey(db: Db, passkey: Omit<Passkey, 'id'>): Promise<boolean> {
  const row = await db
    .insertInto('passkeys')
    .values({
      uid: passkey.uid,
      user_id: passkey.user,
      credential_id: passkey.credentialId,
      public_key: passkey.publicKey,
      counter: passkey.counter,
      transports: JSON.stringify(passkey.transports),
      name: passkey.name,
      created_at: passkey.createdAt,
      last_used_at: passkey.lastUsedAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** The passkeys of a user in the order of their creation. */
export async function selectPasskeys(db: Db, user: UserId): Promise<Passkey[]> {
  const rows = await db.selectFrom('passkeys').select(PASSKEY_COLUMNS).where('user_id', '=', user).orderBy('id').execute()
  return rows.map(toPasskey)
}

/** The passkey with that credential, or null. */
export async function findPasskey(db: Db, credentialId: string): Promise<Passkey | null> {
  const row = await db.selectFrom('passkeys').select(PASSKEY_COLUMNS).where('credential_id', '=', credentialId).executeTakeFirst()
  return row === undefined ? null : toPasskey(row)
}

/** Moves the counter from what the caller read; false when somebody else used the passkey meanwhile, or it was removed. */
export async function usePasskey(db: Db, id: PasskeyId, use: { from: number; to: number; at: Instant }): Promise<boolean> {
  const result = await db
    .updateTable('passkeys')
    .set({ counter: use.to, last_used_at: use.at })
    .where('id', '=', id)
    .where('counter', '=', use.from)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Removes a passkey of a user. Returns its name, or null when there is none. */
export async function deletePasskey(db: Db, user: UserId, uid: string): Promise<string | null> {
  const row = await db
    .deleteFrom('passkeys')
    .where('user_id', '=', user)
    .where('uid', '=', uid)
    .returning('name')
    .executeTakeFirst()
  return row?.name ?? null
}

/** Removes every second factor of a user; returns how many there were. Recovery codes go too and do not count. */
export async function deleteFactors(db: Db, user: UserId): Promise<number> {
  const totp = await deleteTotp(db, user)
  const passkeys = await db.deleteFrom('passkeys').where('user_id', '=', user).executeTakeFirst()
  await replaceRecoveryCodes(db, user, [])
  return Number(passkeys.numDeletedRows) + (totp ? 1 : 0)
}
