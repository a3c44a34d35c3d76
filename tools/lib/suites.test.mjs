import { describe, expect, test } from 'bun:test'
import { deal, filesOf, stages } from './suites.mjs'

describe('files of a stage', () => {
  test('are dealt into as many runs as are wanted, each once, none empty', () => {
    expect(deal(['a', 'b', 'c', 'd', 'e'], 2)).toEqual([
      ['a', 'c', 'e'],
      ['b', 'd'],
    ])
    expect(deal(['a', 'b'], 6)).toEqual([['a'], ['b']])
    expect(deal([], 6)).toEqual([[]])
  })

  test('are those below its folders, and not below folders that only begin alike', () => {
    const [fast] = stages
    const found =
      fast === undefined ? [] : filesOf(fast, ['src/a.test.ts', 'srcs/a.test.ts', 'test/kit/a.test.ts', 'test/kits/a.test.ts'])

    expect(found).toEqual(['src/a.test.ts', 'test/kit/a.test.ts'])
  })
})
