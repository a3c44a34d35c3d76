import { describe, expect, test } from 'bun:test'
import {
  InvalidVersion,
  isNumericBranch,
  MAX_VERSION_LENGTH,
  normalizeVersion,
  parseNumericAliasPrefix,
  shortenDevVersion,
  tryNormalizeVersion,
} from './normalize-version.ts'

describe('hostile versions', () => {
  test('a long run of digits after a stability word is refused at once', () => {
    expect(tryNormalizeVersion(`1.0-beta${'1'.repeat(480)}!`)).toBeNull()
    expect(tryNormalizeVersion(`1.0-beta${'.1'.repeat(240)}!`)).toBeNull()
    expect(tryNormalizeVersion(`${'2010'.repeat(120)}!`)).toBeNull()
  })

  test('a version longer than the limit is refused whatever it looks like', () => {
    expect(tryNormalizeVersion(`dev-${'a'.repeat(MAX_VERSION_LENGTH)}`)).toBeNull()
    expect(tryNormalizeVersion(`dev-${'a'.repeat(MAX_VERSION_LENGTH - 4)}`)).not.toBeNull()
    expect(tryNormalizeVersion(' '.repeat(1_000_000))).toBeNull()
  })

  test('the error names the input without repeating all of a huge one', () => {
    const huge = 'x'.repeat(1_000_000)

    expect(() => normalizeVersion('latest')).toThrow('Invalid version string "latest"')
    expect(() => normalizeVersion(huge)).toThrow(InvalidVersion)
    try {
      normalizeVersion(huge)
    } catch (error) {
      expect((error as InvalidVersion).input).toBe(huge)
      expect((error as InvalidVersion).message.length).toBeLessThan(600)
    }
  })

  test('only ASCII white space is cut off', () => {
    expect(tryNormalizeVersion('\t\n 1.0 \r\0')).toBe('1.0.0.0')
    expect(tryNormalizeVersion('\u00a01.0')).toBeNull()
  })

  test('names of object properties are ordinary branch names', () => {
    expect(normalizeVersion('dev-__proto__')).toBe('dev-__proto__')
    expect(normalizeVersion('dev-constructor')).toBe('dev-constructor')
  })
})

test('two quirks of the reference are kept: a date with dashes and a capitalised Stable do not survive a second pass', () => {
  expect(normalizeVersion('2010-01-02')).toBe('2010.01.02')
  expect(normalizeVersion('2010.01.02')).toBe('2010.01.02.0')
  expect(normalizeVersion('1-Stable1')).toBe('1.0.0.0-stable1')
  expect(normalizeVersion('1.0.0.0-stable1')).toBe('1.0.0.0')
})

test('a branch is numeric when its normalised form starts with a number', () => {
  expect(isNumericBranch('1.9999999.9999999.9999999-dev')).toBe(true)
  expect(isNumericBranch('dev-foo-dev')).toBe(false)
  expect(isNumericBranch('1.0.0.0')).toBe(false)
})

test('the alias prefix is read from numeric dev versions only', () => {
  expect(parseNumericAliasPrefix('1.2.x-dev')).toBe('1.2.')
  expect(parseNumericAliasPrefix('1.2-dev')).toBe('1.2.')
  expect(parseNumericAliasPrefix('dev-1.2')).toBeNull()
  expect(parseNumericAliasPrefix(`${'1.'.repeat(5000)}x`)).toBeNull()
})

test('each run of newest parts is written as one x', () => {
  expect(shortenDevVersion('1.9999999.9999999.9999999-dev')).toBe('1.x-dev')
  expect(shortenDevVersion('1.9999999.3.9999999-dev')).toBe('1.x.3.x-dev')
})
