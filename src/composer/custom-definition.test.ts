import { describe, expect, test } from 'bun:test'
import { DEFINITION_VERSION_LIMIT, readCustomDefinition } from './custom-definition.ts'

const DIST = { type: 'zip', url: 'https://files.example.com/a.zip' }
const PACKAGE = { name: 'acme/plugin', version: '1.0.0', dist: DIST }

function read(definition: unknown) {
  return readCustomDefinition(new TextEncoder().encode(typeof definition === 'string' ? definition : JSON.stringify(definition)))
}

function problemsOf(definition: unknown): string[] {
  const result = read(definition)
  return result.ok ? [] : result.problems
}

describe('a definition of custom packages', () => {
  test.each([
    ['one package', PACKAGE],
    ['a list', [PACKAGE]],
    ['a repository of type package', { type: 'package', package: PACKAGE }],
    ['a repository with a list', { package: [PACKAGE] }],
  ])('may be %s', (_, definition) => {
    expect(read(definition)).toMatchObject({
      ok: true,
      versions: [{ path: 'packages[0]', name: 'acme/plugin', version: '1.0.0', normalized: '1.0.0.0', source: null, time: null }],
    })
  })

  test('keeps what a manifest has and where the files are', () => {
    const source = { type: 'git', url: 'git@git.example.com:acme/plugin.git', reference: 'main' }
    const dist = { ...DIST, reference: 7, shasum: 'A'.repeat(40) }
    const result = read({
      ...PACKAGE,
      source,
      dist,
      require: { 'Acme/Core': '^1.0' },
      time: '2026-01-02',
      type: 'wordpress-plugin',
    })

    expect(result).toMatchObject({
      ok: true,
      versions: [
        {
          type: 'wordpress-plugin',
          manifest: { require: { 'acme/core': '^1.0' } },
          time: '2026-01-02T00:00:00+00:00',
          source,
          dist: { ...DIST, reference: '7', shasum: 'a'.repeat(40) },
        },
      ],
    })
  })

  test.each<[unknown, string]>([
    ['', 'the definition is empty'],
    ['{', 'the definition is not valid JSON'],
    ['7', 'the definition holds no object'],
    [{ package: [] }, 'packages: there is no package in the definition'],
    [[null], 'packages[0]: it must be an object'],
    [{ ...PACKAGE, name: undefined }, 'packages[0].name: must be present'],
    [{ ...PACKAGE, name: 'plugin' }, 'packages[0].name: plugin is invalid'],
    [{ ...PACKAGE, version: undefined }, 'packages[0].version: must be present'],
    [{ ...PACKAGE, version: 'latest!' }, 'packages[0].version: invalid value'],
    [{ ...PACKAGE, require: { 'acme/core': 'what?!' } }, 'packages[0].require.acme/core: '],
    [{ ...PACKAGE, require: { 'acme/plugin': '1.0' } }, 'packages[0].require.acme/plugin'],
    [{ ...PACKAGE, dist: undefined }, 'packages[0]: dist or source must be present'],
    [{ ...PACKAGE, type: 'metapackage' }, 'packages[0]: a metapackage has neither dist nor source'],
    [{ ...PACKAGE, dist: { url: DIST.url } }, 'packages[0].dist.type: must be present'],
    [{ ...PACKAGE, dist: { type: 'zip' } }, 'packages[0].dist.url: must be present'],
    [{ ...PACKAGE, dist: { ...DIST, type: 'rar' } }, 'packages[0].dist.type: only zip and tar can be served'],
    [{ ...PACKAGE, dist: { ...DIST, url: 'javascript:alert(1)' } }, 'packages[0].dist.url: only http and https can be fetched'],
    [
      { ...PACKAGE, dist: { ...DIST, url: 'https://u:p@example.com/a.zip' } },
      'packages[0].dist.url: it contains a user or password',
    ],
    [{ ...PACKAGE, dist: { ...DIST, url: '--output=/x' } }, 'packages[0].dist.url: must not start with a "-"'],
    [{ ...PACKAGE, dist: { ...DIST, url: 'https://a b/' } }, 'packages[0].dist.url: it must be a URL'],
    [{ ...PACKAGE, dist: { ...DIST, shasum: 'abc' } }, 'packages[0].dist.shasum: it must be a SHA-1'],
    [
      { ...PACKAGE, source: { type: 'fossil', url: 'https://x/y', reference: '1' } },
      'packages[0].source.type: only git, svn and hg',
    ],
    [{ ...PACKAGE, source: { type: 'git', url: 'https://x/y' } }, 'packages[0].source.reference: must be present'],
    [{ ...PACKAGE, source: { type: 'git', url: 'ext::sh -c id', reference: '1' } }, 'packages[0].source.url: it must be a URL'],
    [
      { ...PACKAGE, source: { type: 'git', url: 'ext::sh', reference: '1' } },
      'packages[0].source.url: it must be a URL of https',
    ],
    [{ ...PACKAGE, source: { type: 'hg', url: 'ssh://-oProxyCommand=x/y', reference: '1' } }, 'packages[0].source.url: '],
    [
      { ...PACKAGE, source: { type: 'git', url: 'https://t@x.example/y', reference: '1' } },
      'packages[0].source.url: it contains a user',
    ],
    [[PACKAGE, { ...PACKAGE, version: '1.00' }], 'packages[1].version: 1.00 is the same version as that of packages[0]'],
    [
      [
        { ...PACKAGE, dist: { ...DIST, reference: 'x' } },
        { ...PACKAGE, version: '2.0.0', dist: { ...DIST, url: 'https://files.example.com/b.zip', reference: 'x' } },
      ],
      'packages[1].dist.reference: packages[0] has another archive with this reference',
    ],
    [Array.from({ length: DEFINITION_VERSION_LIMIT + 1 }, () => PACKAGE), 'packages: there are more than 1000 versions'],
    ['['.repeat(10_000), 'the definition is nested deeper'],
  ])('%j is refused', (definition, problem) => {
    const problems = problemsOf(definition)

    expect(problems.filter((found) => found.startsWith(problem))).not.toEqual([])
  })

  test('reports every problem of every package, up to a bound', () => {
    const broken = { name: 'x', version: 'y', dist: { type: 'rar', url: 'ftp://x' } }

    expect(problemsOf([broken, PACKAGE, broken]).filter((problem) => problem.startsWith('packages[2].'))).toHaveLength(4)
    expect(problemsOf(Array.from({ length: 500 }, () => broken))).toHaveLength(100)
  })

  test('abuse 4: keys of prototypes stay plain data', () => {
    const result = read(
      '{"name":"acme/plugin","version":"1.0.0","type":"metapackage","__proto__":{"version":"9"},"constructor":{}}',
    )

    expect(result).toMatchObject({ ok: true, versions: [{ version: '1.0.0' }] })
    expect(({} as Record<string, unknown>)['version']).toBeUndefined()
  })
})
