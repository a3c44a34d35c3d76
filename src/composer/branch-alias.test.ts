import { expect, test } from 'bun:test'
import { branchAlias } from './branch-alias.ts'

test('a declared alias that is no map of texts is passed over', () => {
  for (const declared of [null, 'x', 1, [], ['1.x-dev'], { 'dev-main': 1 }, { 'dev-main': null }, { 'dev-main': ['1.x-dev'] }]) {
    expect(branchAlias({ version: 'dev-main', defaultBranch: false, branchAlias: declared })).toBeNull()
  }
})

test('names of object properties are ordinary keys', () => {
  const declared: unknown = JSON.parse('{"dev-__proto__": "1.x-dev", "__proto__": {"dev-constructor": "2.x-dev"}}')

  expect(branchAlias({ version: 'dev-__proto__', defaultBranch: false, branchAlias: declared })?.version).toBe('1.x-dev')
  expect(branchAlias({ version: 'dev-constructor', defaultBranch: false, branchAlias: declared })).toBeNull()
})

test('a numeric branch cannot be aliased to the default branch', () => {
  const declared = { '2.x-dev': '9999999-dev' }

  expect(branchAlias({ version: '2.x-dev', defaultBranch: true, branchAlias: declared })).toBeNull()
})

test('an alias to a branch that only looks like a dev version is passed over', () => {
  expect(branchAlias({ version: 'dev-main', defaultBranch: false, branchAlias: { 'dev-main': 'foo-dev-dev' } })).toBeNull()
})

test('huge targets are passed over', () => {
  const declared = { 'dev-main': `${'1.'.repeat(100_000)}x-dev` }

  expect(branchAlias({ version: 'dev-main', defaultBranch: false, branchAlias: declared })).toBeNull()
})
