import { describe, expect, test } from 'bun:test'
import {
  importReferences,
  type ImportedVersion,
  type ImportResult,
  type SourceRef,
} from '../../../src/composer/import/references.ts'
import { LINK_KINDS } from '../../../src/composer/import/version-manifest.ts'
import { metadataVersion, sortForMetadata } from '../../../src/composer/metadata-version.ts'
import { readJsonFixture } from '../../kit/fixtures.ts'

describe('Clauses of the import', () => {
  test('CO-114 a tag whose manifest has another version is skipped, one that has the same in another spelling is not', () => {
    const result = imported([tag('1.0.4', { version: '1.0.5' }), tag('1.0.2', { version: 'v1.0.2' })])

    expect(versionsOf(result)).toEqual(['v1.0.2'])
    expect(skipsOf(result)).toEqual(['1.0.4 version-mismatch'])
    expect(result.skipped[0]?.reason).toBe('tag (1.0.4.0) does not match version (1.0.5.0) in composer.json')
  })

  test('CO-115 a tag with a dev suffix is skipped', () => {
    expect(skipsOf(imported([tag('1.0.0-dev'), tag('dev-foo'), tag('3.4.x-dev')]))).toEqual([
      '1.0.0-dev dev-suffix',
      '3.4.x-dev dev-suffix',
      'dev-foo dev-suffix',
    ])
  })

  test('CO-116 and abuse case 3: of two tags for one version the first by name wins and the other is reported', () => {
    const result = imported([tag('v1.0.0'), tag('1.0.0'), tag('1.00.0')])

    expect(versionsOf(result)).toEqual(['1.0.0'])
    expect(skipsOf(result)).toEqual(['1.00.0 duplicate-version', 'v1.0.0 duplicate-version'])
  })

  test('CO-117 release- is cut from a tag', () => {
    expect(versionsOf(imported([tag('release-2.0.0')]))).toEqual(['2.0.0'])
  })

  test('CO-118 branches get their version from the name, or are skipped when it cannot stand in a constraint', () => {
    const { cases } = readJsonFixture<{ cases: BranchCase[] }>('semver/normalize-branch.json')
    const named = cases.filter(({ input }) => input !== '' && input.trim() === input && !input.startsWith('-'))

    for (const { input, branch: expected } of named) {
      const { versions } = imported([branch(input)])
      const found = versions.map(({ version, normalized }) => ({ version, version_normalized: normalized }))
      const wanted = expected.accepted ? [{ version: expected.version, version_normalized: expected.version_normalized }] : []
      expect<unknown>({ input, found }).toEqual({ input, found: wanted })
    }
    expect(named.length).toBeGreaterThan(250)
  })

  test('CO-119 faults of a branch that Composer tolerates are reported and do not hide the branch', () => {
    const { versions } = imported([branch('main', { homepage: 'javascript:alert(1)' })])

    expect(versions[0]?.problems).toEqual(['homepage : invalid value (javascript:alert(1)), must be an http/https URL'])
    expect(versions[0]?.manifest.homepage).toBeUndefined()
  })

  test('CO-120 and abuse case 6: the name of the default branch is given to all refs', () => {
    const result = imported([
      branch('main', { name: 'acme/new' }),
      tag('1.0.0', { name: 'acme/old' }),
      tag('2.0.0', { name: '../..' }),
    ])

    expect(result.packageName).toBe('acme/new')
    expect(result.versions.map(({ name }): string => name)).toEqual(['acme/new', 'acme/new', 'acme/new'])
  })

  test('abuse case 6: without a name on the default branch each ref has its own, in lower case and only if it is a valid one', () => {
    const names = ['Acme/Widget', 'Vendor/..', 'con/nul', 'acme/a.php', 'acme/a.b', 'acme/a.json', 'ext-json', '']
    const result = imported([branch('main', { name: null }), ...names.map((name, index) => tag(`1.${index}.0`, { name }))])

    expect(result.packageName).toBeNull()
    expect(result.versions.map(({ name }): string => name)).toEqual(['acme/widget', 'acme/a.php', 'acme/a.b'])
    expect(skipsOf(result)).toEqual(['1.1.0', '1.2.0', '1.5.0', '1.6.0', '1.7.0', 'main'].map((ref) => `${ref} rejected`))
  })

  test('an invalid name on the default branch is not replaced by those of other refs', () => {
    const result = imported([branch('main', { name: 'no-vendor' }), tag('1.0.0', { name: 'acme/old' })])

    expect(skipsOf(result)).toEqual(['1.0.0 rejected', 'main rejected'])
  })

  test.each(LINK_KINDS)('CO-121 a version with its own package under %s is skipped', (kind) => {
    expect(skipsOf(imported([branch('main', { [kind]: { 'Acme/Widget': '*' } })]))).toEqual(['main rejected'])
  })

  test('CO-122 a bin that leaves the package is refused', () => {
    const bins = ['../x', 'bin/../../x', ['bin/a', '..\\x'], '..']

    expect(bins.map((bin) => imported([branch('main', { bin })]).versions.length)).toEqual([0, 0, 0, 0])
    expect(imported([branch('main', { bin: '/bin/..x' })]).versions[0]?.manifest.bin).toEqual(['bin/..x'])
  })

  test('CO-127 a type is lower-cased, and one that is no name becomes library', () => {
    const types = ['Composer-Plugin', 'my_type', 'a/../b', '', '0']

    expect(types.map((type) => imported([branch('main', { type })]).versions[0]?.type)).toEqual([
      'composer-plugin',
      'my_type',
      ...['library', 'library', 'library'],
    ])
  })

  test('CO-036 and CO-037 a version or constraint that does not parse never comes out', () => {
    const result = imported([tag('latest'), tag('1.0.0', { require: { php: '???' } }), tag('2.0.0', { require: { php: '>=8' } })])

    expect(versionsOf(result)).toEqual(['2.0.0'])
    expect(skipsOf(result)).toEqual(['1.0.0 rejected', 'latest invalid-name'])
  })

  test('CO-032 time is the author date in RFC 3339 unless the manifest names one that means the same at each reading', () => {
    const times = ['2012-12-21T11:40:51+02:00', '1356090051', 'yesterday', '2012-12-21 11:40 Europe/Paris', '']

    expect(times.map((time) => imported([branch('main', { time })]).versions[0]?.time)).toEqual([
      '2012-12-21T11:40:51+02:00',
      '2012-12-21T11:40:51+00:00',
      null,
      null,
      '2023-11-14T22:13:20+00:00',
    ])
  })

  test('a tag of a tree is skipped even if its manifest names a time', () => {
    const tree: SourceRef = { ...tag('1.0.0', { time: '2012-12-21' }), objectType: 'tree' }

    expect(skipsOf(imported([tree]))).toEqual(['1.0.0 rejected'])
  })

  test('abuse case 2: hostile ref names are listed as skipped, other refs import', () => {
    const names = ['-rf', '--output=/x', 'a\nb', 'x'.repeat(1000), 'a\ufffdb', 'a\u202eb', 'a\ud800b']
    const result = imported([branch('main'), ...names.map((name) => branch(name)), branch('$(id)'), tag('--upload-pack=x')])

    expect(versionsOf(result)).toEqual(['dev-main', 'dev-$(id)'])
    expect(result.skipped.map(({ code }) => code).toSorted()).toEqual([
      ...Array(6).fill('invalid-name'),
      'not-listed',
      'not-listed',
    ])
  })

  test('abuse case 4: a manifest of 20 MB is skipped alone', () => {
    const large = tag('2.0.0', { extra: { pad: 'x'.repeat(20 * 1024 * 1024) } })
    const result = imported([tag('1.0.0'), large])

    expect(versionsOf(result)).toEqual(['1.0.0'])
    expect(skipsOf(result)).toEqual(['2.0.0 rejected'])
  })
})

describe('Metadata of a version', () => {
  const origin = { type: 'git', url: 'https://git.example.org/x.git', reference: 'abc' }

  test('CO-038 source and dist are complete or absent', () => {
    const version = onlyVersion({})
    const complete = metadataVersion(version, {
      source: origin,
      dist: { ...origin, type: 'zip', shasum: '00' },
      abandoned: false,
    })
    const incomplete = metadataVersion(version, {
      source: { ...origin, reference: null },
      dist: { ...origin, url: '' },
      abandoned: false,
    })
    const options = metadataVersion(version, {
      source: { ...origin, reference: '-x' },
      dist: { ...origin, url: '-x' },
      abandoned: false,
    })

    expect(complete).toMatchObject({ source: origin, dist: { ...origin, type: 'zip', shasum: '00' } })
    expect([incomplete, options].flatMap(Object.keys).filter((key) => key === 'source' || key === 'dist')).toEqual([])
  })

  test('CO-039 only fields that clients read are there, in the order of the contract', () => {
    const order =
      'name description keywords homepage version version_normalized license authors source dist type support php-ext funding time ' +
      'published-time autoload extra target-dir include-path bin default-branch require require-dev suggest conflict provide replace abandoned'
    const version = onlyVersion(EVERYTHING)
    const context = { source: origin, dist: origin, abandoned: 'acme/next', publishedTime: '2024-01-01T00:00:00+00:00' }

    expect(Object.keys(metadataVersion(version, context))).toEqual(order.split(' '))
  })

  test('abandoned is that of the package, not what the manifest of an old version says (CO-033)', () => {
    const version = onlyVersion({ abandoned: true })

    expect(version.abandoned).toBe(true)
    expect(metadataVersion(version, { source: null, dist: null, abandoned: false })).not.toHaveProperty('abandoned')
  })
})

test('CO-027 versions are sorted newest first, the default branch before all and a branch in place of its alias', () => {
  const alias = { extra: { 'branch-alias': { 'dev-next': '2.x-dev' } } }
  const names = ['1.0.0', '1.10.0', '1.2.0', '3.0.0-RC1']
  const { versions } = imported([
    ...names.map((name) => tag(name)),
    ...[branch('main'), branch('next', alias), branch('1.x'), branch('other')],
  ])

  expect(sortForMetadata(versions).map(({ version }) => version)).toEqual([
    ...['dev-main', '3.0.0-RC1', 'dev-next', '1.x-dev', '1.10.0', '1.2.0', '1.0.0', 'dev-other'],
  ])
})

describe('Effort of an import', () => {
  test('a manifest is read once, in this import and the next', () => {
    const cache = new Map()
    const refs = [tag('1.0.0'), tag('1.0.1'), tag('1.0.2', { type: 'project' })]

    importReferences({ refs, defaultBranch: null, cache })
    const first = [...cache.values()]
    const again = importReferences({ refs, defaultBranch: null, cache })

    expect(first.length).toBe(2)
    expect([...cache.values()].every((loaded, index) => loaded === first[index])).toBe(true)
    expect(again.versions.length).toBe(3)
  })

  test('abuse case 4: what a hostile manifest makes us say stays short', () => {
    const long = 'x'.repeat(900_000)
    const links = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`BAD ${index}`, '*']))
    const manifests = [{ name: long }, { version: long }, { require: { php: long } }, { bin: `../${long}` }, { require: links }]
    const result = imported(manifests.map((manifest, index) => tag(`1.${index}.0`, manifest)))

    expect(result.skipped.map(({ reason }) => reason.length).filter((length) => length > 300)).toEqual([])
    expect(result.versions.map(({ problems }) => problems.length)).toEqual([50])
  })

  test('abuse case 7: 100,000 tags are decided', () => {
    const refs = Array.from({ length: 100_000 }, (_, index) => tag(`1.${Math.trunc(index / 1000)}.${index % 1000}`))

    expect(importReferences({ refs, defaultBranch: 'main' }).versions.length).toBe(100_000)
  })
})

const EVERYTHING = {
  ...{
    description: 'd',
    keywords: ['k'],
    homepage: 'https://example.org',
    license: 'MIT',
    authors: [{ name: 'J' }],
    type: 'php-ext',
  },
  ...{ support: { issues: 'https://example.org' }, 'php-ext': { 'extension-name': 'x' }, funding: [{ type: 'x' }] },
  ...{ autoload: { classmap: ['src/'] }, extra: { a: 1 }, 'target-dir': 'x', 'include-path': ['src/'], bin: 'bin/x' },
  ...{ require: { php: '*' }, 'require-dev': { php: '*' }, suggest: { 'a/b': 'c' }, conflict: { 'a/c': '*' } },
  ...{
    provide: { 'a/d': '*' },
    replace: { 'a/e': '*' },
    config: {},
    repositories: [],
    scripts: { a: 'b' },
    'minimum-stability': 'dev',
  },
}

interface BranchCase {
  input: string
  branch: { accepted: boolean; version?: string; version_normalized?: string }
}

function tag(name: string, manifest: object = {}): SourceRef {
  const text = JSON.stringify({ name: 'acme/widget', ...manifest })
  const read = { kind: 'text', id: text.slice(0, 200), bytes: Buffer.from(text) } as const
  return { kind: 'tag', name, commit: 'c0ffee', objectType: 'commit', authoredAt: 1_700_000_000, manifest: read }
}

function branch(name: string, manifest: object = {}): SourceRef {
  return { ...tag(name, manifest), kind: 'branch' }
}

function imported(refs: SourceRef[]): ImportResult {
  return importReferences({ refs, defaultBranch: 'main' })
}

function onlyVersion(manifest: object): ImportedVersion {
  const [version] = imported([branch('main', manifest)]).versions
  if (version === undefined) throw new Error('the manifest was not imported')
  return version
}

function versionsOf({ versions }: ImportResult): string[] {
  return versions.map(({ version }) => version)
}

function skipsOf({ skipped }: ImportResult): string[] {
  return skipped.map(({ ref, code }) => `${ref.replace(/^refs\/(tags|heads)\//, '')} ${code}`)
}
