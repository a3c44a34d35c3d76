/**
 * Secrets that people carry: session cookies, links in mails, and states of a dialogue. Session secrets and links have 256 random bits and are stored
 * as hashes alone. A state is handed to the browser and comes back; it is authenticated with the instance's key, so that whoever asks for
 * a challenge without being signed in makes nothing grow in the database.
 */
import { createHash } from 'node:crypto'
import type { Random, Secrets } from '../kernel/ports.ts'
import type { Instant } from '../kernel/values.ts'

const SECRET_BYTES = 32
const SECRET_FORM = /^[A-Za-z0-9_-]{43}$/
/** What is sealed says nothing; the state itself is the authenticated context. */
const SEALED = '1'
const MAX_STATE = 2048

/** A new secret of 256 bits, base64url. */
export function mintSecret(random: Random): string {
  return Buffer.from(random.bytes(SECRET_BYTES)).toString('base64url')
}

/** Whether a text has the form of such a secret. */
export function isSecretForm(text: string): boolean {
  return SECRET_FORM.test(text)
}

/** The form in which secrets are stored and looked up: lower-case hex SHA-256. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** What a state says. It is readable by whoever holds it. */
export interface State {
  purpose: string
  /** The uid of the user whom it is about; null before anybody is known. */
  user: string | null
  value: string
  expiresAt: Instant
}

/** A state as a text that only this installation can make. */
export function writeState(secrets: Secrets, state: State): string {
  const content = Buffer.from(JSON.stringify(state)).toString('base64url')
  return `${content}.${secrets.encrypt(SEALED, `state:${content}`)}`
}

/** The value of a state, or null when it was not made here, has expired, or is about something or somebody else. */
export function readState(
  secrets: Secrets,
  text: string,
  expected: { purpose: string; user: string | null; now: Instant },
): { value: string; expiresAt: Instant } | null {
  const dot = text.indexOf('.')
  if (text.length > MAX_STATE || dot < 0 || !isAuthentic(secrets, text.slice(0, dot), text.slice(dot + 1))) {
    return null
  }
  const state = JSON.parse(Buffer.from(text.slice(0, dot), 'base64url').toString('utf8')) as State
  const isExpected = state.purpose === expected.purpose && state.user === expected.user && state.expiresAt > expected.now
  return isExpected ? state : null
}

function isAuthentic(secrets: Secrets, content: string, sealed: string): boolean {
  try {
    return secrets.decrypt(sealed, `state:${content}`) === SEALED
  } catch {
    return false
  }
}
