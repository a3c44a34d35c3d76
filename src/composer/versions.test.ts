import { expect, test } from 'bun:test'
import { branchVersion, MAX_VERSION_LENGTH } from './versions.ts'

test('a branch with a number sign is shown and compared with a plus sign', () => {
  expect(branchVersion('fix#12')).toEqual({ version: 'dev-fix+12', normalized: 'dev-fix+12' })
})

test('a branch that would read as two constraints is skipped', () => {
  expect(branchVersion('a|b')).toBeNull()
  expect(branchVersion('a b')).toBeNull()
})

test('a branch name of 250 characters is imported, one beyond the limit is skipped', () => {
  expect(branchVersion('b'.repeat(250))?.version).toBe(`dev-${'b'.repeat(250)}`)
  expect(branchVersion('b'.repeat(MAX_VERSION_LENGTH + 1))).toBeNull()
})
