import { expect, test } from 'bun:test'
import { isPlatformPackage, linkNameProblem, MAX_PACKAGE_NAME_LENGTH, packageNameProblem, parsePackageName } from './names.ts'

test('a name is stored in lower case whatever case it comes in', () => {
  expect(parsePackageName('Acme/HTTP-Client') as string).toBe('acme/http-client')
})

test('platform packages, reserved parts and malformed names are never publishable', () => {
  const refused = [
    'php',
    'PHP',
    'ext-json',
    'composer-plugin-api',
    'acme/con',
    'NUL/x',
    'acme',
    'acme/x.JSON',
    'acme/x~dev',
    'acme/x\n',
    '',
  ]

  expect(refused.filter((name) => parsePackageName(name) !== null)).toEqual([])
})

test('a name longer than the limit is refused', () => {
  const longest = `a/${'b'.repeat(MAX_PACKAGE_NAME_LENGTH - 2)}`

  expect(parsePackageName(longest) as string).toBe(longest)
  expect(parsePackageName(`${longest}b`)).toBeNull()
})

test('letters that only lower-case into ASCII are not letters of a name', () => {
  expect(parsePackageName('acme/\u212a')).toBeNull()
})

test('a required name in capitals is named in lower case, a platform name is left alone', () => {
  expect(linkNameProblem('Acme/B')).toBe(
    'Acme/B is invalid, it should not contain uppercase characters. Please use acme/b instead.',
  )
  expect(linkNameProblem('ext-Zend')).toBeNull()
  expect(linkNameProblem('acme/b')).toBeNull()
})

test('hostile names are judged at once', () => {
  const hostile = 'a'.repeat(200_000)

  expect(packageNameProblem(`${hostile}!`)).not.toBeNull()
  expect(packageNameProblem(`a/${'a-'.repeat(100_000)}!`)).not.toBeNull()
  expect(isPlatformPackage(`ext-${hostile}!`)).toBe(false)
})
