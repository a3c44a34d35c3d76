import { describe, expect, test } from 'bun:test'
import { minifyVersions } from '../minify.ts'
import { toUpstreamBody } from './read-upstream-listing.ts'
import { readUpstreamVersions, type UpstreamVersionsInput } from './read-upstream-versions.ts'
import type { UpstreamVersion } from './upstream-version.ts'

const COMMIT = 'c'.repeat(40)
const DIST = { type: 'zip', url: 'https://cdn.example/a.zip', reference: COMMIT, shasum: 'D'.repeat(40) }

function read(document: unknown, input: Partial<UpstreamVersionsInput> = {}): ReturnType<typeof readUpstreamVersions> {
  return readUpstreamVersions({
    name: 'acme/http',
    document,
    file: 'plain',
    baseUrl: 'https://r.example/acme/packages.json',
    ...input,
  })
}

function list(versions: unknown, more: object = {}): object {
  return { packages: { 'acme/http': versions }, ...more }
}

function version(fields: object = {}): Record<string, unknown> {
  return { name: 'acme/http', version: '1.0.0', dist: DIST, ...fields }
}

function versionsOf(...versions: object[]): UpstreamVersion[] {
  const result = read(list(versions))
  if (result.kind !== 'versions') throw new Error(JSON.stringify(result))
  return result.versions
}

function one(fields: object): UpstreamVersion {
  const [found] = versionsOf(version(fields))
  if (found === undefined) throw new Error('It was left out.')
  return found
}

function reasonFor(fields: object): string | undefined {
  const result = read(list([version(fields)]))
  return result.kind === 'versions' && result.versions.length === 0 ? result.skipped[0]?.reason : undefined
}

describe('a document of versions', () => {
  const two = [version({ version: 'v1.1.0', description: 'New.' }), version({ description: 'Old.' })]

  test.each([
    ['a list', list(two)],
    ['a minified list', list(minifyVersions(two), { minified: 'composer/2.0' })],
    ['a map', list({ '1.1.0': two[0], other: two[1] })],
    ['a map of which another package is a part', { packages: { 'acme/http': two, 'acme/other': [] } }],
    ['a document that was stored', JSON.parse(toUpstreamBody('acme/http', two)) as unknown],
  ])('CO-026 may be %s', (_, document) => {
    const result = read(document, { file: 'any' })
    expect(result).toMatchObject({
      kind: 'versions',
      versions: [
        { version: 'v1.1.0', normalized: '1.1.0.0', stability: 'stable', manifest: { description: 'New.' } },
        { version: '1.0.0', normalized: '1.0.0.0', manifest: { description: 'Old.' } },
      ],
      skipped: [],
    })
  })

  test('that was minified has no field that was unset', () => {
    const minified = [version({ version: '2.0', license: ['MIT'] }), { version: '1.0', license: '__unset' }]
    const result = read(list(minified, { minified: 'composer/2.0' }))
    expect(result).toMatchObject({ versions: [{ manifest: { license: ['MIT'] } }, { version: '1.0', manifest: {} }] })
  })

  test('CO-023 may be empty, which is not absent', () => {
    expect(read(list([]))).toEqual({ kind: 'versions', versions: [], skipped: [] })
    expect(read({ packages: [] })).toEqual({ kind: 'absent' })
    expect(read({ packages: {}, minified: 'composer/2.0' })).toEqual({ kind: 'absent' })
    expect(read({ 'security-advisories': [] })).toEqual({ kind: 'absent' })
    const standIn = version({ name: 'acme/other', replace: { 'Acme/Http': 'self.version' } })
    expect(read({ packages: { 'acme/other': { '1.0': standIn } } }, { file: 'any' })).toEqual({ kind: 'absent' })
    expect(read({ packages: { 'acme/other': { '1.0': standIn } } })).toMatchObject({ kind: 'unusable' })
  })

  test.each([
    ['a text', 'Please log in.', 'no JSON object'],
    ['null', null, 'no JSON object'],
    ['a list', [], 'no JSON object'],
    ['an object about something else', { message: 'hello' }, 'has no "packages"'],
    ['packages that are a text', { packages: 'none' }, 'is no object'],
    ['versions that are a text', list('none'), 'are no list'],
    ['another package alone', { packages: { 'evil/http': [version({ name: 'evil/http' })] } }, 'it has evil/http, not acme/http'],
    ['versions of another package', list([version(), version({ name: 'evil/http' })]), 'versions of evil/http'],
  ])('abuse 25: %s is unusable', (_, document, problem) => {
    expect(read(document)).toEqual({ kind: 'unusable', problem: expect.stringContaining(problem) })
  })

  test('knows the name in any letter case, and a version without one', () => {
    const result = read({
      packages: { 'Acme/Http': [version({ name: 'ACME/http' }), version({ name: undefined, version: '2.0' })] },
    })
    expect(result).toMatchObject({ kind: 'versions', versions: [{ version: '1.0.0' }, { version: '2.0' }] })
  })

  test('may have keys that reach for prototypes', () => {
    const text = `{"packages":{"__proto__":{"acme/http":[]},"acme/http":[{"__proto__":{"version":"9.0"},"version":"1.0","dist":${JSON.stringify(DIST)},
      "require":{"__proto__":"^1.0"},"extra":{"constructor":{"x":1}}}]}}`
    const result = read(JSON.parse(text))
    expect(result).toMatchObject({ kind: 'versions', versions: [{ version: '1.0' }] })
    expect(JSON.stringify(result)).toContain('"require":{"__proto__":"^1.0"}')
    expect(read(JSON.parse('{"packages":{"__proto__":{"acme/http":[]}}}'), { file: 'any' })).toMatchObject({ kind: 'unusable' })
  })
})

describe('a version', () => {
  test('is normalized here, whatever the upstream says', () => {
    expect(one({ version: 'v1.2', version_normalized: '9.9.9.9' }).normalized).toBe('1.2.0.0')
    expect(one({ version: 'dev-main', version_normalized: '9999999-dev' }).normalized).toBe('dev-main')
    expect(one({ version: 2 }).normalized).toBe('2.0.0.0')
  })

  test('CO-029 that Composer takes for one that was there is left out', () => {
    const result = read(list([version({ version: 'v1.0', description: 'First.' }), version({ version: '1.0.0.0' })]))
    expect(result).toMatchObject({
      versions: [{ manifest: { description: 'First.' } }],
      skipped: [{ reason: 'it is the same as v1.0' }],
    })
  })

  test('CO-030 is the default branch at most once, also in files of Composer 1', () => {
    const isDefault = (found: UpstreamVersion[]) => found.map(({ isDefaultBranch }) => isDefaultBranch)
    const [main, next, stable] = ['dev-main', 'dev-next', '1.0'].map((name) => version({ version: name, 'default-branch': true }))
    expect(isDefault(versionsOf(stable!, main!, next!))).toEqual([false, true, false])
    const v1 = version({ version: 'dev-master', version_normalized: '9999999-dev', uid: 17 })
    expect(isDefault(versionsOf(v1, version({ version: '1.x-dev', version_normalized: '9999999-dev' })))).toEqual([true, false])
  })

  test('CO-032 has a time of any spelling, or none', () => {
    expect(one({ time: '2024-01-02 03:04:05' }).time).toBe('2024-01-02T03:04:05+00:00')
    expect(one({ time: 1_704_164_645 }).time).toBe('2024-01-02T03:04:05+00:00')
    expect(one({ time: 'some day', 'published-time': '2024-01-02' })).toMatchObject({
      time: null,
      publishedTime: '2024-01-02T00:00:00+00:00',
    })
  })

  test('CO-033 is abandoned or not', () => {
    expect([true, 'acme/next', false, ''].map((abandoned) => one({ abandoned }).abandoned)).toEqual([
      true,
      'acme/next',
      false,
      false,
    ])
  })

  test('CO-039 keeps what clients need in the shape that they expect, and nothing else', () => {
    const kept = {
      description: 'Speaks HTTP.',
      keywords: ['http'],
      homepage: 'https://acme.example',
      authors: [{ name: 'A', email: 'a@acme.example' }],
      support: { issues: 'https://acme.example/issues' },
      funding: [{ type: 'github', url: 'https://acme.example/fund' }],
      autoload: { 'psr-4': { 'Acme\\': 'src/' }, files: ['a.php'] },
      extra: { 'branch-alias': { 'dev-main': '1.x-dev' }, anything: [1, { deep: null }] },
      'include-path': ['lib'],
      require: { php: '>=8.1', 'acme/core': 'self.version' },
      'require-dev': { 'acme/test': '^1.0 || dev-main' },
      suggest: { 'acme/log': 'to log' },
      conflict: { 'acme/old': '<1' },
      provide: { 'psr/http': '1.0' },
      replace: { 'acme/part': 'self.version' },
    }
    const useless = {
      ...{ uid: 5, 'notification-url': 'https://evil.example/', config: { a: 1 }, repositories: [], scripts: { a: 'b' } },
      ...{
        'minimum-stability': 'dev',
        'transport-options': { ssl: {} },
        'installation-source': 'dist',
        'security-advisories': [],
      },
    }
    const found = one({ ...kept, ...useless, license: 'MIT', bin: 'bin/http', type: 'Library' })
    expect(found).toMatchObject({ type: 'library' })
    expect(found.manifest).toEqual({ ...kept, license: ['MIT'], bin: ['bin/http'] })
  })

  test('loses what is malformed and could be done without', () => {
    const { manifest } = one({
      ...{
        description: ['no'],
        homepage: 'javascript:alert(1)',
        authors: ['me'],
        support: { source: 'javascript:1' },
        license: [1, {}],
      },
      ...{ funding: 'me', suggest: ['x'], extra: 'text', autoload: { 'psr-4': 'src/' }, require: { 'acme/core': 7 } },
    })
    expect(manifest).toEqual({ license: ['1'], suggest: { '0': 'x' } })
  })

  test.each([
    ['CO-036', { version: 'latest' }, '"latest" is no version'],
    ['CO-036', { version: '1.0 beta' }, 'is no version'],
    ['CO-036', { version: 'dev-a#b' }, 'is no version'],
    ['CO-036', { version: 'dev-a\u0007b' }, 'is no version'],
    ['CO-036', { version: ['1.0'] }, 'it has no version'],
    ['CO-036', { version: '1'.repeat(5000) }, 'is no version'],
    ['CO-037', { require: { 'acme/core': 'not a constraint' } }, 'should be a valid version constraint'],
    ['CO-037', { conflict: { 'acme/core': '>=' } }, 'should be a valid version constraint'],
    ['CO-122', { bin: ['../../etc/passwd'] }, 'must not contain a ".." path component'],
    ['a type error', { autoload: 'src/' }, 'autoload should be an array'],
    ['a type error', { extra: { 'branch-alias': { 'dev-main': 1 } } }, 'branch-alias'],
    ['text that is none', { description: '\ud800' }, 'unpaired surrogate'],
    ['a number that is none', { extra: { size: Number.POSITIVE_INFINITY } }, 'too large'],
  ])('%s: what clients could not load is left out with a reason (%#)', (_, fields, reason) => {
    expect(reasonFor(fields)).toContain(reason)
  })

  test('nested too deep is left out', () => {
    const deep = JSON.parse('['.repeat(3000) + ']'.repeat(3000)) as unknown
    expect(reasonFor({ extra: { deep } })).toContain('nested deeper')
  })

  test('that is no object is left out', () => {
    expect(read(list(['1.0', null, version()]))).toMatchObject({
      versions: [{ version: '1.0.0' }],
      skipped: [{ reason: 'it is no object' }, { reason: 'it is no object' }],
    })
  })
})

describe('where the files of a version are', () => {
  test('CO-038 is complete, or it is not there', () => {
    const source = { type: 'git', url: 'https://git.example/a.git', reference: COMMIT }
    expect(one({ source })).toMatchObject({ source, dist: { ...DIST, shasum: 'd'.repeat(40) } })
    expect(one({ source: { ...source, reference: '' } }).source).toBeNull()
    expect(one({ source, dist: { type: 'zip' } }).dist).toBeNull()
    expect(one({ dist: { ...DIST, shasum: '' } }).dist?.shasum).toBeNull()
    expect(one({ dist: { ...DIST, shasum: 'z'.repeat(40) } }).dist?.shasum).toBeNull()
  })

  test('CO-086 is needed by all but metapackages', () => {
    expect(one({ type: 'metapackage', dist: null, require: { 'acme/a': '^1' } })).toMatchObject({ dist: null, source: null })
    expect(reasonFor({ dist: undefined })).toContain('neither an archive nor a source')
  })

  test('may be relative, and have placeholders', () => {
    expect(one({ dist: { ...DIST, url: '/dist/a.zip' } }).dist?.url).toBe('https://r.example/dist/a.zip')
    expect(one({ dist: { ...DIST, url: 'dist/a.zip' } }).dist?.url).toBe('https://r.example/acme/dist/a.zip')
    const url = 'https://r.example/%package%/%version%/%prettyVersion%/%reference%.%type%'
    expect(one({ version: 'v1.0', dist: { ...DIST, url } }).dist?.url).toBe(
      `https://r.example/acme/http/1.0.0.0/v1.0/${COMMIT}.zip`,
    )
  })

  test.each([
    'javascript:alert(1)',
    'ftp://cdn.example/a.zip',
    'file:///etc/passwd',
    'data:,x',
    'https://a\u0000b/',
    '-oProxyCommand=x y',
  ])('abuse 35: %p is no address of an archive', (url) => {
    expect(reasonFor({ dist: { ...DIST, url } })).toContain('neither an archive nor a source')
  })

  test('abuse 35: user and password are taken out of addresses', () => {
    const source = { type: 'git', url: 'https://user:secret@git.example/a.git', reference: 'main' }
    const found = one({ source, dist: { ...DIST, url: 'https://user:secret@cdn.example/a.zip' } })
    expect(found.dist?.url).toBe('https://cdn.example/a.zip')
    expect(found.source?.url).toBe('https://git.example/a.git')
  })

  test.each(['rar', 'path', 'file', 'phar', 'xz', ''])('an archive of type %p cannot be used', (type) => {
    expect(reasonFor({ dist: { ...DIST, type } })).toContain('neither an archive nor a source')
  })

  test.each([
    ['git@git.example:acme/http.git', true],
    ['ssh://git@git.example/acme/http.git', true],
    ['svn+ssh://svn.example/acme', true],
    ['ext::sh -c touch% /tmp/x', false],
    ['--upload-pack=x', false],
    ['/srv/git/http.git', false],
    ['file:///srv/git/http.git', false],
    ['https://-x.example/a.git', false],
  ])('a source at %s may be shown: %p', (url, isShown) => {
    expect(one({ source: { type: 'git', url, reference: COMMIT } }).source !== null).toBe(isShown)
  })
})

describe('the reference of a version', () => {
  const source = { type: 'git', url: 'https://git.example/a.git', reference: 'e'.repeat(40) }

  test('is that of the archive, else of the source, else made of what is known', () => {
    expect(one({ source }).reference).toBe(COMMIT)
    expect(one({ source, dist: { ...DIST, reference: null } }).reference).toBe('e'.repeat(40))
    const made = one({ dist: { ...DIST, reference: '' } }).reference
    expect(made).toMatch(/^[0-9a-f]{40}$/)
    expect(one({ dist: { ...DIST, reference: '', shasum: '1'.repeat(40) } }).reference).not.toBe(made)
  })

  test('of a metapackage changes with what it requires', () => {
    const of = (constraint: string) => one({ type: 'metapackage', dist: null, require: { 'acme/a': constraint } }).reference
    expect(of('^1')).toBe(of('^1'))
    expect(of('^1')).not.toBe(of('^2'))
  })

  test.each(['a/b', '../x', 'r1234567', 'x'.repeat(101), 'a b', 'ä'])(
    'never is %p, which could not stand in an address',
    (reference) => {
      expect(one({ dist: { ...DIST, reference } }).reference).toMatch(/^[0-9a-f]{40}$/)
    },
  )

  test('that is no commit and that several archives have is replaced by one for each', () => {
    const shared = ['1.0', '2.0'].map((name) =>
      version({ version: name, dist: { ...DIST, reference: 'latest', url: `/${name}.zip` } }),
    )
    const [first, second] = versionsOf(...shared)
    expect(first?.reference).toMatch(/^[0-9a-f]{40}$/)
    expect(first?.reference).not.toBe(second?.reference)
    const tagged = ['1.0', 'dev-main'].map((name) => version({ version: name, dist: { ...DIST, url: `/${name}.zip` } }))
    expect(versionsOf(...tagged).map(({ reference }) => reference)).toEqual([COMMIT, COMMIT])
  })
})
