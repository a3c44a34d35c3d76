import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  type Constraint,
  constraintsIntersect,
  matchesConstraint,
  matchesNothing,
  normalizeVersion,
  parseConstraint,
  tryParseConstraint,
} from '../../../src/composer/index.ts'
import { readJsonFixture } from '../../kit/fixtures.ts'

const matrix = readJsonFixture<{ versions: string[]; cases: { constraint: string; parsed: string | null }[] }>(
  'semver/satisfies-matrix.json',
)
const versions = matrix.versions.map(normalizeVersion)
const valid = matrix.cases.filter(({ parsed }) => typeof parsed === 'string').map(({ constraint }) => constraint)

const atom = fc.constantFrom(...valid)
const atomWithoutAlternatives = fc.constantFrom(...valid.filter((text) => !text.includes('|')))
const conjunction = fc.array(atomWithoutAlternatives, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(', '))
const constraintText = fc.oneof(
  atom,
  conjunction,
  fc.array(conjunction, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(' || ')),
)

test('a constraint matches exactly what its printed form matches when that is parsed again', () => {
  fc.assert(
    fc.property(constraintText, (text) => {
      const constraint = parseConstraint(text)
      const again = parseConstraint(toGrammar(constraint))
      expect(versions.filter((version) => matchesConstraint(again, version))).toEqual(
        versions.filter((version) => matchesConstraint(constraint, version)),
      )
    }),
    { numRuns: 1000 },
  )
})

test('two constraints intersect exactly when a version of the matrix, or one beside their bounds, matches both', () => {
  fc.assert(
    fc.property(constraintText, constraintText, (textA, textB) => {
      const [a, b] = [parseConstraint(textA), parseConstraint(textB)]
      const candidates = [...versions, ...besideBounds(a), ...besideBounds(b), 'dev-some-other-branch']
      const common = candidates.filter((version) => matchesConstraint(a, version) && matchesConstraint(b, version))
      expect({ textA, textB, intersect: constraintsIntersect(a, b) }).toEqual({ textA, textB, intersect: common.length > 0 })
      expect(constraintsIntersect(b, a)).toBe(constraintsIntersect(a, b))
    }),
    { numRuns: 2000 },
  )
})

test('a constraint matches nothing exactly when it does not intersect with everything', () => {
  fc.assert(
    fc.property(constraintText, (text) => {
      const constraint = parseConstraint(text)
      expect(matchesNothing(constraint)).toBe(!constraintsIntersect(constraint, parseConstraint('*')))
    }),
  )
})

test('a conjunction matches what all its parts match and an alternative what any of them matches', () => {
  fc.assert(
    fc.property(atomWithoutAlternatives, atomWithoutAlternatives, fc.constantFrom(...versions), (a, b, version) => {
      const [matchesA, matchesB] = [a, b].map((text) => matchesConstraint(parseConstraint(text), version))
      expect(matchesConstraint(parseConstraint(`${a}, ${b}`), version)).toBe(matchesA === true && matchesB === true)
      expect(matchesConstraint(parseConstraint(`${a} | ${b}`), version)).toBe(matchesA === true || matchesB === true)
    }),
  )
})

test('any text at all is either parsed or refused', () => {
  const pieces = fc.constantFrom(
    '^',
    '~',
    '>=',
    '<',
    '!=',
    '1',
    '.',
    '2',
    '*',
    'x',
    '-',
    'dev',
    ' ',
    ',',
    '|',
    '@',
    '#',
    'as',
    '+',
    '\n',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
      const constraint = tryParseConstraint(parts.join(''))
      if (constraint !== null) expect(matchesConstraint(constraint, '1.0.0.0')).toBeBoolean()
    }),
    { numRuns: 1000 },
  )
})

/**
 * Writes a constraint in the grammar of manifests: brackets are dropped, since "and" binds tighter anyway; a bound
 * without suffix is written with `-stable`, which keeps the parser from adding `-dev`; dates get their dashes back.
 */
function toGrammar(constraint: Constraint): string {
  switch (constraint.kind) {
    case 'any':
      return '*'
    case 'all':
      return constraint.parts.map(toGrammar).join(' ')
    case 'either':
      return constraint.parts.map(toGrammar).join(' || ')
    case 'version': {
      const { operator, version } = constraint
      const isBareBound = (operator === '<' || operator === '>=') && /^[\d.]+$/.test(version)
      const dashed = version.replace(/^(\d{4})\.(\d\d)\.(\d\d)(?=-|$)/, '$1-$2-$3')
      return `${operator} ${dashed}${isBareBound ? '-stable' : ''}`
    }
  }
}

/** Every version that the constraint names, and one that lies directly above it. */
function besideBounds(constraint: Constraint): string[] {
  if (constraint.kind === 'any') return []
  if (constraint.kind === 'version') return [constraint.version, `${constraint.version}.0`]
  return constraint.parts.flatMap(besideBounds)
}
