import type { Tx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { insertUser, type User } from './users.sql.ts'

const MAX_EMAIL = 254
const MAX_NAME = 200
const MIN_PASSWORD = 10
/** argon2id takes any length; the bound keeps a request from buying minutes of hashing. */
const MAX_PASSWORD = 1024

/** A person to be created; the password is hashed already because hashing is slow. */
export interface CreateUser {
  email: string
  name: string
  passwordHash: string | null
  isOperator: boolean
}

/** The canonical form of an e-mail address (lower case). Throws `invalid_input` for what cannot be one. */
export function parseEmail(text: string): string {
  const email = text.trim().toLowerCase()
  if (email.length > MAX_EMAIL || !/^[^\s@<>"'\p{Cc}]+@[^\s@<>"'\p{Cc}]+$/u.test(email)) {
    throw invalidInput('email', 'this is not an e-mail address')
  }
  return email
}

/** A display name. Throws `invalid_input` when it is empty, too long or has control characters. */
export function parseDisplayName(field: string, text: string): string {
  const name = text.trim()
  if (name === '' || name.length > MAX_NAME || /\p{Cc}/u.test(name)) {
    throw invalidInput(field, `give 1 to ${MAX_NAME} characters without control characters`)
  }
  return name
}

/** Refuses passwords that are too short or too long. Throws `invalid_input`. */
export function requireAcceptablePassword(password: string): void {
  if (password.length < MIN_PASSWORD || password.length > MAX_PASSWORD) {
    throw invalidInput('password', `give ${MIN_PASSWORD} to ${MAX_PASSWORD} characters`)
  }
}

/** Stores a person inside the caller's transaction. Throws `email_taken`. */
export async function createUser(tx: Tx, input: CreateUser): Promise<User> {
  const user = await insertUser(tx.db, { ...input, uid: tx.newId(), createdAt: tx.now })
  if (user === null) {
    throw new DomainError('email_taken')
  }
  await tx.record({ type: 'user.created', organization: null, user: user.id, email: user.email })
  return user
}
