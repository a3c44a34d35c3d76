import { describe, expect, test } from 'bun:test'
import { identifyUpload } from './identify-upload.ts'

const NOTHING = { name: null, version: null }

function identify(manifest: unknown, expected: { name?: string; version?: string } = {}) {
  const text = typeof manifest === 'string' ? manifest : JSON.stringify(manifest)
  return identifyUpload(Buffer.from(text), { ...NOTHING, ...expected })
}

describe('CO-126 the version of an upload', () => {
  test('is that of its composer.json', () => {
    expect(identify({ name: 'Acme/Http', version: 'v1.2-RC1', type: 'Project' })).toMatchObject({
      ok: true,
      upload: { name: 'acme/http', version: 'v1.2-RC1', normalized: '1.2.0.0-RC1', stability: 'RC', type: 'project' },
    })
  })

  test('is the uploader’s when composer.json has none', () => {
    expect(identify({ name: 'acme/http' }, { version: ' 1.0 ' })).toMatchObject({
      ok: true,
      upload: { version: '1.0', normalized: '1.0.0.0' },
    })
  })

  test('may be given as well, in any spelling of the same', () => {
    expect(identify({ name: 'acme/http', version: '1.0.0' }, { version: 'v1', name: 'ACME/http' })).toMatchObject({ ok: true })
  })

  test('abuse 21: names both values when archive and uploader contradict each other', () => {
    expect(identify({ name: 'acme/http', version: '1.0.0' }, { version: '1.0.1' })).toEqual({
      ok: false,
      problem: { kind: 'mismatch', field: 'version', found: '1.0.0', expected: '1.0.1' },
    })
    expect(identify({ name: 'acme/http', version: '1.0.0' }, { name: 'acme/log' })).toEqual({
      ok: false,
      problem: { kind: 'mismatch', field: 'name', found: 'acme/http', expected: 'acme/log' },
    })
  })

  test.each<[unknown, string]>([
    [{ name: 'acme/http' }, 'it has no version'],
    [{ name: 'acme/http', version: 'latest' }, '"latest" is no version'],
    [{ name: 'acme/http', version: '1.0 as 2.0' }, 'is no version'],
    [{ name: 'acme/http', version: 'dev-a\u0000b' }, 'is no version'],
    [{ name: 'acme/http', version: 'dev-a#b' }, 'is no version'],
    [{ name: 'acme/http', version: 'dev-a|b' }, 'is no version'],
    [{ name: 'acme/http', version: `dev-${'x'.repeat(600)}` }, 'is no version'],
    [{ name: 'acme/http', version: ['1.0'] }, 'version should be a string'],
    [{ version: '1.0' }, 'it has no name'],
    [{ name: 'php', version: '1.0' }, 'is no name for a package'],
    [{ name: 'acme/../x', version: '1.0' }, 'is no name for a package'],
    [{ name: 'acme/http', version: '1.0', require: { 'acme/http': '*' } }, 'a package cannot set a require on itself'],
    [{ name: 'acme/http', version: '1.0', require: { 'acme/log': '>>1' } }, 'should be a valid version constraint'],
    [{ name: 'acme/http', version: '1.0', bin: '../x' }, 'must not contain a ".."'],
    ['{"name": ', 'not valid JSON'],
    ['', 'composer.json is empty'],
    ['[1]', 'it has no name'],
    ['[['.repeat(5000), 'nested deeper'],
    ['\ufeff{}', 'byte order mark'],
  ])('is refused for %j', (manifest, problem) => {
    const result = identify(manifest)

    expect(result).toMatchObject({ ok: false, problem: { kind: 'unusable', problem: expect.stringContaining(problem) } })
  })

  test('faults that Composer tolerates are told and do not prevent it', () => {
    const result = identify({ name: 'acme/http', version: '1.0', homepage: 'not a url' })

    expect(result).toMatchObject({ ok: true, upload: { problems: [expect.stringContaining('homepage')] } })
  })
})
