import { describe, expect, test } from 'bun:test'
import { importReferences, type SourceRef } from './references.ts'

function ref(kind: 'tag' | 'branch', name: string, manifest: Record<string, unknown> | null = { name: 'acme/http' }): SourceRef {
  const text = JSON.stringify(manifest)
  return {
    kind,
    name,
    commit: new Bun.CryptoHasher('sha1').update(`${kind} ${name}`).digest('hex'),
    objectType: 'commit',
    authoredAt: 1_700_000_000,
    manifest: manifest === null ? { kind: 'absent' } : { kind: 'text', id: text, bytes: new TextEncoder().encode(text) },
  }
}

/** The table of contracts/pricore.md §9.4, as upstream has it. */
const TABLE: [kind: 'tag' | 'branch', name: string, version: string, normalized: string, file: 'main' | '~dev'][] = [
  ['tag', 'v1.0.0', 'v1.0.0', '1.0.0.0', 'main'],
  ['tag', '1.0.0-beta1', '1.0.0-beta1', '1.0.0.0-beta1', 'main'],
  ['tag', 'v3.0.0-RC2', 'v3.0.0-RC2', '3.0.0.0-RC2', 'main'],
  ['tag', '1.0.0-p1', '1.0.0-p1', '1.0.0.0-patch1', 'main'],
  ['tag', '1.0.0+build.5', '1.0.0+build.5', '1.0.0.0', 'main'],
  ['tag', '1.0.0-dev', '1.0.0-dev', '1.0.0.0-dev', '~dev'],
  ['tag', '1.0.x-dev', '1.0.x-dev', '1.0.9999999.9999999-dev', '~dev'],
  ['branch', 'main', 'dev-main', 'dev-main', '~dev'],
  ['branch', 'feature/foo', 'dev-feature/foo', 'dev-feature/foo', '~dev'],
  ['tag', '1', 'dev-1', 'dev-1', '~dev'],
  ['tag', 'v1', 'dev-v1', 'dev-v1', '~dev'],
  ['tag', 'release-1.0.0', 'dev-release-1.0.0', 'dev-release-1.0.0', '~dev'],
  ['tag', 'V1.0.0', 'dev-V1.0.0', 'dev-V1.0.0', '~dev'],
  ['tag', '20240115', 'dev-20240115', 'dev-20240115', '~dev'],
  ['tag', '1.0.0-hotfix', '1.0.0-hotfix', 'dev-1.0.0-hotfix', '~dev'],
  ['tag', '1.5-maintenance', '1.5-maintenance', 'dev-1.5-maintenance', '~dev'],
  ['tag', '1.2.3.4.5', '1.2.3.4.5', 'dev-1.2.3.4.5', '~dev'],
  ['branch', '1.x', 'dev-1.x', 'dev-1.x', '~dev'],
  ['branch', '2.0.x', '2.0.x', 'dev-2.0.x', '~dev'],
  ['branch', '1.0', '1.0', '1.0.0.0', 'main'],
]

describe('refs taken literally', () => {
  test.each(TABLE)('PR-601 PR-602 the %s %s is the version %s, %s, in the %s file', (kind, name, version, normalized, file) => {
    const { versions, skipped } = importReferences({ refs: [ref(kind, name)], defaultBranch: null, rules: 'literal' })

    expect(skipped).toEqual([])
    expect(versions).toMatchObject([{ version, normalized, isDev: file === '~dev' }])
  })

  test('PR-602 of a tag and a branch with one version the tag wins', () => {
    const refs = [ref('branch', '1.0'), ref('tag', '1.0')]

    const { versions, skipped } = importReferences({ refs, defaultBranch: 'main', rules: 'literal' })

    expect(versions.map(({ ref: name }) => name)).toEqual(['refs/tags/1.0'])
    expect(skipped).toMatchObject([{ ref: 'refs/heads/1.0', code: 'duplicate-version' }])
  })

  test('PR-615 each ref belongs to the package that its own manifest names', () => {
    const refs = [
      ref('tag', '1.0.0', { name: 'acme/old' }),
      ref('tag', '2.0.0', { name: 'acme/new' }),
      ref('branch', 'main', { name: 'acme/new' }),
    ]

    const { versions } = importReferences({ refs, defaultBranch: 'main', rules: 'literal' })

    expect(versions.map(({ name, version }) => `${name} ${version}`)).toEqual([
      'acme/old 1.0.0',
      'acme/new 2.0.0',
      'acme/new dev-main',
    ])
  })

  test('PR-603 refs without a usable manifest are skipped and the others are not', () => {
    const refs = [ref('tag', '1.0.0', null), ref('tag', '1.1.0', { name: 7 }), ref('tag', '1.2.0')]

    const { versions, skipped } = importReferences({ refs, defaultBranch: null, rules: 'literal' })

    expect(versions.map(({ version }) => version)).toEqual(['1.2.0'])
    expect(skipped.map(({ ref: name }) => name)).toEqual(['refs/tags/1.0.0', 'refs/tags/1.1.0'])
  })
})

test.each([
  ['branch', '1.x', '1.x-dev', '1.9999999.9999999.9999999-dev'],
  ['branch', '2.0.x', '2.0.x-dev', '2.0.9999999.9999999-dev'],
  ['branch', '1.0', '1.0.x-dev', '1.0.9999999.9999999-dev'],
] as const)('PR-602 by default the %s %s is what Composer makes of it: %s', (kind, name, version, normalized) => {
  const { versions } = importReferences({ refs: [ref(kind, name)], defaultBranch: null })

  expect(versions).toMatchObject([{ version, normalized, isDev: true }])
})
