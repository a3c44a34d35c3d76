import { expect, test } from 'bun:test'
import { coversPackage, parsePackageGlobs } from './package-globs.ts'

test.each([
  ['acme/http', 'acme/http', true],
  ['acme/http', 'acme/http-client', false],
  ['acme/*', 'acme/http', true],
  ['acme/*', 'acme-x/http', false],
  ['*', 'acme/http', true],
  ['*/http', 'acme/http', true],
  ['a*e/h*p', 'acme/http', true],
  ['a*e/h*p', 'acme/htt', false],
  ['acme/ht*tp', 'acme/htp', false],
  ['acme*http', 'acme/http', true],
  ['a*c*m*e/*', 'acme/', true],
  ['aa*aa', 'aaa', false],
])('the pattern %s covers %s: %p', (glob, name, expected) => {
  expect(coversPackage([glob], name)).toBe(expected)
})

test('no patterns mean every package', () => {
  expect(parsePackageGlobs([])).toBeNull()
  expect(parsePackageGlobs(null)).toBeNull()
  expect(coversPackage(null, 'acme/http')).toBe(true)
})

test('patterns are compared in lower case and kept once', () => {
  expect(parsePackageGlobs(['Acme/*', ' acme/* '])).toEqual(['acme/*'])
})

test('a pattern of many stars is matched in linear time', () => {
  const started = performance.now()
  expect(coversPackage([`${'a*'.repeat(90)}b`], 'a'.repeat(200))).toBe(false)
  expect(performance.now() - started).toBeLessThan(1000)
})
