import { describe, expect, test } from 'bun:test'
import { findAddressRule, parseOpenedDestinations } from './address-rules.ts'

const NOTHING = parseOpenedDestinations([])

describe('an address', () => {
  test.each(['8.8.8.8', '1.1.1.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808'])('%s is public', (address) => {
    expect(findAddressRule('host.example', address, NOTHING)).toBeNull()
  })

  test.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['0.0.0.0', 'unspecified'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['192.168.1.1', 'private'],
    ['169.254.169.254', 'linkLocal'],
    ['100.64.0.1', 'carrierGradeNat'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['240.0.0.1', 'reserved'],
    ['192.0.2.1', 'reserved'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['fe80::1', 'linkLocal'],
    ['fe80::1%eth0', 'invalid'],
    ['fc00::1', 'uniqueLocal'],
    ['fd12::1', 'uniqueLocal'],
    ['fec0::1', 'deprecatedSiteLocal'],
    ['ff02::1', 'multicast'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:10.0.0.1', 'private'],
    ['::ffff:a9fe:a9fe', 'linkLocal'],
    ['::127.0.0.1', 'reserved'],
    ['::8.8.8.8', 'reserved'],
    ['64:ff9b:1::1', 'rfc6052'],
    ['64:ff9b::a00:1', 'private'],
    ['64:ff9b::7f00:1', 'loopback'],
    ['2002:7f00:1::', '6to4'],
    ['2001:0:1::1', 'teredo'],
    ['2001:db8::1', 'reserved'],
    ['host.example', 'invalid'],
    ['', 'invalid'],
  ])('abuse 30: %s is closed as %s', (address, rule) => {
    expect(findAddressRule('host.example', address, NOTHING)).toBe(rule)
  })
})

describe('what the operator opened', () => {
  test('an address or block is open under any name, also inside IPv6', () => {
    const opened = parseOpenedDestinations(['10.1.0.0/16', '127.0.0.1', 'fd00::/8'])
    for (const address of ['10.1.2.3', '127.0.0.1', '::ffff:10.1.0.1', 'fd01::1'])
      expect(findAddressRule('x', address, opened)).toBeNull()
    for (const address of ['10.2.0.1', '127.0.0.2', 'fc00::1']) expect(findAddressRule('x', address, opened)).not.toBeNull()
  })

  test('a name opens private addresses for itself but never those of the machine and its cloud', () => {
    const opened = parseOpenedDestinations(['Git.Corp', '*.inner.example'])
    expect(findAddressRule('git.corp', '10.0.0.1', opened)).toBeNull()
    expect(findAddressRule('GIT.corp', '127.0.0.1', opened)).toBeNull()
    expect(findAddressRule('a.b.inner.example', '10.0.0.1', opened)).toBeNull()
    expect(findAddressRule('inner.example', '10.0.0.1', opened)).toBe('private')
    expect(findAddressRule('xgit.corp', '10.0.0.1', opened)).toBe('private')
    expect(findAddressRule('git.corp', '169.254.169.254', opened)).toBe('linkLocal')
    expect(findAddressRule('git.corp', '0.0.0.0', opened)).toBe('unspecified')
  })

  test('an entry that cannot be read is named', () => {
    for (const entry of ['10.0.0.0/33', 'a b', '*', '', 'http://x'])
      expect(() => parseOpenedDestinations([entry])).toThrow(`"${entry}"`)
  })
})
