import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { comparePaths } from './compare-paths.ts'

test('paths are ordered as their UTF-8 bytes are', () => {
  const path = fc.string({
    unit: fc.constantFrom('a', 'b', '/', '.', 'ä', '\ud7ff', '\ue000', '\uffee', '\u{10000}', '🙂'),
    maxLength: 6,
  })

  fc.assert(
    fc.property(path, path, (left, right) => {
      expect(Math.sign(comparePaths(left, right))).toBe(Buffer.compare(Buffer.from(left), Buffer.from(right)))
    }),
    { numRuns: 2000 },
  )
})
