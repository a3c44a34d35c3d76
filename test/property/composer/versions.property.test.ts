import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  compareForDisplay,
  compareVersions,
  type DisplayedVersion,
  normalizeBranch,
  normalizeVersion,
  phpVersionCompare,
  tryNormalizeVersion,
} from '../../../src/composer/index.ts'

const numbers = fc
  .array(fc.oneof(fc.nat(12), fc.constant(9999999)), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('.'))
const suffix = fc.constantFrom(
  '',
  '-dev',
  '.dev',
  '-alpha',
  'a1',
  '-beta.2',
  'b3',
  '-RC1',
  'rc2',
  '-patch1',
  'p2',
  '-stable',
  '-RC1-dev',
)
const numbered = fc.tuple(fc.constantFrom('', 'v'), numbers, suffix).map((parts) => parts.join(''))
const branchName = fc.oneof(
  numbers,
  numbers.map((text) => `${text}.x`),
  fc.stringMatching(/^[a-z][a-z0-9/_-]{0,12}$/),
)
const normalized = fc.oneof(
  numbered.map(tryNormalizeVersion).filter((version) => version !== null),
  branchName.map(normalizeBranch),
  fc.constantFrom('9999999-dev', '20100101', '2010.01.01', '2010.01.01-dev', '1.0.0.0-stable1'),
)

test('normalising a normalised version changes nothing', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        numbered,
        branchName.map((name) => `dev-${name}`),
        numbers.map((text) => `${text}.x-dev`),
      ),
      (text) => {
        const once = tryNormalizeVersion(text)
        if (once !== null) expect(normalizeVersion(once)).toBe(once)
      },
    ),
  )
})

test('a numeric branch normalises to the same version as its name followed by -dev', () => {
  fc.assert(
    fc.property(numbers, (text) => {
      expect(tryNormalizeVersion(`${text}.x-dev`) ?? normalizeBranch(`${text}.x`)).toBe(normalizeBranch(`${text}.x`))
    }),
  )
})

test('any text at all is either normalised or refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 700 }), (text) => {
      const result = tryNormalizeVersion(text)
      if (result !== null) expect(result).not.toBe('')
    }),
    { numRuns: 50 },
  )
})

test('the order of versions is total: antisymmetric, transitive, and equal only where PHP finds versions equal', () => {
  fc.assert(
    fc.property(normalized, normalized, normalized, (a, b, c) => {
      expect(compareVersions(a, b) + compareVersions(b, a)).toBe(0)
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) expect(compareVersions(a, c)).toBeLessThanOrEqual(0)
      if (compareVersions(a, b) === 0 && a !== b) expect(phpVersionCompare(a, b)).toBe(0)
    }),
    { numRuns: 2000 },
  )
})

test('the display order is total and leaves nothing undecided between different versions', () => {
  const displayed: fc.Arbitrary<DisplayedVersion> = fc.record({
    normalized,
    branchAlias: fc.constantFrom(null, null, '1.x-dev', '1.2.x-dev', '9999999-dev'),
    isDefaultBranch: fc.boolean(),
    releasedAt: fc.option(fc.nat(3)),
  })
  fc.assert(
    fc.property(displayed, displayed, displayed, (a, b, c) => {
      expect(compareForDisplay(a, b) + compareForDisplay(b, a)).toBe(0)
      if (compareForDisplay(a, b) <= 0 && compareForDisplay(b, c) <= 0) expect(compareForDisplay(a, c)).toBeLessThanOrEqual(0)
      if (a.normalized !== b.normalized) expect(compareForDisplay(a, b)).not.toBe(0)
    }),
    { numRuns: 2000 },
  )
})
