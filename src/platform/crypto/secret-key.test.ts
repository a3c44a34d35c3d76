import { afterEach, beforeEach, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSeededRandom } from './random.ts'
import { keyFingerprint, loadOrCreateKey } from './secret-key.ts'

const KEY = createSeededRandom('key').bytes(32)

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'repertoire-key-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

test('the key comes from the environment as hexadecimal, base64 or base64url, and no file is made', () => {
  const buffer = Buffer.from(KEY)

  for (const text of [
    buffer.toString('hex'),
    ` ${buffer.toString('hex').toUpperCase()}\n`,
    buffer.toString('base64'),
    buffer.toString('base64url'),
  ]) {
    expect(loadOrCreateKey(directory, text)).toEqual({ key: KEY, origin: 'environment' })
  }
  expect(readdirSync(directory)).toEqual([])
})

test('a value of another form is refused with the form to use, and without the value', () => {
  for (const text of [
    'hunter2hunter2',
    'ab'.repeat(31),
    'ab'.repeat(33),
    Buffer.alloc(31).toString('base64'),
    `${'A'.repeat(42)}B`,
  ]) {
    expect(() => loadOrCreateKey(directory, text)).toThrow(
      'REPERTOIRE_SECRET_KEY must hold 32 random bytes as 64 hexadecimal digits or as base64',
    )
    expect(() => loadOrCreateKey(directory, text)).not.toThrow(text)
  }
})

test('without a value a file that only this user may read is created once and used from then on', () => {
  const data = join(directory, 'new', 'data')

  const created = loadOrCreateKey(data, '')
  const loaded = loadOrCreateKey(data, undefined)

  expect(created.origin).toBe('created')
  expect(loaded).toEqual({ key: created.key, origin: 'file' })
  expect(statSync(join(data, 'secret.key')).mode & 0o777).toBe(0o600)
  expect(readFileSync(join(data, 'secret.key'), 'utf8')).toBe(`${Buffer.from(created.key).toString('hex')}\n`)
  expect(readdirSync(data)).toEqual(['secret.key'])
})

test('a file that others may read is refused with the command that mends it', () => {
  loadOrCreateKey(directory, undefined)

  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(join(directory, 'secret.key'), mode)
    expect(() => loadOrCreateKey(directory, undefined)).toThrow(`Run "chmod 600 ${join(directory, 'secret.key')}"`)
  }
})

test('an empty or damaged file is refused and not replaced', () => {
  const path = join(directory, 'secret.key')

  for (const content of ['', 'abc\n']) {
    writeFileSync(path, content, { mode: 0o600 })
    expect(() => loadOrCreateKey(directory, undefined)).toThrow(`${path} must hold 32 random bytes`)
    expect(readFileSync(path, 'utf8')).toBe(content)
  }
})

test('of many processes that start at once one creates the key and all use it', async () => {
  const script = `
    const { loadOrCreateKey } = await import(${JSON.stringify(join(import.meta.dir, 'secret-key.ts'))})
    const { key, origin } = loadOrCreateKey(${JSON.stringify(join(directory, 'data'))}, undefined)
    process.stdout.write(origin + ' ' + Buffer.from(key).toString('hex'))`

  const outputs = await Promise.all(
    Array.from({ length: 8 }, () =>
      new Response(Bun.spawn([process.execPath, '-e', script], { stderr: 'inherit' }).stdout).text(),
    ),
  )

  expect(outputs.filter((output) => output.startsWith('created '))).toHaveLength(1)
  expect(new Set(outputs.map((output) => output.split(' ')[1])).size).toBe(1)
  expect(readdirSync(join(directory, 'data'))).toEqual(['secret.key'])
})

test('the fingerprint names the key without containing it', () => {
  const fingerprint = keyFingerprint(KEY)

  expect(fingerprint).toMatch(/^[0-9a-f]{16}$/)
  expect(fingerprint).toBe(keyFingerprint(KEY))
  expect(fingerprint).not.toBe(keyFingerprint(createSeededRandom('other').bytes(32)))
  expect(Buffer.from(KEY).toString('hex')).not.toContain(fingerprint)
})
