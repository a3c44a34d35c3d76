import { describe, expect, test } from 'bun:test'
import { DomainError } from './errors.ts'
import { parseSourceUrl, type VcsSystem } from './source-url.ts'

const CLOSED = { allowFile: false, allowHttp: false }
const OPEN = { allowFile: true, allowHttp: true }

function ruleOf(text: string, vcs: VcsSystem | null, policy = OPEN): string {
  try {
    parseSourceUrl(text, vcs, policy)
  } catch (error) {
    if (error instanceof DomainError) return `${error.code} ${String(error.details['rule'])}`
  }
  return 'accepted'
}

describe('the system of a repository', () => {
  test.each([
    ['https://example.org/acme/a', null, 'git', 'https://example.org/acme/a'],
    ['git@example.org:acme/a.git', null, 'git', 'git@example.org:acme/a.git'],
    ['svn://Example.org/acme', null, 'svn', 'svn://example.org/acme'],
    ['svn://example.org:3690/acme', null, 'svn', 'svn://example.org/acme'],
    ['svn+ssh://deploy@example.org:2222/srv/acme', null, 'svn', 'svn+ssh://deploy@example.org:2222/srv/acme'],
    ['svn+https://example.org/acme', null, 'svn', 'https://example.org/acme'],
    ['https://example.org/acme/trunk/', 'svn', 'svn', 'https://example.org/acme'],
    ['https://example.org/trunk', 'svn', 'svn', 'https://example.org/trunk'],
    ['https://svn.example.org/', 'svn', 'svn', 'https://svn.example.org'],
    ['svn://svn.example.org', null, 'svn', 'svn://svn.example.org'],
    ['file:///srv/svn/acme', 'svn', 'svn', 'file:///srv/svn/acme'],
    ['hg+https://example.org/acme', null, 'hg', 'https://example.org/acme'],
    ['ssh://hg@example.org//srv/acme', 'hg', 'hg', 'ssh://hg@example.org//srv/acme'],
    ['https://example.org/acme/a', 'hg', 'hg', 'https://example.org/acme/a'],
  ] as const)('%s with %p is %s', (text, wanted, vcs, canonical) => {
    const url = parseSourceUrl(text, wanted, OPEN)

    expect([url.vcs, url.canonical]).toEqual([vcs, canonical])
    expect(parseSourceUrl(url.canonical, vcs, OPEN)).toEqual(url)
  })

  test('a credential is pinned to the same origin whatever the system', () => {
    expect(parseSourceUrl('svn+ssh://a@example.org/r', null, CLOSED).origin).toBe('ssh://example.org')
    expect(parseSourceUrl('hg+https://example.org/r', null, CLOSED).origin).toBe('https://example.org')
  })

  test.each([
    ['svn://example.org/a', null, CLOSED, 'scheme'],
    ['svn://example.org/a', 'git', OPEN, 'scheme'],
    ['svn://example.org/a', 'hg', OPEN, 'scheme'],
    ['hg+https://example.org/a', 'svn', OPEN, 'scheme'],
    ['http://example.org/a', 'svn', OPEN, 'scheme'],
    ['http://example.org/a', 'hg', OPEN, 'scheme'],
    ['file:///a', 'hg', CLOSED, 'scheme'],
    ['git@example.org:a', 'hg', OPEN, 'scheme'],
    ['svn+foo://example.org/a', null, OPEN, 'scheme'],
    ['file:///', 'svn', OPEN, 'path'],
    ['--config=alias.pull=!id', 'hg', OPEN, 'option'],
    ['-rHEAD', 'svn', OPEN, 'option'],
    ['ext::sh -c id', 'hg', OPEN, 'control_character'],
    ['ext::id', 'svn', OPEN, 'transport_helper'],
    ['ssh://-oProxyCommand=id/a', 'hg', OPEN, 'host'],
    ['svn+ssh://-oProxyCommand=id/a', null, OPEN, 'host'],
    ['svn+ssh://-oProxyCommand=id@example.org/a', null, OPEN, 'user'],
    ['https://user:secret@example.org/a', 'hg', OPEN, 'credentials'],
    ['svn://user@example.org/a', null, OPEN, 'credentials'],
    ['https://example.org/a?x=1', 'svn', OPEN, 'query'],
    ['https://example.org/../a', 'svn', OPEN, 'path'],
  ] as const)('%s for %p is refused', (text, vcs, policy, rule) => {
    expect(ruleOf(text, vcs, policy)).toBe(`invalid_url ${rule}`)
  })
})
