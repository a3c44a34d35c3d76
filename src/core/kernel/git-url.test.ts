import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isDomainError } from './errors.ts'
import { parseGitUrl } from './git-url.ts'

const CLOSED = { allowFile: false, allowHttp: false }
const OPEN = { allowFile: true, allowHttp: true }

function ruleOf(text: string, policy = CLOSED): string {
  try {
    parseGitUrl(text, policy)
  } catch (error) {
    if (isDomainError(error, 'invalid_url')) return String(error.details.rule)
    throw error
  }
  return 'accepted'
}

describe('a git URL', () => {
  test.each([
    ['https://example.org/acme/widget.git', 'https://example.org', 443, 'https://example.org/acme/widget.git'],
    ['HTTPS://Example.ORG:443/acme/widget/', 'https://example.org', 443, 'https://example.org/acme/widget'],
    ['https://example.org:8443/a', 'https://example.org:8443', 8443, 'https://example.org:8443/a'],
    ['https://[2001:DB8::1]/a', 'https://[2001:db8::1]', 443, 'https://[2001:db8::1]/a'],
    ['https://example.org/größe', 'https://example.org', 443, 'https://example.org/gr%C3%B6%C3%9Fe'],
    ['ssh://git@example.org/acme/widget.git', 'ssh://example.org', 22, 'ssh://git@example.org/acme/widget.git'],
    ['ssh://git@example.org:2222/~/w.git', 'ssh://example.org:2222', 2222, 'ssh://git@example.org:2222/~/w.git'],
    ['git@Example.org:acme/widget.git', 'ssh://example.org', 22, 'git@example.org:acme/widget.git'],
    ['git@example.org:/srv/widget.git', 'ssh://example.org', 22, 'ssh://git@example.org/srv/widget.git'],
    ['example.org:widget', 'ssh://example.org', 22, 'example.org:widget'],
  ])('%s is accepted in one spelling', (text, origin, port, canonical) => {
    expect(parseGitUrl(text, CLOSED)).toMatchObject({ origin, port, canonical })
  })

  test('http and files are accepted where the operator opened them', () => {
    expect(parseGitUrl('http://example.org/a', OPEN)).toMatchObject({ scheme: 'http', origin: 'http://example.org', port: 80 })
    expect(parseGitUrl('file:///srv/git/a.git', OPEN)).toMatchObject({
      scheme: 'file',
      origin: 'file://',
      host: '',
      path: '/srv/git/a.git',
    })
  })

  test('numeric spellings of an address become the address that would be dialled', () => {
    for (const text of ['https://2130706433/a', 'https://0x7f.1/a', 'https://127.1/a', 'ssh://0177.0.0.1/a']) {
      expect(parseGitUrl(text, CLOSED).host).toBe('127.0.0.1')
    }
    expect(parseGitUrl('https://[::FFFF:10.0.0.1]/a', CLOSED).host).toBe('::ffff:a00:1')
  })

  test.each([
    ['', 'empty'],
    [`https://example.org/${'a'.repeat(2000)}`, 'length'],
    ['--upload-pack=touch', 'option'],
    ['-oProxyCommand=touch', 'option'],
    ['-oProxyCommand=x:y', 'option'],
    ['git@example.org:-oProxyCommand=x', 'option'],
    ['--upload-pack=touch /tmp/x', 'control_character'],
    ['ext::sh', 'transport_helper'],
    ['ext::sh -c touch% /tmp/x', 'control_character'],
    ['fd::17', 'transport_helper'],
    ['x::https://example.org/a', 'transport_helper'],
    ['file:///etc', 'scheme'],
    ['FILE:///etc', 'scheme'],
    ['http://example.org/a', 'scheme'],
    ['git://example.org/a', 'scheme'],
    ['ftp://example.org/a', 'scheme'],
    ['git+ssh://example.org/a', 'scheme'],
    ['javascript://example.org/a', 'scheme'],
    ['/etc/passwd', 'scheme'],
    ['./repository', 'scheme'],
    ['example.org/acme/widget', 'scheme'],
    ['https://user:pass@example.org/a', 'credentials'],
    ['https://token@example.org/a', 'credentials'],
    ['https://@example.org/a', 'credentials'],
    ['https://a@b@example.org/a', 'credentials'],
    ['ssh://git:pass@example.org/a', 'credentials'],
    ['ssh://-oProxyCommand=x@example.org/a', 'user'],
    ['-l@example.org:a', 'option'],
    ['ssh://$(id)@example.org/a', 'user'],
    ['ssh://-oProxyCommand=touch/a', 'host'],
    ['ssh://-example.org/a', 'host'],
    ['git@-example.org:a', 'host'],
    ['https:///a', 'host'],
    ['https://exa%6Dple.org/a', 'host'],
    ['https://münchen.example/a', 'host'],
    ['https://example.org./a', 'host'],
    ['https://example..org/a', 'host'],
    [`https://${'a'.repeat(64)}.org/a`, 'host'],
    ['https://[::1/a', 'host'],
    ['https://[fe80::1%25eth0]/a', 'host'],
    ['https://example.org:0/a', 'port'],
    ['https://example.org:70000/a', 'port'],
    ['https://example.org:22x/a', 'host'],
    ['https://example.org', 'path'],
    ['https://example.org///', 'path'],
    ['https://example.org/a/../b', 'path'],
    ['https://example.org/a/%2e%2e/b', 'path'],
    ['https://example.org/a\\b', 'path'],
    ['https://example.org/a%zz', 'path'],
    ['https://example.org/a%00b', 'control_character'],
    ['https://example.org/a%0Ab', 'control_character'],
    ['https://example.org/a?b=c', 'query'],
    ['https://example.org/a#b', 'query'],
    ['https://example.org/a\nb', 'control_character'],
    ['https://example.org/a\u0000b', 'control_character'],
    ['https://example.org/a\u2028b', 'control_character'],
    ['https://example.org/a b', 'control_character'],
    ['C:\\repository', 'path'],
  ])('abuse 1: %p is refused by the rule %s', (text, rule) => {
    expect(ruleOf(text)).toBe(rule)
  })

  test('a file URL with a host is refused also where files are open', () => {
    expect(ruleOf('file://server/share', OPEN)).toBe('host')
    expect(ruleOf('file:///', OPEN)).toBe('path')
  })

  test('a refusal does not repeat the text, which may hold a password', () => {
    expect(() => parseGitUrl('https://user:hunter2@example.org/a', CLOSED)).toThrow(/^(?!.*hunter2).*credentials/)
  })

  test('what is accepted is accepted again unchanged, and any other text is refused by name', () => {
    const part = fc.constantFrom(
      'https://',
      'ssh://',
      'file://',
      'git@',
      'h.org',
      ':',
      '/',
      '-',
      '..',
      '%41',
      'é',
      '@',
      '[::1]',
      '22',
      '~',
      '::',
      'x',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const text = parts.join('')
        if (ruleOf(text, OPEN) !== 'accepted') return
        const url = parseGitUrl(text, OPEN)
        expect(parseGitUrl(url.canonical, OPEN)).toEqual(url)
        expect(url.canonical.startsWith('-')).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })
})
