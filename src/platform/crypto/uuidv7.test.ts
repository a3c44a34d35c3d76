import { expect, test } from 'bun:test'
import { createSeededRandom, systemRandom } from './random.ts'
import { createUuidv7 } from './uuidv7.ts'

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('ids have the form of a UUIDv7 and begin with their time', () => {
  const uuid = createUuidv7(systemRandom)(0x0123456789ab)

  expect(uuid).toMatch(FORM)
  expect(uuid).toStartWith('01234567-89ab-7')
})

test('ids ascend within a millisecond, also when there are more than the counter can tell apart', () => {
  const next = createUuidv7(createSeededRandom('ids'))

  const ids = Array.from({ length: 10_000 }, () => next(1_700_000_000_000))

  expect(ids).toEqual(ids.toSorted())
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.every((id) => FORM.test(id))).toBe(true)
})

test('ids ascend when the time goes back', () => {
  const next = createUuidv7(createSeededRandom('ids'))

  const ids = [next(2000), next(1000), next(1999), next(2001)]

  expect(ids).toEqual(ids.toSorted())
})

test('the same seed gives the same bytes however they are asked for, and another seed gives others', () => {
  const whole = createSeededRandom(1).bytes(100)
  const pieces = createSeededRandom(1)

  expect(Buffer.concat([pieces.bytes(1), pieces.bytes(0), pieces.bytes(64), pieces.bytes(35)])).toEqual(Buffer.from(whole))
  expect(createSeededRandom(2).bytes(100)).not.toEqual(whole)
  expect(systemRandom.bytes(16)).not.toEqual(systemRandom.bytes(16))
})
