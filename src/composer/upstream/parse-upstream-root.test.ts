import { describe, expect, test } from 'bun:test'
import { parseUpstreamRoot, type UpstreamRootFile } from './parse-upstream-root.ts'

const URL_OF_ROOT = 'https://r.example/acme/packages.json'
const [HASH, SHA1] = ['a'.repeat(64), 'b'.repeat(40)]

function parse(document: unknown, url = URL_OF_ROOT): UpstreamRootFile {
  const read = parseUpstreamRoot(JSON.stringify(document), url)
  if (read.kind !== 'root') throw new Error(read.problem)
  return read
}

describe('the protocol of a root file', () => {
  test.each([
    ['/p2/%package%.json', 'https://r.example/p2/%package%.json'],
    ['https://cdn.example/p2/%package%.json', 'https://cdn.example/p2/%package%.json'],
    ['p2/%package%.json', 'https://r.example/acme/p2/%package%.json'],
    ['//cdn.example/%package%.json', 'https://cdn.example/%package%.json'],
  ])('CO-002 a metadata-url of %s is %s', (written, url) => {
    expect(parse({ packages: [], 'metadata-url': written }).root.protocol).toEqual({ kind: 'metadata', url })
  })

  test('is the newest one that is offered', () => {
    const all = {
      packages: [],
      'metadata-url': '/p2/%package%.json',
      'providers-url': '/p/%package%$%hash%.json',
      'provider-includes': { 'p/all$%hash%.json': { sha256: HASH } },
      'providers-lazy-url': '/p/%package%.json',
    }
    expect(parse(all).root.protocol.kind).toBe('metadata')
    expect(parse({ ...all, 'metadata-url': undefined }).root.protocol).toEqual({
      kind: 'providers',
      url: 'https://r.example/p/%package%$%hash%.json',
      lists: [{ url: `https://r.example/acme/p/all$${HASH}.json`, checksum: { algorithm: 'sha256', hex: HASH } }],
      lazyUrl: 'https://r.example/p/%package%.json',
    })
    const lazy = { packages: [], 'providers-lazy-url': '/p/%package%.json' }
    expect(parse(lazy).root.protocol).toEqual({ kind: 'lazy', url: 'https://r.example/p/%package%.json' })
  })

  test('CO-090 may have its providers in the root file', () => {
    const { root, providers } = parse({
      packages: [],
      'providers-url': '/p/%package%$%hash%.json',
      providers: { 'Acme/Http': { sha256: HASH.toUpperCase() }, 'acme/bad': { sha256: 'no' }, 'acme/%x': { sha256: HASH } },
    })
    expect(root.protocol.kind).toBe('providers')
    expect([...providers]).toEqual([['acme/http', HASH]])
  })

  test('CO-010 is inline where packages or includes are all there is', () => {
    const versions = { '1.0.0': { name: 'acme/http', version: '1.0.0' } }
    const { root, packages } = parse({ packages: { 'Acme/HTTP': versions, 'acme/none': 'text' } })
    expect(root).toMatchObject({ protocol: { kind: 'inline', includes: [] }, hasPackages: true, available: null })
    expect([...packages]).toEqual([['acme/http', versions]])

    const satis = parse({ packages: [], includes: { [`include/all$${SHA1}.json`]: { sha1: SHA1 } } })
    expect(satis.root).toMatchObject({
      hasPackages: false,
      protocol: {
        includes: [{ url: `https://r.example/acme/include/all$${SHA1}.json`, checksum: { algorithm: 'sha1', hex: SHA1 } }],
      },
    })
  })

  test('CO-019 keys of files are relative to the repository, whose root file may have any name', () => {
    const document = { includes: { '/include/a.json': { sha1: 'short' }, 'include/b.json': {} } }
    expect(parse(document, 'https://r.example/acme/mine.json?key=1').root.protocol).toEqual({
      kind: 'inline',
      includes: [
        { url: 'https://r.example/acme/include/a.json', checksum: null },
        { url: 'https://r.example/acme/include/b.json', checksum: null },
      ],
    })
  })

  test('CO-009 partial packages stand beside a metadata-url', () => {
    const { root, packages } = parse({
      'metadata-url': '/p2/%package%.json',
      packages: { 'acme/part': [{ name: 'acme/part', version: '1.0', uid: 1 }] },
    })
    expect(root).toMatchObject({ protocol: { kind: 'metadata' }, hasPackages: true })
    expect([...packages.keys()]).toEqual(['acme/part'])
  })
})

describe('a root file', () => {
  test('says what there is, in lower case, and an empty list says nothing', () => {
    const metadata = { packages: [], 'metadata-url': '/p2/%package%.json' }
    expect(parse({ ...metadata, 'available-packages': [] }).root.available).toBeNull()
    const limits = { 'available-packages': ['Acme/Http', 7, ''], 'available-package-patterns': ['acme/*'] }
    expect(parse({ ...metadata, ...limits }).root.available).toEqual({ names: ['acme/http'], patterns: ['acme/*'] })
    expect(parse({ packages: [], ...limits }).root.available).toBeNull()
  })

  test('CO-013 CO-014 CO-016 names feeds, lists, advisories and filters', () => {
    const { root } = parse({
      packages: [],
      'metadata-url': '/p2/%package%.json',
      'metadata-changes-url': '/changes.json',
      list: '/list.json',
      'security-advisories': { metadata: true, 'api-url': '/api/' },
      filter: {
        metadata: true,
        lists: {
          malware: { enabled: true },
          off: { enabled: false },
          'ignore-x': { enabled: true },
          licences: { enabled: true },
          cooldown: { enabled: true },
        },
        'summary-url': '/summary.json',
        'api-url': 'javascript:alert(1)',
      },
    })
    expect(root).toMatchObject({
      changesUrl: 'https://r.example/changes.json',
      listUrl: 'https://r.example/list.json',
      advisories: { metadata: true, apiUrl: 'https://r.example/api/' },
      filter: { lists: ['malware'], summaryUrl: 'https://r.example/summary.json', apiUrl: null },
    })
  })

  test('without those has none', () => {
    const { root } = parse({ packages: [], 'metadata-url': '/%package%', 'security-advisories': {}, filter: { lists: {} } })
    expect(root).toMatchObject({ changesUrl: null, listUrl: null, advisories: null, filter: null })
  })

  test('can be stored and read again as JSON', () => {
    const { root } = parse({ packages: [], 'metadata-url': '/%package%', 'available-packages': ['acme/http'] })
    expect(JSON.parse(JSON.stringify(root))).toEqual(root)
  })

  test('may have names that reach for prototypes', () => {
    const text =
      '{"packages":{"__proto__":{"1":{"version":"1"}},"constructor":{"1":{}}},"__proto__":{"metadata-url":"/%package%"}}'
    const read = parseUpstreamRoot(text, URL_OF_ROOT)
    expect(read).toMatchObject({ kind: 'root', root: { protocol: { kind: 'inline' } } })
    expect(read.kind === 'root' && [...read.packages.keys()]).toEqual(['__proto__', 'constructor'])
  })

  test.each([
    ['<!doctype html><title>Please log in</title>', 'no JSON object'],
    ['{"packages": {"acme/http"', 'no JSON object'],
    ['', 'no JSON object'],
    ['[]', 'no JSON object'],
    ['null', 'no JSON object'],
    ['{}', 'neither packages'],
    ['{"message":"hello"}', 'neither packages'],
    ['{"metadata-url":"/p2/all.json","packages":[]}', '"metadata-url" cannot be used'],
    ['{"metadata-url":"file:///p2/%package%","packages":[]}', '"metadata-url" cannot be used'],
    ['{"metadata-url":"https://user:pass@r.example/%package%","packages":[]}', '"metadata-url" cannot be used'],
    ['{"providers-url":"/p/%package%$%hash%.json"}', 'neither packages'],
    ['['.repeat(100_000), 'no JSON object'],
  ])('abuse 25: what is no root file is unusable (%#)', (body, problem) => {
    expect(parseUpstreamRoot(body, URL_OF_ROOT)).toEqual({ kind: 'unusable', problem: expect.stringContaining(problem) })
  })
})
