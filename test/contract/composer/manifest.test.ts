import { describe, expect, test } from 'bun:test'
import type { JsonObject, JsonValue } from '../../../src/composer/manifest/json.ts'
import { MANIFEST_DEPTH_LIMIT, readManifestJson } from '../../../src/composer/manifest/json.ts'
import { isLicenseExpression } from '../../../src/composer/manifest/license.ts'
import { parseReleaseTime } from '../../../src/composer/manifest/release-time.ts'
import { validateManifest } from '../../../src/composer/manifest/validate.ts'
import { readJsonFixture } from '../../kit/fixtures.ts'

interface ValidationCase {
  composerJson: JsonObject
  errors: string[]
  warnings: string[]
}

const { cases } = readJsonFixture<{ cases: ValidationCase[] }>('semver/validate-composer-json.json')

describe('Validation of a manifest', () => {
  test.each(cases.map(({ composerJson, ...found }) => [JSON.stringify(composerJson), found] as const))(
    'CO-111 %s',
    (text, found) => {
      const { errors, warnings } = validateManifest(JSON.parse(text) as JsonValue)

      expect({ errors: errors.map(withoutQuotedMessage), warnings }).toEqual({
        errors: found.errors.map(withoutQuotedMessage),
        warnings: found.warnings,
      })
    },
  )

  test('CO-111 all 60 recorded cases are there', () => {
    expect(cases.length).toBe(60)
  })

  test('what a warning is about is removed, the rest stays', () => {
    const { manifest } = validateManifest({
      name: 'acme/a',
      homepage: 'javascript:alert(1)',
      keywords: ['ok', 'bad!', 5],
      authors: [{ name: 'J', email: 'bad', homepage: 'data:x' }, 'Joe', { email: 'bad' }],
      support: { issues: 'ftp://x', wiki: 'https://example.org/wiki' },
      extra: { other: 1, 'branch-alias': { 'dev-main': '1.x-dev', 'dev-x': 'no' } },
    })

    expect(manifest).toEqual({
      name: 'acme/a',
      keywords: ['ok', '5'],
      authors: [{ name: 'J' }],
      support: { wiki: 'https://example.org/wiki' },
      extra: { other: 1, 'branch-alias': { 'dev-main': '1.x-dev' } },
    })
  })

  test.each([
    ['MIT', true],
    ['mit', true],
    ['proprietary', true],
    ['(MIT or GPL-2.0-only)', true],
    ['GPL-2.0-or-later WITH Classpath-exception-2.0', true],
    ['MIT AND (BSD-3-Clause OR ISC)', true],
    ['GPL-2.0+', true],
    ['LicenseRef-acme', true],
    ['MIT OR', false],
    ['MIT Apache-2.0', false],
    ['(MIT', false],
    ['GPL-2.0-only WITH nothing', false],
    ['', false],
    ['('.repeat(900) + 'MIT', false],
  ])('CO-127 %p as licence: %p', (license, isValid) => {
    expect(isLicenseExpression(license)).toBe(isValid)
  })

  test.each([
    ['2012-12-21', '2012-12-21T00:00:00+00:00'],
    ['2012-12-21 11:40', '2012-12-21T11:40:00+00:00'],
    ['2012-12-21T11:40:51.123Z', '2012-12-21T11:40:51+00:00'],
    ['2012-12-21T11:40:51-0030', '2012-12-21T11:40:51-00:30'],
    ['21 December 2012 11:40', '2012-12-21T11:40:00+00:00'],
    ['Fri, 21 Dec 2012 11:40:51 +0200', '2012-12-21T11:40:51+02:00'],
    ['12/21/2012', '2012-12-21T00:00:00+00:00'],
    ['2012-02-30', '2012-03-01T00:00:00+00:00'],
    ['1356090051', '2012-12-21T11:40:51+00:00'],
    ['2012-13-01', null],
    ['2012-12-21 25:00', null],
    ['not a time', null],
    ['99999999999999999999', null],
    ['now', null],
  ])('CO-032 the time %p is read as %p, as PHP does', (text, expected) => {
    expect(parseReleaseTime(text)).toBe(expected)
  })
})

describe('Reading of composer.json', () => {
  test.each([
    ['a byte order mark', '\ufeff{"name":"a/b"}', 'invalid-json'],
    ['a NUL byte', '{"name":"a\u0000b"}', 'invalid-json'],
    ['a comment', '{ // name\n"name":"a/b"}', 'invalid-json'],
    ['a trailing comma', '{"name":"a/b",}', 'invalid-json'],
    ['two documents', '{"a":1}{"b":2}', 'invalid-json'],
    ['a no-break space', '\u00a0{"name":"a/b"}', 'invalid-json'],
    ['nothing', '', 'no-manifest'],
    ['white space', ' \n\t', 'no-manifest'],
    ['an empty object', '{}', 'no-manifest'],
    ['an empty list', '[]', 'no-manifest'],
    ['a scalar', '"a/b"', 'no-manifest'],
    ['a high surrogate alone', String.raw`{"a":"\ud83d"}`, 'no-manifest'],
    ['a low surrogate alone in a key', String.raw`{"\udc00":1}`, 'no-manifest'],
    ['a number beyond all numbers', '{"a":1e400}', 'unencodable'],
  ] as const)('abuse case 4: %s is refused', (_, text, code) => {
    expect(problemOf(Buffer.from(text))).toBe(code)
  })

  test.each([
    ['Latin-1', [0x22, 0xdf, 0x22]],
    ['an overlong sequence', [0x22, 0xc0, 0xaf, 0x22]],
    ['an encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00]],
  ])('abuse case 4: %s is not UTF-8', (_, bytes) => {
    expect(problemOf(Uint8Array.from(bytes))).toBe('invalid-json')
  })

  test('abuse case 4: 10,000 levels are refused, the limit is not', () => {
    const nested = (levels: number): Uint8Array => Buffer.from(`${'[1,'.repeat(levels - 1)}[1${']'.repeat(levels)}`)

    expect(problemOf(nested(10_000))).toBe('no-manifest')
    expect(problemOf(Buffer.from('['.repeat(10_000)))).toBe('no-manifest')
    expect(problemOf(nested(MANIFEST_DEPTH_LIMIT + 1))).toBe('no-manifest')
    expect(readManifestJson(nested(MANIFEST_DEPTH_LIMIT)).ok).toBe(true)
    expect(readManifestJson(Buffer.from(JSON.stringify({ a: '['.repeat(10_000) }))).ok).toBe(true)
  })

  test('abuse case 4: 20 MB are refused without a look', () => {
    expect(problemOf(Buffer.alloc(20 * 1024 * 1024, 0x20))).toBe('too-large')
    expect(readManifestJson(Buffer.from('{"a":1}'), 6).ok).toBe(false)
  })

  test('abuse case 4: the last of duplicate keys wins on every level', () => {
    expect(readManifestJson(Buffer.from('{"a":1,"b":{"c":1,"c":2},"a":3}'))).toEqual({ ok: true, value: { a: 3, b: { c: 2 } } })
  })

  test('abuse case 4: __proto__ and constructor are plain keys and survive into the metadata', () => {
    const text = '{"name":"acme/a","__proto__":{"type":"project"},"extra":{"__proto__":{"a":1},"constructor":{"prototype":1}}}'
    const read = readManifestJson(Buffer.from(text))
    const value = read.ok ? read.value : null
    const { manifest } = validateManifest(value)

    expect(JSON.stringify(manifest)).toBe(text)
    expect(manifest['type']).toBeUndefined()
    expect(Object.getPrototypeOf(manifest)).toBe(Object.prototype)
    expect(({} as Record<string, unknown>)['a']).toBeUndefined()
  })
})

function problemOf(bytes: Uint8Array): string | null {
  const read = readManifestJson(bytes)
  return read.ok ? null : read.problem.code
}

/** Two texts quote messages of PHP and of Composer's parser, which nothing depends on; everything before them is compared. */
function withoutQuotedMessage(error: string): string {
  return error.replace(/(invalid version constraint|^time : invalid value \(.*?\)).*$/, '$1')
}
