import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import type { Random, Secrets } from '../../core/kernel/ports.ts'

const ALGORITHM = 'aes-256-gcm'
const PREFIX = 'v1.'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Seals texts with AES-256-GCM: `v1.` and the base64url of nonce, ciphertext and tag, with the context as authenticated
 * data. Every plain text that passes is registered with `redact`. Opening throws for another key, another context, a
 * changed text and an unknown version; the error says nothing of the content.
 *
 * Nonces are random, which is safe for 2^32 sealings with one key; the version lets a later scheme follow.
 */
export function createSecrets({
  key,
  random,
  redact,
}: {
  key: Uint8Array
  random: Random
  redact: (secret: string) => void
}): Secrets {
  if (key.length !== 32) throw new RangeError('The secret key must have 32 bytes.')
  // A key of its own, so that sealing and comparing never share one.
  const comparing = createHmac('sha256', key).update('repertoire fingerprints').digest()
  return {
    fingerprint: (secret) => createHmac('sha256', comparing).update(secret).digest('base64url'),
    encrypt(plain, context) {
      redact(plain)
      const nonce = random.bytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(context))
      const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return PREFIX + sealed.toString('base64url')
    },
    decrypt(sealed, context) {
      const plain = open({ key, sealed, context })
      redact(plain)
      return plain
    },
    redact,
  }
}

function open({ key, sealed, context }: { key: Uint8Array; sealed: string; context: string }): string {
  if (!sealed.startsWith(PREFIX)) throw new Error(`The sealed text for "${context}" has an unknown version.`)
  const bytes = Buffer.from(sealed.slice(PREFIX.length), 'base64url')
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error(`The sealed text for "${context}" is incomplete.`)
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8')
  } catch {
    throw new Error(
      `The sealed text for "${context}" cannot be opened: it was changed, or sealed with another key or for another place.`,
    )
  }
}
