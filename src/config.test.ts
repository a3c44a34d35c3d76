import { expect, test } from 'bun:test'
import { InvalidConfig, readConfig } from './config.ts'

test('limits are a number per second, minute or hour, or off', () => {
  const { rateLimits } = readConfig({
    REPERTOIRE_LIMIT_API: '30/s',
    REPERTOIRE_LIMIT_DOWNLOADS: 'off',
    REPERTOIRE_LIMIT_COMPOSER: '5000/h',
  })

  expect(rateLimits).toEqual({
    api: { limit: 30, window: 1_000 },
    downloads: null,
    composer: { limit: 5_000, window: 3_600_000 },
    failures: { limit: 300, window: 60_000 },
  })
  expect(readConfig({}).rateLimits).toMatchObject({
    api: { limit: 1_000, window: 60_000 },
    downloads: { limit: 100 },
    composer: null,
  })
})

test.each(['0/min', '-1/min', '1000', '10/day', 'on', '1.5/s', '9999999999/min'])('"%s" is no limit', (text) => {
  expect(() => readConfig({ REPERTOIRE_LIMIT_API: text })).toThrow(InvalidConfig)
  expect(() => readConfig({ REPERTOIRE_LIMIT_API: text })).toThrow('REPERTOIRE_LIMIT_API: must be "off"')
})

test.each([
  ['smtp://mail.example.com', { transport: 'smtp://mail.example.com', from: 'Repertoire <repertoire@packages.example.com>' }],
  ['smtps://user:p%40ss@mail.example.com:465', { transport: 'smtps://user:p%40ss@mail.example.com:465' }],
  ['smtp://[::1]:2525?tls=off', { transport: 'smtp://[::1]:2525?tls=off' }],
  ['file:/var/mail/out', { transport: 'file:/var/mail/out' }],
  ['console', { transport: 'console' }],
])('%s is a way for mails', (transport, expected) => {
  expect(readConfig({ REPERTOIRE_MAIL: transport, REPERTOIRE_URL: 'https://packages.example.com' }).mail).toMatchObject(expected)
})

test.each([
  'mail.example.com',
  'http://mail.example.com',
  'file:',
  'smtp://',
  'smtps://h?tls=off',
  'smtp://h/path',
  'smtp://u:100%pass@h',
])('with "%s" mails cannot be sent, and the answer does not repeat it', (transport) => {
  expect(() => readConfig({ REPERTOIRE_MAIL: transport })).toThrow(InvalidConfig)
  expect(() => readConfig({ REPERTOIRE_MAIL: transport })).not.toThrow('100%pass')
})

test.each(['nobody', 'a@b@c', 'A <a@b> <c@d>', 'A\r\nBcc: x@y <a@b>'])('%p is no sender of mails', (from) => {
  expect(() => readConfig({ REPERTOIRE_MAIL: 'console', REPERTOIRE_MAIL_FROM: from })).toThrow('REPERTOIRE_MAIL_FROM')
})

test('without a setting there is no mail', () => {
  expect(readConfig({}).mail).toBeNull()
})
