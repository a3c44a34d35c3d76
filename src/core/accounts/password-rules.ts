import { invalidInput } from '../kernel/errors.ts'
import { COMMON_PASSWORDS } from './common-passwords.ts'

const MIN_PASSWORD = 10
/** argon2id takes any length; the bound keeps a request from buying minutes of hashing. */
const MAX_PASSWORD = 1024
const PRODUCT = 'repertoire'

/** Whether a text is short enough to be hashed at all. */
export function isHashable(password: string): boolean {
  return password.length <= MAX_PASSWORD
}

/**
 * Refuses passwords that are shorter than 10 or longer than 1,024 characters, that everybody tries first, or that are the person's own name or
 * address or the product's name, also with digits and signs around them. Throws `invalid_input`.
 */
export function requireAcceptablePassword(password: string, person: { email: string; name: string } | null = null): void {
  if (password.length < MIN_PASSWORD || password.length > MAX_PASSWORD) {
    throw invalidInput('password', `give ${MIN_PASSWORD} to ${MAX_PASSWORD} characters`)
  }
  const plain = toPlain(password)
  if (COMMON_PASSWORDS.has(plain) || isMonotonous(plain)) {
    throw invalidInput('password', 'this is one of the passwords that are tried first')
  }
  const own = person === null ? [] : [person.email, person.email.split('@')[0] ?? '', person.name]
  const core = toCore(plain)
  if (core === '' ? false : [PRODUCT, ...own].some((word) => toCore(toPlain(word)) === core)) {
    throw invalidInput('password', 'choose something else than your name, your address or the name of this product')
  }
}

function toPlain(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, '')
}

/** Without the digits and signs that people put before or after a word. */
function toCore(text: string): string {
  return text.replaceAll(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
}

/** One or two characters over and over, or a run such as 1234567890 or abcdefghij. */
function isMonotonous(text: string): boolean {
  if (new Set(text).size <= 2) {
    return true
  }
  const codes = Array.from(text, (character) => character.codePointAt(0) ?? 0)
  return [1, -1].some((step) => codes.every((code, index) => index === 0 || code - (codes[index - 1] ?? 0) === step))
}
