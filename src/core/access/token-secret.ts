import { createHash } from 'node:crypto'
import type { Random } from '../kernel/ports.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const PREFIX = 'rpt_'
const RANDOM_LENGTH = 40
const CHECKSUM_LENGTH = 6
const HINT_TAIL = 4

/**
 * A new token secret: `rpt_` or the prefix of the dialect that issues it, 40 random base62 characters (238 bits) and a six-character CRC-32 of them, so that secret
 * scanners and people can tell a mistyped token from a revoked one without asking the database.
 */
export function mintTokenSecret(random: Random, prefix: string = PREFIX): string {
  const body = randomBase62(random, RANDOM_LENGTH)
  return prefix + body + checksum(body)
}

/** Whether a text has the form and the checksum of a token minted here. Other forms may still be valid tokens. */
export function hasTokenChecksum(secret: string): boolean {
  const body = secret.slice(PREFIX.length, PREFIX.length + RANDOM_LENGTH)
  return secret.startsWith(PREFIX) && body.length === RANDOM_LENGTH && secret === PREFIX + body + checksum(body)
}

/** What may be shown of a token for ever: its prefix and last four characters. */
export function tokenHint(secret: string): string {
  return `${secret.slice(0, secret.indexOf('_') + 1)}…${secret.slice(-HINT_TAIL)}`
}

/** The form in which a token is stored and looked up: lower-case hex SHA-256 of the whole secret. */
export function hashTokenSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Random letters and digits, each equally likely: bytes of 248 and above are thrown away because 256 is no multiple of 62. */
export function randomBase62(random: Random, length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of random.bytes(length)) {
      if (byte < 248 && text.length < length) {
        text += ALPHABET[byte % 62]
      }
    }
  }
  return text
}

function checksum(body: string): string {
  let value = Bun.hash.crc32(body)
  let text = ''
  for (let position = 0; position < CHECKSUM_LENGTH; position += 1) {
    text = ALPHABET[value % 62] + text
    value = Math.floor(value / 62)
  }
  return text
}
