import { expect, test } from 'bun:test'
import {
  branchVersion,
  isVersionRelated,
  normalizeBranch,
  parseStability,
  phpVersionCompare,
  rsortVersions,
  sortVersions,
  tryNormalizeVersion,
} from '../../../src/composer/index.ts'
import { readJsonFixture } from '../../kit/fixtures.ts'

interface NormalizeCase {
  input: string
  normalized: string | null
  stability?: string
  stabilityOfInput?: string
  semver_3_4_4?: { normalized: string; stability: string }
}

interface BranchCase {
  input: string
  normalized: string
  branch: { accepted: true; version: string; version_normalized: string } | { accepted: false }
}

interface CompareSort {
  compare: { a: string; b: string; lt: boolean; eq: boolean; gt: boolean; versionCompare: number }[]
  sort: { input: string[]; asc: string[]; desc: string[] }[]
}

const normalizeCases = readJsonFixture<{ cases: NormalizeCase[] }>('semver/normalize.json').cases
const branchCases = readJsonFixture<{ cases: BranchCase[] }>('semver/normalize-branch.json').cases
const compareSort = readJsonFixture<CompareSort>('semver/compare-sort.json')

test('CO-100 every version of the vectors normalises as recorded', () => {
  expect(normalizeCases).toHaveLength(805)
  const expected = normalizeCases.map(({ input, ...recorded }) => [input, (recorded.semver_3_4_4 ?? recorded).normalized])

  expect(normalizeCases.map(({ input }) => [input, tryNormalizeVersion(input)])).toEqual(expected)
})

test('CO-101 every branch of the vectors normalises as recorded', () => {
  expect(branchCases).toHaveLength(307)

  expect(branchCases.map(({ input }) => [input, normalizeBranch(input)])).toEqual(branchCases.map((c) => [c.input, c.normalized]))
})

test('CO-118 every branch of the vectors imports as recorded', () => {
  const expected = branchCases.map(({ input, branch }) => [
    input,
    branch.accepted ? { version: branch.version, normalized: branch.version_normalized } : null,
  ])

  expect(branchCases.map(({ input }) => [input, branchVersion(input)])).toEqual(expected)
})

test('CO-102 the stability of every normalised version and of every input is as recorded', () => {
  const results = normalizeCases.flatMap((recorded) => {
    const { normalized, stability } = recorded.semver_3_4_4 ?? recorded
    if (normalized === null) return []
    const ofInput = recorded.stabilityOfInput ?? stability
    return [
      { version: normalized, actual: parseStability(normalized), expected: stability },
      { version: recorded.input, actual: parseStability(recorded.input), expected: ofInput },
    ]
  })

  expect(results.length).toBeGreaterThan(1000)
  expect(results.filter(({ actual, expected }) => actual !== expected)).toEqual([])
})

test('CO-104 every pair of the vectors compares as recorded', () => {
  expect(compareSort.compare).toHaveLength(703)
  const actual = compareSort.compare.map(({ a, b }) => ({
    a,
    b,
    lt: isVersionRelated(a, '<', b),
    eq: isVersionRelated(a, '==', b),
    gt: isVersionRelated(a, '>', b),
    versionCompare: phpVersionCompare(a, b) as number,
  }))

  expect(actual).toEqual(compareSort.compare)
})

test('CO-104 every list of the vectors sorts as recorded', () => {
  expect(compareSort.sort).toHaveLength(12)
  const actual = compareSort.sort.map(({ input }) => ({ input, asc: sortVersions(input), desc: rsortVersions(input) }))

  expect(actual).toEqual(compareSort.sort)
})
