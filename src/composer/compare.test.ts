import { expect, test } from 'bun:test'
import {
  compareForDisplay,
  compareVersions,
  type DisplayedVersion,
  isVersionRelated,
  phpVersionCompare,
  sortVersions,
} from './compare.ts'
import { InvalidVersion } from './normalize-version.ts'

test('versions compare as PHP compares them, odd texts included', () => {
  const ordered: [string, string][] = [
    ['', '1'],
    ['1.0', '1.0.0'],
    ['1.', '1.'],
    ['1.0-dev', '1.0-alpha'],
    ['1.0-foo', '1.0-dev'],
    ['1.0RC1', '1.0'],
    ['1.0', '1.0pl1'],
    ['dev-v==', '1'],
  ]

  expect(ordered.filter(([a, b]) => phpVersionCompare(a, b) !== -1)).toEqual([])
  expect(phpVersionCompare('', '')).toBe(0)
  expect(phpVersionCompare('1_0+0', '1-0.0')).toBe(0)
  expect(phpVersionCompare('dev-v==', '.')).toBe(1)
  expect(phpVersionCompare('2020', '#abc=pl')).toBe(0)
})

test('numbers beyond 64 bits count as the largest number', () => {
  expect(phpVersionCompare('99999999999999999999', '9223372036854775807')).toBe(0)
  expect(phpVersionCompare('9223372036854775806', '9223372036854775807')).toBe(-1)
})

test('two different branches are unrelated, but have a fixed place in the order', () => {
  expect(isVersionRelated('dev-a', '<', 'dev-b')).toBe(false)
  expect(isVersionRelated('dev-a', '>', 'dev-b')).toBe(false)
  expect(isVersionRelated('dev-a', '!=', 'dev-b')).toBe(true)
  expect(compareVersions('dev-a', 'dev-b')).toBe(-1)
  expect(compareVersions('dev-b', '0.0.0.0-dev')).toBe(-1)
})

test('sorting refuses a list with something that is no version', () => {
  expect(() => sortVersions(['1.0', 'latest'])).toThrow(InvalidVersion)
})

test('listings show the default branch, then aliased branches and releases by number, then other branches by date', () => {
  const shown = [
    displayed({ normalized: 'dev-old', releasedAt: 1 }),
    displayed({ normalized: '1.0.0.0' }),
    displayed({ normalized: 'dev-main', isDefaultBranch: true, branchAlias: '2.x-dev' }),
    displayed({ normalized: 'dev-next', branchAlias: '3.x-dev' }),
    displayed({ normalized: '1.9999999.9999999.9999999-dev' }),
    displayed({ normalized: 'dev-new', releasedAt: 2 }),
    displayed({ normalized: 'dev-undated' }),
    displayed({ normalized: '2.0.0.0-RC1' }),
  ]

  expect(shown.sort(compareForDisplay).map(({ normalized }) => normalized)).toEqual([
    'dev-main',
    'dev-next',
    '2.0.0.0-RC1',
    '1.9999999.9999999.9999999-dev',
    '1.0.0.0',
    'dev-new',
    'dev-old',
    'dev-undated',
  ])
})

test('a numeric default branch takes its place among the numbers', () => {
  const branch = displayed({ normalized: '1.9999999.9999999.9999999-dev', isDefaultBranch: true })

  expect(compareForDisplay(branch, displayed({ normalized: '2.0.0.0' }))).toBe(1)
})

function displayed(given: Partial<DisplayedVersion> & { normalized: string }): DisplayedVersion {
  return { branchAlias: null, isDefaultBranch: false, releasedAt: null, ...given }
}
