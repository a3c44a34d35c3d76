import type { ImportInput, SourceRef } from '../../../src/composer/import/references.ts'
import type { JsonObject } from '../../../src/composer/manifest/json.ts'
import { readJsonFixture } from '../../kit/fixtures.ts'

/** A recorded repository with Composer's verdict on each ref, as far as the tests read it. */
export interface RepositoryFixture {
  default_branch: string | null
  refs: {
    kind: 'tag' | 'branch'
    name: string
    commit: string
    committed_at?: string
    authored_at?: string
    manifest: string | null
    mode?: string
    object_type?: 'tree' | 'blob'
  }[]
  manifests: Record<string, string | { base64: string }>
  expected: {
    root_identifier: string
    error: object | null
    versions: ExpectedVersion[]
    skipped: { ref: string; code: string; reason: string | null }[]
  }
}

/** A version as Composer loaded it; `dump` is its metadata without source and dist. */
export type ExpectedVersion = JsonObject & { ref: string; dump?: JsonObject }

/** The recorded repositories, by file name without extension. */
export const REPOSITORIES = [
  'Smile-SA--elasticsuite',
  'ezyang--htmlpurifier',
  'guzzle--guzzle',
  'pear--pear-core',
  'smarty-php--smarty',
  'spatie--laravel-permission',
  'splitbrain--dokuwiki',
  'symfony--console',
  'synthetic--aliases',
  'synthetic--default-2.x-alias',
  'synthetic--default-2.x',
  'synthetic--default-detached',
  'synthetic--default-feature',
  'synthetic--default-main',
  'synthetic--default-missing',
  'synthetic--default-trunk',
  'synthetic--default-v2.x-alias',
  'synthetic--default-v2.x',
  'synthetic--empty',
  'synthetic--manifests',
  'synthetic--names-default-absent',
  'synthetic--names-default-broken',
  'synthetic--names-default-nameless',
  'synthetic--names',
  'synthetic--no-manifest',
  'synthetic--refs',
  'synthetic--tag-objects',
  'synthetic--tags-only',
  'synthetic--version-field',
  'tecnickcom--TCPDF',
  'zendframework--zend-diactoros',
]

/** Reads one recorded repository. */
export function readRepository(name: string): RepositoryFixture {
  return readJsonFixture<RepositoryFixture>(`repositories/${name}.json`)
}

/** What a sync would hand to the import. */
export function toImportInput(fixture: RepositoryFixture): ImportInput {
  return { defaultBranch: fixture.default_branch, refs: fixture.refs.map((ref) => toSourceRef(fixture, ref)) }
}

function toSourceRef(fixture: RepositoryFixture, ref: RepositoryFixture['refs'][number]): SourceRef {
  const date = ref.authored_at ?? ref.committed_at
  return {
    kind: ref.kind,
    name: ref.name,
    commit: ref.commit,
    objectType: ref.object_type ?? 'commit',
    authoredAt: date === undefined ? null : Date.parse(date) / 1000,
    manifest: toManifest(fixture, ref),
  }
}

function toManifest(fixture: RepositoryFixture, ref: RepositoryFixture['refs'][number]): SourceRef['manifest'] {
  if (ref.mode === '040000') return { kind: 'unreadable', reason: 'composer.json is a directory' }
  const text = ref.manifest === null ? undefined : fixture.manifests[ref.manifest]
  if (ref.manifest === null || text === undefined) return { kind: 'absent' }
  const bytes = typeof text === 'string' ? Buffer.from(text) : Buffer.from(text.base64, 'base64')
  return { kind: 'text', id: ref.manifest, bytes }
}
