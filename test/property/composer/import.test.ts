import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { importReferences, type SourceRef } from '../../../src/composer/import/references.ts'
import { type JsonValue, readManifestJson } from '../../../src/composer/manifest/json.ts'
import { validateManifest } from '../../../src/composer/manifest/validate.ts'
import { metadataVersion } from '../../../src/composer/metadata-version.ts'
import { parsePackageName } from '../../../src/composer/names.ts'
import { tryParseConstraint } from '../../../src/composer/constraints.ts'
import { tryNormalizeVersion } from '../../../src/composer/versions.ts'

const FIELDS = [
  ...[
    'name',
    'version',
    'type',
    'time',
    'abandoned',
    'description',
    'homepage',
    'keywords',
    'license',
    'authors',
    'support',
    'funding',
  ],
  ...[
    'php-ext',
    'autoload',
    'autoload-dev',
    'extra',
    'target-dir',
    'include-path',
    'bin',
    'require',
    'require-dev',
    'suggest',
    'conflict',
  ],
  ...[
    'provide',
    'replace',
    'source',
    'dist',
    'config',
    'scripts',
    'minimum-stability',
    'transport-options',
    '__proto__',
    'constructor',
  ],
]
const KEYS = [
  'branch-alias',
  'dev-main',
  'psr-4',
  'files',
  'email',
  'url',
  'name',
  'platform',
  '__proto__',
  'toString',
  '0',
  '',
  'php-ext',
]
const TEXTS = [
  'acme/widget',
  'Acme/Other',
  '1.0.0',
  'dev-main',
  '1.x-dev',
  '^1.0',
  'self.version',
  '*',
  '../..',
  '-x',
  'php-ext',
  '\u0000',
  '@1',
]

const text = fc.oneof(fc.constantFrom(...TEXTS), fc.string({ unit: 'binary', maxLength: 12 }))
const oddValue = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(text, fc.integer(), fc.double(), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...KEYS), text), tie('value'), { maxKeys: 4 }),
  ),
})).value
const manifest = fc.oneof(
  { weight: 1, arbitrary: oddValue },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom(...FIELDS), oddValue, { maxKeys: 8 }).map(withName) },
  // Most fields with an odd value let Composer refuse the whole manifest, so that only one or two leave something to look at.
  { weight: 4, arbitrary: fc.dictionary(fc.constantFrom(...FIELDS), oddValue, { maxKeys: 2 }).map(withName) },
)
const NAMES = ['main', '1.0.0', 'v1.0.0', 'release-2.0', '1.x', '1', 'a#b', '-x', 'x/HEAD', '1.0.0+a', '9999999', '__proto__']
const refName = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 2, arbitrary: fc.array(fc.nat(12), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
)
const ref: fc.Arbitrary<SourceRef> = fc.record({
  kind: fc.constantFrom('tag', 'branch'),
  name: refName,
  commit: fc.constant('c0ffee'),
  objectType: fc.constantFrom('commit', 'commit', 'commit', 'commit', 'commit', 'commit', 'tree', 'blob'),
  authoredAt: fc.oneof(fc.integer(), fc.double(), fc.constant(null)),
  manifest: fc.oneof(
    { weight: 8, arbitrary: manifest.map(toText) },
    { weight: 1, arbitrary: fc.constantFrom({ kind: 'absent' } as const, { kind: 'unreadable', reason: 'directory' } as const) },
    { weight: 1, arbitrary: fc.uint8Array().map((bytes) => ({ kind: 'text', id: bytes.toBase64(), bytes }) as const) },
  ),
})

test('arbitrary bytes are read or refused, and no prototype changes', () => {
  const before = prototypeKeys()

  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(toBytes), fc.string({ unit: 'binary' }).map(toBytes)), isReadOrRefused),
  )
  expect(prototypeKeys()).toEqual(before)
})

test('any JSON value can be validated, and what is left is validated without removing more', () => {
  const before = prototypeKeys()

  fc.assert(
    fc.property(manifest, (value) => {
      const once = validateManifest(value).manifest
      expect(validateManifest(once).manifest).toEqual(once)
    }),
    { numRuns: 500 },
  )
  expect(prototypeKeys()).toEqual(before)
})

test('whatever refs and manifests say, each ref is decided once and what comes out is valid', () => {
  const before = prototypeKeys()

  fc.assert(
    fc.property(fc.uniqueArray(ref, { selector: ({ kind, name }) => `${kind} ${name}`, maxLength: 8 }), (refs) => {
      const { versions, skipped } = importReferences({ refs, defaultBranch: 'main' })
      expect(versions.length + skipped.length).toBe(refs.length)
      expect(new Set(versions.map(({ name, normalized }) => `${name} ${normalized}`)).size).toBe(versions.length)
      for (const version of versions) {
        expect(parsePackageName(version.name)).toBe(version.name)
        expect(tryNormalizeVersion(version.version) ?? tryParseConstraint(version.normalized)).not.toBeNull()
        expect(version.time ?? '2000-01-01T00:00:00+00:00').toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/)
        const written = metadataVersion(version, { source: null, dist: null, abandoned: version.abandoned })
        expect(Object.values(written)).not.toContain(undefined)
        expect(JSON.parse(JSON.stringify(written))).toEqual(written)
      }
    }),
    { numRuns: 1000 },
  )
  expect(prototypeKeys()).toEqual(before)
})

test('the outcome does not depend on the order in which refs are given', () => {
  fc.assert(
    fc.property(fc.uniqueArray(ref, { selector: ({ kind, name }) => `${kind} ${name}`, maxLength: 8 }), (refs) => {
      const forward = importReferences({ refs, defaultBranch: 'main' })
      expect(importReferences({ refs: refs.toReversed(), defaultBranch: 'main' })).toEqual(forward)
    }),
    { numRuns: 200 },
  )
})

function isReadOrRefused(bytes: Uint8Array): boolean {
  const read = readManifestJson(bytes)
  return read.ok ? typeof read.value === 'object' : read.problem.reason !== ''
}

function prototypeKeys(): PropertyKey[] {
  return [Object.prototype, Array.prototype, String.prototype].flatMap((prototype) => Reflect.ownKeys(prototype))
}

function withName(fields: Record<string, JsonValue>): JsonValue {
  return Object.fromEntries([['name', 'acme/widget'], ...Object.entries(fields)])
}

function toText(value: JsonValue): SourceRef['manifest'] {
  const written = JSON.stringify(value)
  return { kind: 'text', id: written, bytes: toBytes(written) }
}

function toBytes(written: string): Uint8Array {
  return new TextEncoder().encode(written)
}
