import { describe, expect, test } from 'bun:test'
import { DomainError } from '../kernel/errors.ts'
import { readSatis } from './read-satis.ts'

function read(satis: unknown, auth: unknown = null) {
  return readSatis(JSON.stringify(satis), auth === null ? null : JSON.stringify(auth))
}

describe('the repositories of a satis.json', () => {
  test('are sources of their system, in a list or by name', () => {
    const list = read({
      repositories: [
        { type: 'vcs', url: 'https://github.com/acme/a' },
        { type: 'git', url: 'git@git.example.com:acme/b.git' },
        { type: 'svn', url: 'https://svn.example.com/c' },
        { type: 'HG', url: 'https://hg.example.com/d' },
      ],
    })
    const named = read({ repositories: { a: { type: 'vcs', url: 'https://github.com/acme/a' }, 'packagist.org': false } })

    expect(list.repositories.map(({ place, ...one }) => [place, one.kind === 'vcs' ? one.system : null])).toEqual([
      ['repositories[0]', null],
      ['repositories[1]', 'git'],
      ['repositories[2]', 'svn'],
      ['repositories[3]', 'hg'],
    ])
    expect(named.repositories).toMatchObject([{ kind: 'vcs', place: 'repositories.a', url: 'https://github.com/acme/a' }])
  })

  test('that are switched off are none', () => {
    expect(read({ repositories: [{ 'packagist.org': false }, false] }).repositories).toEqual([])
  })

  test('of type package are one custom source per name, with all versions', () => {
    const one = (version: string) => ({
      name: 'Acme/Lib',
      version,
      dist: { type: 'zip', url: `https://x.example/${version}.zip` },
    })
    const { repositories } = read({
      repositories: [
        { type: 'package', package: one('1.0.0') },
        { type: 'package', package: [one('1.1.0'), { ...one('1.0.0'), name: 'acme/other' }] },
      ],
    })

    expect(
      repositories.map((found) => (found.kind === 'custom' ? [found.name, JSON.parse(found.definition).length] : null)),
    ).toEqual([
      ['acme/lib', 2],
      ['acme/other', 1],
    ])
  })

  test('that cannot be taken over say why, and their URL shows no password', () => {
    const { repositories } = read({
      repositories: [
        { type: 'composer', url: 'https://user:secret@wpackagist.example' },
        { type: 'artifact', url: 'archives/' },
        { type: 'path', url: '../lib' },
        { type: 'perforce', url: 'perforce.example:1666' },
        { type: 'made-up', url: 'x' },
      ],
    })

    expect(repositories.map((found) => found.kind)).toEqual(['other', 'other', 'other', 'other', 'other'])
    expect(JSON.stringify(repositories)).not.toContain('secret')
    expect(repositories[4]).toMatchObject({ reason: 'repositories of type "made-up" are not known' })
  })

  test('keep a user and password of their URL beside it', () => {
    const { repositories } = read({ repositories: [{ type: 'vcs', url: 'https://deploy:p%40ss@git.example.com/acme/a.git' }] })

    expect(repositories).toMatchObject([{ url: 'https://git.example.com/acme/a.git', username: 'deploy', password: 'p@ss' }])
  })
})

describe('credentials', () => {
  test('are read from auth.json and from config, the former first', () => {
    const { credentials } = read(
      { config: { 'http-basic': { 'git.example.com': { username: 'b', password: '2' } } } },
      {
        'http-basic': { 'Git.Example.com': { username: 'a', password: '1' } },
        'github-oauth': { 'github.com': 'ghp_x' },
        'gitlab-token': { 'gitlab.example.com': { username: 'u', token: 'glpat-y' }, 'gitlab.com': 'glpat-z' },
        bearer: { 'repo.example.com': 'bear' },
      },
    )

    expect(credentials).toEqual([
      { host: 'git.example.com', kind: 'basic', username: 'a', secret: '1' },
      { host: 'github.com', kind: 'basic', username: 'x-access-token', secret: 'ghp_x' },
      { host: 'gitlab.example.com', kind: 'basic', username: 'oauth2', secret: 'glpat-y' },
      { host: 'gitlab.com', kind: 'basic', username: 'oauth2', secret: 'glpat-z' },
      { host: 'repo.example.com', kind: 'bearer', username: '', secret: 'bear' },
      { host: 'git.example.com', kind: 'basic', username: 'b', secret: '2' },
    ])
  })

  test('in a form that is not understood are notes, and the secret is in none of them', () => {
    const { credentials, notes } = read(
      {},
      {
        'http-basic': { 'git.example.com': 'hunter2' },
        'bitbucket-oauth': { 'bitbucket.org': { 'consumer-secret': 'hunter2' } },
      },
    )

    expect(credentials).toEqual([])
    expect(notes.map(({ setting }) => setting)).toEqual(['http-basic of git.example.com', 'bitbucket-oauth'])
    expect(JSON.stringify(notes)).not.toContain('hunter2')
  })
})

test('settings that mean something else here are noted, those that are off or only shape the output are not', () => {
  const { notes } = read({
    name: 'acme/satis',
    'output-dir': 'public',
    'require-all': true,
    'require-dependencies': false,
    require: { 'acme/a': '*' },
    blacklist: [],
    'minimum-stability': 'dev',
    archive: { directory: 'dist' },
  })

  expect(notes.map(({ setting }) => setting)).toEqual(['require', 'require-all', 'minimum-stability', 'archive'])
})

describe('a file that is none', () => {
  test.each([
    ['not JSON', '{"a": secret', 'satis.json: this is not JSON'],
    ['a list', '[1]', 'satis.json: this must be an object'],
    ['a text for repositories', '{"repositories": "x"}', 'satis.json: repositories: this must be a list or an object'],
    ['a repository without type', '{"repositories": [{"url": "x"}]}', 'satis.json: repositories[0].type: this must be a text'],
    ['a repository without URL', '{"repositories": [{"type": "vcs"}]}', 'satis.json: repositories[0].url: this must be a text'],
    [
      'a package without name',
      '{"repositories": [{"type": "package", "package": [{}]}]}',
      'satis.json: repositories[0].package[0].name: this must be a text',
    ],
    ['a section of secrets that is a text', '{"config": {"bearer": "x"}}', 'satis.json: config: bearer: this must be an object'],
  ])('is refused with the place: %s', (_, text, message) => {
    expect(() => readSatis(text, null)).toThrow(message)
    expect(() => readSatis(text, null)).toThrow(DomainError)
  })
})
