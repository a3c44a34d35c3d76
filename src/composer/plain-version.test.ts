import { describe, expect, test } from 'bun:test'
import { isPlainVersion, plainVersion } from './plain-version.ts'

describe('GL-118 the version of a ref by its name alone', () => {
  test.each([
    ['v1.0.0', '1.0.0', true],
    ['1.0.2-beta2', '1.0.2-beta2', true],
    ['v1.0.1+meta', '1.0.1+meta', true],
    ['v1.2.99', '1.2.99', true],
    ['v1.0', '1.0', false],
    ['1.0.0.0', '1.0.0.0', false],
    ['1.0.0RC1', '1.0.0RC1', false],
    ['V1.0.0', 'V1.0.0', false],
    ['vv1.0.0', 'v1.0.0', false],
    ['release-1.0.0', 'release-1.0.0', false],
    ['01.0.0', '01.0.0', false],
    ['2021.01.02', '2021.01.02', false],
    ['1.0-dev', '1.0-dev', true],
    ['dev-foo', 'dev-foo', true],
    ['1.0.0-foo', '1.0.0-foo', false],
    ['1.0.0-0', '1.0.0-0', false],
  ])('of the tag %s is %s', (name, version, isVersion) => {
    expect(plainVersion({ kind: 'tag', name })).toBe(version)
    expect(isPlainVersion(version)).toBe(isVersion)
  })

  test.each([
    ['master', 'dev-master'],
    ['feature/x', 'dev-feature/x'],
    ['12-feature', 'dev-12-feature'],
    ['1.5-composer-test', 'dev-1.5-composer-test'],
    ['1', '1.x-dev'],
    ['v1', '1.x-dev'],
    ['1.x', '1.x-dev'],
    ['v1.x', '1.x-dev'],
    ['1.7', '1.7.x-dev'],
    ['v1.7.x', '1.7.x-dev'],
    ['1.2.3', '1.2.3.x-dev'],
    ['1.2.3.4', 'dev-1.2.3.4'],
    ['1.X', '1.X.x-dev'],
    ['1.*', '1.*.x-dev'],
    ['1.x.x', '1.x.x-dev'],
    ['v', 'dev-v'],
    ['V1', 'dev-V1'],
    ['release-1.0', 'dev-release-1.0'],
    ['x', 'dev-x'],
  ])('of the branch %s is %s', (name, version) => {
    expect(plainVersion({ kind: 'branch', name })).toBe(version)
    expect(isPlainVersion(version)).toBe(true)
  })
})
