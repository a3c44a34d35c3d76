import { expect, test } from 'bun:test'
import { createSeededRandom } from './random.ts'
import { createSecrets } from './secrets.ts'

const KEY = createSeededRandom('key').bytes(32)
const OTHER_KEY = createSeededRandom('other key').bytes(32)

test('a sealed text opens with its key and its context, and never shows the plain text', () => {
  const { secrets } = create(KEY)

  for (const plain of ['hunter2 with ünïcode', '', 'x'.repeat(100_000)]) {
    const sealed = secrets.encrypt(plain, 'credential:1')
    expect(sealed).toMatch(/^v1\.[\w-]+$/)
    expect(sealed).not.toContain('hunter2')
    expect(secrets.decrypt(sealed, 'credential:1')).toBe(plain)
  }
})

test('sealing the same text twice gives different texts', () => {
  const { secrets } = create(KEY)

  expect(secrets.encrypt('same', 'c')).not.toBe(secrets.encrypt('same', 'c'))
})

test('another key, another context, a changed text and an unknown version do not open it', () => {
  const { secrets } = create(KEY)
  const sealed = secrets.encrypt('hunter2', 'credential:1')
  const changed = sealed.slice(0, -3) + (sealed.at(-3) === 'A' ? 'B' : 'A') + sealed.slice(-2)

  expect(() => create(OTHER_KEY).secrets.decrypt(sealed, 'credential:1')).toThrow('another key')
  expect(() => secrets.decrypt(sealed, 'credential:2')).toThrow('another place')
  expect(() => secrets.decrypt(changed, 'credential:1')).toThrow('was changed')
  expect(() => secrets.decrypt(sealed.slice(0, 20), 'credential:1')).toThrow('incomplete')
  expect(() => secrets.decrypt(sealed.replace('v1.', 'v2.'), 'credential:1')).toThrow('unknown version')
})

test('plain texts are registered for redaction when they are sealed and when they are opened', () => {
  const { secrets, redacted } = create(KEY)
  const sealed = secrets.encrypt('hunter2', 'c')
  redacted.length = 0

  secrets.decrypt(sealed, 'c')

  expect(redacted).toEqual(['hunter2'])
})

test('a key of another length is refused', () => {
  expect(() => create(new Uint8Array(16))).toThrow('32 bytes')
})

function create(key: Uint8Array) {
  const redacted: string[] = []
  const secrets = createSecrets({ key, random: createSeededRandom('nonces'), redact: (secret) => void redacted.push(secret) })
  return { secrets, redacted }
}
