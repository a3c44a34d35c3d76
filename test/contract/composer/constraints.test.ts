import { expect, test } from 'bun:test'
import {
  type Bound,
  lowerBound,
  matchesConstraint,
  normalizeVersion,
  printConstraint,
  satisfies,
  tryParseConstraint,
  upperBound,
} from '../../../src/composer/index.ts'
import { readJsonFixture } from '../../kit/fixtures.ts'

interface MatrixCase {
  constraint: string
  parsed: string | null
  lower?: Bound
  upper?: Bound
  matches?: string
}

interface SatisfiesCase {
  constraint: string
  version: string
  expected: boolean | null
}

const matrix = readJsonFixture<{ versions: string[]; cases: MatrixCase[] }>('semver/satisfies-matrix.json')
const satisfiesCases = readJsonFixture<{ cases: SatisfiesCase[] }>('semver/satisfies.json').cases

test('CO-103 every recorded pair of version and constraint is matches, does not match or is rejected as recorded', () => {
  expect(satisfiesCases).toHaveLength(2033)
  const actual = satisfiesCases.map(({ constraint, version }): [string, string, boolean | null] => {
    if (tryParseConstraint(constraint) === null) return [constraint, version, null]
    return [constraint, version, satisfies(version, constraint)]
  })

  expect(actual).toEqual(satisfiesCases.map(({ constraint, version, expected }) => [constraint, version, expected]))
})

test('CO-103 every constraint of the matrix parses, bounds and matches as recorded', () => {
  expect(matrix.cases).toHaveLength(197)
  expect(matrix.versions).toHaveLength(79)
  const versions = matrix.versions.map(normalizeVersion)
  const actual = matrix.cases.map(({ constraint }) => describeConstraint(constraint, versions))
  const expected = matrix.cases.map(({ constraint, parsed, lower, upper, matches }) =>
    parsed === null || parsed === undefined ? { constraint, parsed: null } : { constraint, parsed, lower, upper, matches },
  )

  expect(actual).toEqual(expected as MatrixCase[])
})

function describeConstraint(text: string, versions: readonly string[]): MatrixCase {
  const constraint = tryParseConstraint(text)
  if (constraint === null) return { constraint: text, parsed: null }
  return {
    constraint: text,
    parsed: printConstraint(constraint),
    lower: lowerBound(constraint),
    upper: upperBound(constraint),
    matches: versions.map((version) => (matchesConstraint(constraint, version) ? '1' : '0')).join(''),
  }
}
