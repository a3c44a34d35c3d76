import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { FULL_VIEW } from './audience.ts'
import { viewModifiedAt } from './modified-at.ts'

/** From 2024 on, for some centuries. */
const time = fc.integer({ min: 1_704_067_200, max: 16_000_000_000 })
const glob = fc.stringMatching(/^[a-z0-9*]{1,6}\/[a-z0-9*]{1,6}$/)
const view = fc.array(glob, { minLength: 1, maxLength: 4 }).map((globs) => globs.toSorted().join(','))

test('CO-048 two different views of one state never share a time', () => {
  fc.assert(
    fc.property(time, view, view, (at, left, right) => {
      fc.pre(left !== right)
      expect(viewModifiedAt(at, left)).not.toBe(viewModifiedAt(at, right))
      expect(viewModifiedAt(at, left)).not.toBe(viewModifiedAt(at, FULL_VIEW))
    }),
    { numRuns: 2_000, seed: 48 },
  )
})

test('CO-041 within one view the time moves exactly as that of the thing itself', () => {
  fc.assert(
    fc.property(time, fc.integer({ min: 1, max: 1_000_000 }), fc.oneof(view, fc.constant(FULL_VIEW)), (at, later, one) => {
      expect(viewModifiedAt(at + later, one) - viewModifiedAt(at, one)).toBe(later)
    }),
    { numRuns: 500, seed: 41 },
  )
})

test('the time of a view is a valid date after 1970, and that of the full view is the real one', () => {
  fc.assert(
    fc.property(time, view, (at, one) => {
      expect(viewModifiedAt(at, one)).toBeGreaterThan(0)
      expect(viewModifiedAt(at, one)).toBeLessThan(at)
      expect(viewModifiedAt(at, FULL_VIEW)).toBe(at)
    }),
    { numRuns: 500, seed: 1970 },
  )
})
