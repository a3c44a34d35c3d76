import { expect, test } from 'bun:test'
import { remember } from './remember.ts'

test('a result is computed once, kept also when it is null, and forgotten when newer ones need the room', () => {
  const computed: string[] = []
  const lookUp = remember(2, (text) => {
    computed.push(text)
    return text === 'none' ? null : text.length
  })

  for (const text of ['none', 'none', 'a', 'b', 'a', 'none', '__proto__']) lookUp(text)

  expect(computed).toEqual(['none', 'a', 'b', 'none', '__proto__'])
})

test('long texts are not kept', () => {
  let count = 0
  const lookUp = remember(10, () => ++count)
  const long = 'x'.repeat(1000)

  expect([lookUp(long), lookUp(long)]).toEqual([1, 2])
})
