import { describe, expect, test } from 'bun:test'
import { LOCK_SIZE_LIMIT, parseLockFile } from './parse-lock-file.ts'

function parse(lock: unknown): ReturnType<typeof parseLockFile> {
  return parseLockFile(Buffer.from(typeof lock === 'string' ? lock : JSON.stringify(lock)))
}

const DIST = { type: 'zip', url: 'https://r/acme/dists/acme/http/1.0.0/abc.zip', reference: 'abc', shasum: 'A'.repeat(40) }

describe('a lock file', () => {
  test('is read as far as it says what is installed from where', () => {
    const source = { type: 'git', url: 'https://git.example.org/a.git', reference: 'abc' }
    const mirrors = [{ url: 'https://first/%reference%' }, { url: 'https://m/%reference%', preferred: true }]
    const packages = parse({
      packages: [{ name: 'Acme/Http', version: 'v1.0.0', type: 'library', dist: { ...DIST, mirrors }, source }],
      'packages-dev': [{ name: 'acme/test', version: 'dev-main', dist: { ...DIST, shasum: '', reference: null } }],
    })

    expect(packages).toEqual([
      {
        name: 'acme/http',
        version: 'v1.0.0',
        normalized: '1.0.0.0',
        isForDevelopment: false,
        type: 'library',
        dist: { url: DIST.url, reference: 'abc', shasum: 'a'.repeat(40), preferred: ['https://m/%reference%'] },
        source: { url: source.url, reference: 'abc' },
      },
      {
        name: 'acme/test',
        version: 'dev-main',
        normalized: 'dev-main',
        isForDevelopment: true,
        type: 'library',
        dist: { url: DIST.url, reference: null, shasum: null, preferred: [] },
        source: null,
      },
    ])
  })

  test('needs no list of development packages, and may have anything else', () => {
    expect(parse({ packages: [], aliases: [{ __proto__: 1 }], _readme: [null] })).toEqual([])
  })

  test.each([
    ['not json', 'lock'],
    ['', 'lock'],
    ['[]', 'lock'],
    ['['.repeat(100_000), 'lock'],
    [{ packages: {} }, 'packages'],
    [{ 'packages-dev': [] }, 'packages'],
    [{ packages: [], 'packages-dev': 'x' }, 'packages-dev'],
    [{ packages: [null] }, 'packages[0]'],
    [{ packages: [{ version: '1.0.0' }] }, 'packages[0].name'],
    [{ packages: [{ name: '../../etc', version: '1.0.0' }] }, 'packages[0].name'],
    [{ packages: [{ name: '__proto__', version: '1.0.0' }] }, 'packages[0].name'],
    [{ packages: [{ name: 'acme/http' }] }, 'packages[0].version'],
    [{ packages: [{ name: 'acme/http', version: 7 }] }, 'packages[0].version'],
    [{ packages: [{ name: 'acme/http', version: '1\n2' }] }, 'packages[0].version'],
    [{ packages: [{ name: 'acme/http', version: '1', dist: [] }] }, 'packages[0].dist'],
    [{ packages: [{ name: 'acme/http', version: '1', dist: { url: 'x'.repeat(3000) } }] }, 'packages[0].dist.url'],
    [{ packages: [{ name: 'acme/http', version: '1', dist: { url: 'x', mirrors: [1] } }] }, 'packages[0].dist.mirrors[0]'],
    [{ packages: [], 'packages-dev': [{ name: 'a/b', version: '1', source: 1 }] }, 'packages-dev[0].source'],
    [{ packages: Array(5001).fill(1) }, 'packages'],
  ])('is refused with the place of its fault: %#', (lock, field) => {
    expect(() => parse(lock)).toThrow(
      expect.objectContaining({ code: 'invalid_input', details: expect.objectContaining({ field }) }),
    )
  })

  test('is refused when it is too large', () => {
    const bytes = new Uint8Array(LOCK_SIZE_LIMIT + 1).fill(0x20)

    expect(() => parseLockFile(bytes)).toThrow(expect.objectContaining({ code: 'invalid_input' }))
  })
})
