import { expect, test } from 'bun:test'
import { clientAddress, parseTrustedProxies, readBaseUrl } from './forwarding.ts'

const PROXIES = parseTrustedProxies(['10.0.0.0/8', '192.0.2.1', 'fd00::/8'])

test.each([
  ['203.0.113.9', '198.51.100.1', '203.0.113.9'],
  ['10.0.0.1', '198.51.100.1', '198.51.100.1'],
  ['::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
  ['fd00::1', '2001:db8::1', '2001:db8::1'],
  ['10.0.0.1', '127.0.0.1, 198.51.100.1', '198.51.100.1'],
  ['10.0.0.1', '198.51.100.1, 10.9.9.9, 192.0.2.1', '198.51.100.1'],
  ['10.0.0.1', 'unknown, 10.9.9.9', '10.0.0.1'],
  ['10.0.0.1', '198.51.100.1, nonsense', '198.51.100.1'],
  ['10.0.0.1', '', '10.0.0.1'],
  ['10.0.0.1', null, '10.0.0.1'],
])('abuse 43 from %p with X-Forwarded-For %p the client is %p', (peer, forwarded, client) => {
  const headers = new Headers(forwarded === null ? {} : { 'X-Forwarded-For': forwarded })

  expect(clientAddress({ headers, peer }, PROXIES)).toBe(client)
})

test.each([
  ['198.51.100.1', { host: 'Own.example' }, 'http://own.example'],
  [
    '198.51.100.1',
    { host: 'own.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
    'http://own.example',
  ],
  [
    '10.0.0.1',
    { host: 'inner:8080', 'x-forwarded-host': 'outer.example', 'x-forwarded-proto': 'https' },
    'https://outer.example',
  ],
  ['10.0.0.1', { host: 'outer.example', 'x-forwarded-proto': 'https' }, 'https://outer.example'],
  ['10.0.0.1', { host: 'outer.example', 'x-forwarded-proto': 'javascript' }, 'http://outer.example'],
  ['198.51.100.1', { host: '[2001:db8::1]:8080' }, 'http://[2001:db8::1]:8080'],
  ['198.51.100.1', { host: 'a/b' }, null],
  ['198.51.100.1', { host: 'a@b' }, null],
  ['198.51.100.1', { host: '' }, null],
  ['198.51.100.1', {}, null],
  ['10.0.0.1', { host: 'own.example', 'x-forwarded-host': '"><script>' }, null],
])('abuse 43 from %p with %p the base URL is %p', (peer, headers, base) => {
  expect(readBaseUrl({ headers: new Headers(headers), peer }, null, PROXIES)).toBe(base)
})

test('a configured URL is used whatever headers say', () => {
  const headers = new Headers({ host: 'evil.example', 'x-forwarded-host': 'evil.example' })

  expect(readBaseUrl({ headers, peer: '10.0.0.1' }, 'https://own.example/registry', PROXIES)).toBe('https://own.example/registry')
})

test.each(['10.0.0.0/33', 'localhost', '10.0.0', ''])('%p is refused as a trusted proxy by name', (entry) => {
  expect(() => parseTrustedProxies([entry])).toThrow('REPERTOIRE_TRUSTED_PROXIES')
})
