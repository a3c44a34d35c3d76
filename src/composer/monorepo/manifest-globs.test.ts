import { describe, expect, test } from 'bun:test'
import { createManifestMatcher, findGlobProblems } from './manifest-globs.ts'

describe('a pattern of manifests', () => {
  test.each([
    ['packages/*/composer.json', 'packages/a/composer.json', true],
    ['packages/*/composer.json', 'packages/a/b/composer.json', false],
    ['packages/*/composer.json', 'packages/composer.json', false],
    ['packages/*/composer.json', 'other/a/composer.json', false],
    ['packages/*/composer.json', 'packages/a/composer.json.dist', false],
    ['**/composer.json', 'composer.json', true],
    ['**/composer.json', 'a/b/c/composer.json', true],
    ['src/**/composer.json', 'src/composer.json', true],
    ['src/**/composer.json', 'src/a/b/composer.json', true],
    ['src/**/composer.json', 'srcs/a/composer.json', false],
    ['src/**/bundle/composer.json', 'src/bundle/bundle/composer.json', true],
    ['lib-?/composer.json', 'lib-a/composer.json', true],
    ['lib-?/composer.json', 'lib-/composer.json', false],
    ['*-bundle/composer.json', 'http-bundle/composer.json', true],
    ['*-bundle/composer.json', 'http-bundles/composer.json', false],
    ['a*b*c/composer.json', 'aXbYbc/composer.json', true],
    ['composer.json', 'composer.json', true],
    ['[a].c/composer.json', '[a].c/composer.json', true],
    ['[a].c/composer.json', 'axc/composer.json', false],
  ])('%s and %s: %p', (glob, path, matches) => {
    expect(createManifestMatcher([glob]).matchesFile(path)).toBe(matches)
  })

  test.each([
    ['packages/*/composer.json', '', true],
    ['packages/*/composer.json', 'packages', true],
    ['packages/*/composer.json', 'packages/a', true],
    ['packages/*/composer.json', 'packages/a/src', false],
    ['packages/*/composer.json', 'docs', false],
    ['**/composer.json', 'any/where', true],
    ['src/**/composer.json', 'src/a/b', true],
    ['src/**/composer.json', 'docs', false],
    ['composer.json', 'packages', false],
  ])('%s may be below %p: %p', (glob, directory, may) => {
    expect(createManifestMatcher([glob]).mayContain(directory)).toBe(may)
  })

  test('takes a bounded time for hostile patterns and paths', () => {
    const matcher = createManifestMatcher([`${'*a'.repeat(90)}/composer.json`, '**/**/**/**/x/composer.json'])
    const start = performance.now()

    expect(matcher.matchesFile(`${'a'.repeat(4000)}b/composer.json`)).toBe(false)
    expect(matcher.matchesFile(`${'a/'.repeat(500)}composer.json`)).toBe(false)
    expect(performance.now() - start).toBeLessThan(1000)
  })

  test.each([
    [[], 'manifests: give 1 to 20 patterns'],
    [['packages/*'], 'manifests[0]: it must end in composer.json, as packages/*/composer.json does'],
    [
      ['ok/composer.json', '/packages/composer.json'],
      'manifests[1]: it must be a path from the root without a slash at its ends',
    ],
    [['../composer.json'], 'manifests[0]: it must be a path from the root'],
    [['a\\b/composer.json'], 'manifests[0]: it has a backslash or a control character'],
    [['a\nb/composer.json'], 'manifests[0]: it has a backslash or a control character'],
    [[`${'a'.repeat(200)}/composer.json`], 'manifests[0]: it is longer than 200 characters'],
    [['**/a/**/b/**/c/**/d/**/composer.json'], 'manifests[0]: it has more than 4 "**"'],
  ])('%j is refused', (globs, problem) => {
    expect(findGlobProblems(globs).join()).toStartWith(problem)
  })
})
