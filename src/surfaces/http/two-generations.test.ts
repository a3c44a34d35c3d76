import { expect, test } from 'bun:test'
import { TwoGenerations } from './two-generations.ts'

function create(limit: { count: number; bytes: number }) {
  return new TwoGenerations<string>(limit, (value) => value.length)
}

test('a value is found until twice as many others were put', () => {
  const memory = create({ count: 3, bytes: 1_000 })
  memory.put('a', '1')
  for (const key of ['b', 'c', 'd', 'e', 'f']) {
    memory.put(key, '1')
  }
  expect(memory.find('a')).toBe('1')

  for (const key of ['g', 'h', 'i', 'j', 'k', 'l', 'm']) {
    memory.put(key, '1')
  }

  expect(memory.find('a')).toBeUndefined()
})

test('a value that is in use stays', () => {
  const memory = create({ count: 3, bytes: 1_000 })
  memory.put('kept', '1')
  for (let number = 0; number < 100; number += 1) {
    memory.put(`other ${number}`, '1')
    expect(memory.find('kept')).toBe('1')
  }
})

test('keys and values together stay within twice the bytes of a generation', () => {
  const memory = create({ count: 1_000, bytes: 500 })
  for (let number = 0; number < 1_000; number += 1) {
    memory.put(`${number}`.padStart(100, 'k'), 'v'.repeat(number % 50))
    expect(memory.bytes).toBeLessThanOrEqual(1_000)
  }
})

test('a value too large for a generation is not kept', () => {
  const memory = create({ count: 10, bytes: 100 })
  memory.put('k'.repeat(101), '')

  expect(memory.find('k'.repeat(101))).toBeUndefined()
  expect(memory.bytes).toBe(0)
})

test('a replaced value gives its bytes back, and clear forgets everything', () => {
  const memory = create({ count: 10, bytes: 1_000 })
  memory.put('a', 'x'.repeat(500))
  memory.put('a', 'x')
  expect(memory.bytes).toBe(2)

  memory.clear()

  expect(memory.find('a')).toBeUndefined()
  expect(memory.bytes).toBe(0)
})
