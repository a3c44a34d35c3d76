import { expect, test } from 'bun:test'
import { isBroad, matchAdvisories, matchRequirement } from './match-advisories.ts'

function covers(affectedVersions: string, normalized: string): boolean {
  return matchAdvisories([{ affectedVersions }], normalized).length === 1
}

test('PR-802 a version is affected when it satisfies one of the alternatives, with the meaning of Composer', () => {
  const affected = '>=1.0,<1.2.3|>=2.0,<2.1'

  expect(covers(affected, '1.0.0.0')).toBe(true)
  expect(covers(affected, '1.2.2.0')).toBe(true)
  expect(covers(affected, '1.2.3.0')).toBe(false)
  expect(covers(affected, '2.0.0.0-beta1')).toBe(true)
  expect(covers(affected, '2.1.0.0')).toBe(false)
})

test('branches are affected by what covers everything or names them; numeric branches by ranges too', () => {
  expect(covers('>=1.0', 'dev-main')).toBe(false)
  expect(covers('*', 'dev-main')).toBe(true)
  expect(covers('dev-main', 'dev-main')).toBe(true)
  expect(covers('>=1.0,<2.0', '1.9999999.9999999.9999999-dev')).toBe(true)
})

test('text that is no constraint is cut after its leading operator and number, and matches nothing if that is none either', () => {
  expect(covers('<1.5 and everything before', '1.4.0.0')).toBe(true)
  expect(covers('<1.5 and everything before', '1.5.0.0')).toBe(false)
  expect(covers('all versions', '1.0.0.0')).toBe(false)
  expect(covers('', '1.0.0.0')).toBe(false)
})

test('PR-802 a requirement matches when it allows an affected version, or when one of the two cannot be read', () => {
  const told = [{ affectedVersions: '>=2.0,<2.3' }]

  expect(matchRequirement(told, '^2.0')).toHaveLength(1)
  expect(matchRequirement(told, '^2.3')).toHaveLength(0)
  expect(matchRequirement(told, '^1.0 || ^2.2')).toHaveLength(1)
  expect(matchRequirement(told, 'dev-main')).toHaveLength(0)
  expect(matchRequirement(told, 'not a constraint')).toHaveLength(1)
  expect(matchRequirement([{ affectedVersions: 'all versions' }], '^1.0')).toHaveLength(1)
})

test('a constraint is broad when no release escapes it, or when it is none', () => {
  for (const broad of ['*', '>=0', '>=0.0.0-dev', '<2.0|>=2.0', '<=1.5||>1.5', '!=1.0|1.0', 'everything', '>=1.0 <1.0 | *']) {
    expect([broad, isBroad(broad)]).toEqual([broad, true])
  }
  for (const narrow of ['<2.0', '>=1.0', '<1.5|>1.5', '!=1.0', '<1.0|>=1.0.1', 'dev-main', '>=1.0,<1.0']) {
    expect([narrow, isBroad(narrow)]).toEqual([narrow, false])
  }
})
