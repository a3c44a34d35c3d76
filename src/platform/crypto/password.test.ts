import { expect, test } from 'bun:test'
import { hashPassword, isOutdatedHash, verifyPassword } from './password.ts'

test('a password matches its own hash only, and each hash has its own salt', async () => {
  const hash = await hashPassword('correct horse')

  expect(hash).toStartWith('$argon2id$')
  expect(hash).not.toBe(await hashPassword('correct horse'))
  expect(await verifyPassword('correct horse', hash)).toBe(true)
  expect(await verifyPassword('correct house', hash)).toBe(false)
})

test('the same characters in another composition are the same password', async () => {
  expect(await verifyPassword('pa\u0308ssword', await hashPassword('p\u00e4ssword'))).toBe(true)
})

test('nothing matches when there is no hash, a damaged hash or an empty password', async () => {
  expect(await verifyPassword('secret', null)).toBe(false)
  expect(await verifyPassword('secret', '$argon2id$broken')).toBe(false)
  expect(await verifyPassword('', await hashPassword('secret'))).toBe(false)
  expect(await verifyPassword('', await hashPassword('\0'))).toBe(false)
})

test('a hash with weaker parameters, or of another kind, is outdated', async () => {
  expect(isOutdatedHash(await hashPassword('correct horse'))).toBe(false)
  expect(isOutdatedHash(await Bun.password.hash('x', { algorithm: 'argon2id', memoryCost: 8192, timeCost: 2 }))).toBe(true)
  expect(isOutdatedHash(await Bun.password.hash('x', { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 1 }))).toBe(true)
  expect(isOutdatedHash(await Bun.password.hash('x', { algorithm: 'bcrypt', cost: 4 }))).toBe(true)
})

test('an empty password is not hashed', async () => {
  await expect(hashPassword('')).rejects.toThrow()
})
