import type { Db } from '../kernel/schema.ts'
import type { Instant, UserId } from '../kernel/values.ts'

/** A person as other modules see one; the password hash stays in this module. */
export interface User {
  id: UserId
  uid: string
  email: string
  name: string
  isOperator: boolean
  createdAt: Instant
}

/** A user to be stored. */
export interface NewUser {
  uid: string
  email: string
  name: string
  passwordHash: string | null
  isOperator: boolean
  createdAt: Instant
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
      created_at: user.createdAt,
    })
    .onConflict((conflict) => conflict.column('email').doNothing())
    .returning('id')
    .executeTakeFirst()
  if (row === undefined) {
    return null
  }
  const { passwordHash: _, ...rest } = user
  return { id: row.id, ...rest }
}
