import type { Db, Flag } from '../kernel/schema.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Instant, UserId } from '../kernel/values.ts'

/** A person as other modules see one; the password hash stays in this module. */
export interface User {
  id: UserId
  uid: string
  email: string
  name: string
  isOperator: boolean
  /** When it was proved that the person reads mail at the address, or null. */
  emailVerifiedAt: Instant | null
  /** Since when the person may not sign in and none of their tokens works, or null. */
  disabledAt: Instant | null
  createdAt: Instant
}

/** A user to be stored. */
export interface NewUser {
  uid: string
  email: string
  name: string
  passwordHash: string | null
  isOperator: boolean
  emailVerifiedAt: Instant | null
  createdAt: Instant
}

const COLUMNS = [
  'users.id',
  'users.uid',
  'users.email',
  'users.name',
  'users.is_operator as isOperator',
  'users.email_verified_at as emailVerifiedAt',
  'users.disabled_at as disabledAt',
  'users.created_at as createdAt',
] as const

type Row = Omit<User, 'isOperator'> & { isOperator: 0 | 1 }

function toUser(row: Row): User {
  return { ...row, isOperator: row.isOperator === 1 }
}

/** Stores a user, or returns null when the e-mail address is taken. */
export async function insertUser(db: Db, user: NewUser): Promise<User | null> {
  const row = await db
    .insertInto('users')
    .values({
      uid: user.uid,
      email: user.email,
      name: user.name,
      password_hash: user.passwordHash,
      is_operator: user.isOperator ? 1 : 0,
      email_verified_at: user.emailVerifiedAt,
      created_at: user.createdAt,
    })
    .onConflict((conflict) => conflict.column('email').doNothing())
    .returning(COLUMNS)
    .executeTakeFirst()
  return row === undefined ? null : toUser(row)
}

/** The user with that id, or null. */
export async function findUser(db: Db, id: UserId): Promise<User | null> {
  const row = await db.selectFrom('users').select(COLUMNS).where('id', '=', id).executeTakeFirst()
  return row === undefined ? null : toUser(row)
}

/** The user with that uid, or null. */
export async function findUserByUid(db: Db, uid: string): Promise<User | null> {
  const row = await db.selectFrom('users').select(COLUMNS).where('uid', '=', uid).executeTakeFirst()
  return row === undefined ? null : toUser(row)
}

/** The user with that e-mail address, in its canonical form, or null. */
export async function findUserByEmail(db: Db, email: string): Promise<User | null> {
  const row = await db.selectFrom('users').select(COLUMNS).where('email', '=', email).executeTakeFirst()
  return row === undefined ? null : toUser(row)
}

/** The stored password hash of a user, or null without one. */
export async function findPasswordHash(db: Db, id: UserId): Promise<string | null> {
  const row = await db.selectFrom('users').select('password_hash').where('id', '=', id).executeTakeFirst()
  return row?.password_hash ?? null
}

/** Users in the order of their creation. */
export async function selectUsers(db: Db, page: Page): Promise<Paged<User>> {
  const rows = await db
    .selectFrom('users')
    .select(COLUMNS)
    .where('id', '>', (page.after ?? 0) as UserId)
    .orderBy('id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows.map(toUser), page.limit)
}

/** Replaces the password hash that the caller read; false when it was replaced meanwhile, or the user is disabled or gone. */
export async function replacePasswordHash(
  db: Db,
  id: UserId,
  { from, to }: { from: string | null; to: string },
): Promise<boolean> {
  const update = db.updateTable('users').set({ password_hash: to }).where('id', '=', id).where('disabled_at', 'is', null)
  const result = await (
    from === null ? update.where('password_hash', 'is', null) : update.where('password_hash', '=', from)
  ).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Gives a user another display name. */
export async function updateName(db: Db, id: UserId, name: string): Promise<void> {
  await db.updateTable('users').set({ name }).where('id', '=', id).execute()
}

/** Marks the address as verified if it is still the user's; false otherwise. */
export async function markVerified(db: Db, id: UserId, { email, at }: { email: string; at: Instant }): Promise<boolean> {
  const result = await db
    .updateTable('users')
    .set({ email_verified_at: at })
    .where('id', '=', id)
    .where('email', '=', email)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Changes the address to one that is proved to be the user's; false when another user has it. */
export async function updateEmail(db: Db, id: UserId, { email, at }: { email: string; at: Instant }): Promise<boolean> {
  const taken = await db.selectFrom('users').select('id').where('email', '=', email).where('id', '!=', id).executeTakeFirst()
  if (taken !== undefined) {
    return false
  }
  await db.updateTable('users').set({ email, email_verified_at: at }).where('id', '=', id).execute()
  return true
}

/** Disables a user, or enables one with null; false when it was so already. */
export async function setDisabledAt(db: Db, id: UserId, at: Instant | null): Promise<boolean> {
  const result = await db
    .updateTable('users')
    .set({ disabled_at: at })
    .where('id', '=', id)
    .where('disabled_at', at === null ? 'is not' : 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Makes a user an operator of the instance or takes that right away; false when it was so already. */
export async function setOperator(db: Db, id: UserId, flag: Flag): Promise<boolean> {
  const result = await db
    .updateTable('users')
    .set({ is_operator: flag })
    .where('id', '=', id)
    .where('is_operator', '!=', flag)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/**
 * Locks the row of an enabled user until the end of the transaction, so that whatever gives access is decided before or after a
 * change of the user, never beside it. False when the user is disabled or gone.
 */
export async function lockEnabledUser(db: Db, id: UserId): Promise<boolean> {
  const result = await db
    .updateTable('users')
    .set((set) => ({ uid: set.ref('uid') }))
    .where('id', '=', id)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Deletes a user with everything that belongs to nobody else: memberships, personal tokens, sessions, factors. */
export async function deleteUserRow(db: Db, id: UserId): Promise<boolean> {
  const result = await db.deleteFrom('users').where('id', '=', id).executeTakeFirst()
  return result.numDeletedRows > 0n
}
