import { createHmac } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../core/kernel/ports.ts'
import { systemRandom } from './random.ts'

const KEY_BYTES = 32
const KEY_FILE = 'secret.key'
const ENVIRONMENT_NAME = 'REPERTOIRE_SECRET_KEY'

/** The instance's key and where it came from; `created` when this call made it. */
export interface SecretKey {
  key: Uint8Array
  origin: 'environment' | 'file' | 'created'
}

/**
 * The key that seals recoverable secrets (domain ruling 10): the value of REPERTOIRE_SECRET_KEY when it is set, else the
 * file `secret.key` in the data directory, which is created with mode 0600 when it is absent. Of any number of processes
 * that start at once, one creates the file and all use it; a crash leaves the whole file or none. Throws an error that an
 * operator can act on when the key has a wrong form, or others on the machine may read the file.
 */
export function loadOrCreateKey(dataDirectory: string, envValue: string | undefined, random: Random = systemRandom): SecretKey {
  if (envValue !== undefined && envValue.trim() !== '')
    return { key: parseKey(envValue, ENVIRONMENT_NAME), origin: 'environment' }
  const path = join(dataDirectory, KEY_FILE)
  const existing = readKeyFile(path)
  if (existing !== null) return { key: existing, origin: 'file' }
  const created = createKeyFile(dataDirectory, random)
  const key = readKeyFile(path)
  if (key === null) throw new Error(`${path} vanished while it was created.`)
  return { key, origin: created ? 'created' : 'file' }
}

/**
 * A short name of a key (16 hexadecimal digits) from which the key cannot be found. Kept with the data, it tells a wrong
 * key at the start instead of at the first secret.
 */
export function keyFingerprint(key: Uint8Array): string {
  return createHmac('sha256', key).update('repertoire secret key fingerprint').digest('hex').slice(0, 16)
}

/** A key from its text of 64 hexadecimal digits or base64. Throws an error that names `where` it is from. */
export function parseKey(text: string, where: string): Uint8Array {
  const value = text.trim()
  if (/^[0-9a-f]{64}$/i.test(value)) return new Uint8Array(Buffer.from(value, 'hex'))
  // 43 digits of base64 are 32 bytes and two bits, which must be zero in a proper encoding.
  if (/^[\w+/-]{42}[AEIMQUYcgkosw048]=?$/.test(value)) return new Uint8Array(Buffer.from(value, 'base64'))
  throw new Error(
    `${where} must hold ${KEY_BYTES} random bytes as 64 hexadecimal digits or as base64 (for example the output of "openssl rand -hex 32").`,
  )
}

function readKeyFile(path: string): Uint8Array | null {
  const file = openIfPresent(path)
  if (file === null) return null
  try {
    const mode = fstatSync(file).mode & 0o777
    if ((mode & 0o077) !== 0) {
      throw new Error(
        `${path} has mode ${mode.toString(8).padStart(4, '0')} and may be read or changed by other users. Run "chmod 600 ${path}", ` +
          `or pass the key as ${ENVIRONMENT_NAME}.`,
      )
    }
    return parseKey(readFileSync(file, 'utf8'), path)
  } finally {
    closeSync(file)
  }
}

function openIfPresent(path: string): number | null {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return null
    throw error
  }
}

/** Returns whether this process made the file. A finished file gets its name by `link`, which never replaces another one. */
function createKeyFile(directory: string, random: Random): boolean {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const temporary = join(directory, `.${KEY_FILE}.${Buffer.from(random.bytes(8)).toString('hex')}`)
  writeDurably(temporary, `${Buffer.from(random.bytes(KEY_BYTES)).toString('hex')}\n`)
  try {
    linkSync(temporary, join(directory, KEY_FILE))
    return true
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false
    throw error
  } finally {
    unlinkSync(temporary)
    syncDirectory(directory)
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
