import type { Tx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { Instant } from '../kernel/values.ts'
import { insertUser, type User } from './users.sql.ts'

const MAX_EMAIL = 254
const MAX_NAME = 255

/** A person to be created; the password is hashed already because hashing is slow. */
export interface CreateUser {
  email: string
  name: string
  passwordHash: string | null
  isOperator: boolean
  /** When it was proved that the person reads mail at the address; left out or null if it was not. */
  emailVerifiedAt?: Instant | null
}

/** The canonical form of an e-mail address (lower case). Throws `invalid_input` for what cannot be one. */
export function parseEmail(text: string): string {
  const email = text.trim().toLowerCase()
  if (email.length > MAX_EMAIL || !/^[^\s@<>"'\p{Cc}]+@[^\s@<>"'\p{Cc}]+$/u.test(email)) {
    throw invalidInput('email', 'this is not an e-mail address')
  }
  return email
}

/** As `parseEmail`, but null for what cannot be an address. */
export function canonicalEmail(text: string): string | null {
  try {
    return parseEmail(text)
  } catch {
    return null
  }
}

/** A display name. Throws `invalid_input` when it is empty, too long or has control characters. */
export function parseDisplayName(field: string, text: string): string {
  const name = text.trim()
  if (name === '' || name.length > MAX_NAME || /\p{Cc}/u.test(name)) {
    throw invalidInput(field, `give 1 to ${MAX_NAME} characters without control characters`)
  }
  return name
}

/** Stores a person inside the caller's transaction. Throws `email_taken`. */
export async function createUser(tx: Tx, input: CreateUser): Promise<User> {
  const user = await insertUser(tx.db, {
    ...input,
    emailVerifiedAt: input.emailVerifiedAt ?? null,
    uid: tx.newId(),
    createdAt: tx.now,
  })
  if (user === null) {
    throw new DomainError('email_taken')
  }
  await tx.record({ type: 'user.created', organization: null, user: user.id, email: user.email })
  return user
}
