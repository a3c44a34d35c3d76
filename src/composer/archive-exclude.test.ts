import { describe, expect, test } from 'bun:test'
import {
  isExcluded,
  MAX_EXCLUSION_RULES,
  MAX_EXCLUSION_WILDCARDS,
  parseArchiveExclude,
  parseExportIgnore,
  rulesBelow,
} from './archive-exclude.ts'

test('only lines of two fields with export-ignore count in .gitattributes', () => {
  const rules = parseExportIgnore(
    [
      '# comment',
      '/docs export-ignore',
      '\t*.dist\texport-ignore\r',
      '/docs/keep.md -export-ignore',
      '/a text export-ignore',
      '/b export-ignore=x',
      '',
    ].join('\n'),
  )

  expect(rules).toHaveLength(3)
  expect(isExcluded(rules, 'docs/x.md')).toBe(true)
  expect(isExcluded(rules, 'docs/keep.md')).toBe(false)
  expect(isExcluded(rules, 'phpunit.xml.dist')).toBe(true)
  expect(isExcluded(rules, 'a')).toBe(false)
  expect(isExcluded(rules, 'b')).toBe(false)
})

test('rules of the manifest come after those of .gitattributes and can take paths in again', () => {
  const rules = [...parseExportIgnore('/tests export-ignore'), ...parseArchiveExclude(['!/tests/fixtures'])]

  expect(isExcluded(rules, 'tests/a.php')).toBe(true)
  expect(isExcluded(rules, 'tests/fixtures/a.json')).toBe(false)
})

test('VCS directories are left out at any depth and cannot be taken in again', () => {
  const rules = parseArchiveExclude(['!.git', '!/.git/config'])

  expect(['.git/config', '/.git', 'a/.svn/x', 'a/CVS/Root'].filter((path) => !isExcluded(rules, path))).toEqual([])
  expect(isExcluded(rules, '.github/x')).toBe(false)
})

test('anything but a list of texts is passed over', () => {
  expect(parseArchiveExclude({ 0: '/docs' })).toEqual([])
  expect(parseArchiveExclude(undefined)).toEqual([])
  expect(parseArchiveExclude([1, null, ['/docs'], '/docs'])).toHaveLength(1)
})

test('rules of the repository apply below the directory of a package, but for those about the directory itself', () => {
  const top = parseExportIgnore(
    '/packages export-ignore\npackages/http export-ignore\n/packages/http/tests export-ignore\n*.dist export-ignore\n/docs export-ignore\n',
  )
  const rules = [...rulesBelow(top, 'packages/http'), ...parseExportIgnore('keep.dist -export-ignore\n')]

  expect(['tests/a', 'x.dist', 'src/x.dist'].filter((path) => !isExcluded(rules, path))).toEqual([])
  expect(['src/tests/a', 'docs/a', 'keep.dist', 'composer.json'].filter((path) => isExcluded(rules, path))).toEqual([])
})

describe('the pattern language', () => {
  test.each([
    ['{a,b}*', 'bx', true],
    ['{a,{b,c}}/x', 'c/x', true],
    ['/{docs,tests}', 'tests/a.php', true],
    ['*.[ch]', 'src/x.c', true],
    ['*.[a-c]', 'src/x.d', false],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a/**', 'a', false],
    ['a/**', 'a/b/c', true],
    ['a/**', 'a/.b', false],
    ['a/**/c', 'a/.b/c', false],
    ['*', '.env', false],
    ['.*', '.env', true],
    ['a/b', 'x/a/b', true],
    ['a.c', 'abc', false],
    ['(a|b)', 'a', false],
    ['[a', '[a', false],
    ['{a', '{a', false],
    ['', 'a', false],
    ['/', 'a', false],
  ])('%j and %j: %p', (pattern, path, expected) => {
    expect(isExcluded(parseArchiveExclude([pattern]), path)).toBe(expected)
  })
})

describe('hostile rules', () => {
  test('patterns that would make a backtracking matcher hang end quickly', () => {
    const patterns = ['*a'.repeat(150), '**/'.repeat(90), '{a,aa}'.repeat(40), '?*'.repeat(100)]
    const path = `${'a'.repeat(200)}/${'a'.repeat(200)}!`
    const started = performance.now()

    for (const pattern of patterns) isExcluded(parseArchiveExclude([`${pattern}b`]), path)
    expect(performance.now() - started).toBeLessThan(1000)
  })

  test('the number of rules, the wildcards of a list and the length of a pattern are bounded', () => {
    expect(parseArchiveExclude(Array.from({ length: 10_000 }, () => '/a'))).toHaveLength(MAX_EXCLUSION_RULES)
    expect(parseExportIgnore('/a export-ignore\n'.repeat(10_000))).toHaveLength(MAX_EXCLUSION_RULES)
    expect(parseArchiveExclude(Array.from({ length: 10_000 }, () => '*'))).toHaveLength(MAX_EXCLUSION_WILDCARDS)
    expect(parseArchiveExclude(['a'.repeat(513)])).toEqual([])
  })
})
