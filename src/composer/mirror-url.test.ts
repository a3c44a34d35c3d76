import { expect, test } from 'bun:test'
import { expandDistUrl, expandMirrorUrl, expandSourceMirrorUrl, hexReference, pathSafeVersion } from './mirror-url.ts'

const input = { packageName: 'acme/a', version: '1.0.0.0', prettyVersion: 'v1.0', reference: 'abc', type: 'zip' }

test('replacement patterns of the language inside values are inserted as they are', () => {
  expect(expandMirrorUrl('https://m/%prettyVersion%', { ...input, prettyVersion: "$&-$1-$'" })).toBe("https://m/$&-$1-$'")
})

test('an unknown shown version leaves its placeholder in place', () => {
  expect(expandMirrorUrl('%prettyVersion%', { ...input, prettyVersion: null })).toBe('%prettyVersion%')
})

test('a dist URL without a percent sign is left alone, one with placeholders is expanded', () => {
  expect(expandDistUrl('https://r/a.zip', input)).toBe('https://r/a.zip')
  expect(expandDistUrl('https://r/%package%/%version%/%reference%.%type%', input)).toBe('https://r/acme/a/1.0.0.0/abc.zip')
})

test('only lower-case hex references and versions without slash stay readable', () => {
  expect(hexReference('')).toBe('')
  expect(hexReference('abc')).toBe('abc')
  expect(hexReference('ABC')).toHaveLength(32)
  expect(pathSafeVersion('dev-main')).toBe('dev-main')
  expect(pathSafeVersion('dev-a/b')).toHaveLength(32)
})

test('source URLs of the known hosts are shortened and all others made safe for a path', () => {
  const expand = (sourceUrl: string): string =>
    expandSourceMirrorUrl('%normalizedUrl%', { packageName: 'acme/a', sourceUrl, type: 'git' })

  expect(expand('git://github.com/acme/a.git')).toBe('gh-acme/a')
  expect(expand('https://bitbucket.org/acme/a.git/')).toBe('bb-acme/a')
  expect(expand('/srv/git/ä b/')).toBe('srv-git---b')
})
