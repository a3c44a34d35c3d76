import { expect, test } from 'bun:test'
import { parseRepositoryPath, toRepositoryUrl } from './repository-path.ts'

const HASH = 'a'.repeat(64)

test.each<[string, Record<string, unknown>]>([
  ['/acme/packages.json', { form: 'canonical', organization: 'acme', kind: 'root' }],
  ['/acme/team/packages.json', { form: 'canonical', organization: 'acme/team', kind: 'root' }],
  ['/org/acme/packages.json', { form: 'documented', organization: 'acme', kind: 'root' }],
  ['/org/acme/team/packages.json', { form: 'documented', organization: 'acme/team', kind: 'root' }],
  ['/acme/p2/packages/packages.json', { organization: 'acme', kind: 'metadata', name: 'packages/packages', document: 'stable' }],
  ['/acme/p2/p2/dists~dev.json', { organization: 'acme', kind: 'metadata', name: 'p2/dists', document: 'dev' }],
  ['/acme/team/p2/acme/http.json', { organization: 'acme/team', kind: 'metadata', name: 'acme/http' }],
  ['/acme/team/dists/a/b/dev-x/y/abc.zip', { organization: 'acme/team', kind: 'dist', version: 'dev-x/y', reference: 'abc' }],
  ['/org/acme/dists/a/b/1.0/abc.tar.gz', { form: 'documented', kind: 'dist', name: 'a/b', version: '1.0', reference: 'abc' }],
  ['/org/acme/packages/a/b/dev-x/y.zip', { form: 'documented', kind: 'version', name: 'a/b', version: 'dev-x/y' }],
  ['/org/acme/packages/a/b/1.0.tar.zip', { form: 'documented', kind: 'version', version: '1.0.tar' }],
  ['/org/acme/packages/a/b/1.0.tar.gz', { form: 'documented', kind: 'version', version: '1.0' }],
  [`/acme/p/provider-all$${HASH}.json`, { kind: 'legacy-list', name: 'all', hash: HASH }],
  [`/acme/p/provider-a/b$${HASH}.json`, { kind: 'legacy-file', name: 'provider-a/b', hash: HASH }],
  [`/acme/team/p/a/b$${HASH}.json`, { organization: 'acme/team', kind: 'legacy-file', name: 'a/b', hash: HASH }],
  ['/acme/p/a/b.json', { kind: 'legacy-file', name: 'a/b', hash: null }],
])('%s is read as what it names', (path, expected) => {
  expect(parseRepositoryPath(path)).toMatchObject(expected)
})

test.each([
  '/',
  '/packages.json',
  '/org/packages.json',
  '/org/acme',
  '/acme',
  '/acme/team',
  '/acme/team/sub/packages.json',
  '/api/packages.json',
  '/api/team/packages.json',
  '/acme/packages/a/b/1.0.zip',
  '/org/acme/p/a/b.json',
  `/acme/p/a$${HASH}.json`,
  `/acme/p/a/b$${HASH}${HASH}.json`,
  '/acme/p/a/b/c.json',
  '/org/acme/packages/a/b.zip',
  '//packages.json',
])('%s names nothing of the hot path', (path) => {
  expect(parseRepositoryPath(path)).toBeNull()
})

test('a repository has a public URL in each of its forms', () => {
  expect(toRepositoryUrl('https://r.example/x', { form: 'canonical', organization: 'acme/team' })).toBe(
    'https://r.example/x/acme/team',
  )
  expect(toRepositoryUrl('https://r.example', { form: 'documented', organization: 'acme' })).toBe('https://r.example/org/acme')
})
