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

const BUCKET = {
  REPERTOIRE_S3_BUCKET: 'archives',
  REPERTOIRE_S3_ACCESS_KEY_ID: 'key',
  REPERTOIRE_S3_SECRET_ACCESS_KEY: 'a-secret-of-tests',
}

test('a bucket needs an access key and no more', () => {
  expect(readConfig(BUCKET).objectStore).toEqual({
    bucket: 'archives',
    endpoint: null,
    region: 'us-east-1',
    accessKeyId: 'key',
    secretAccessKey: 'a-secret-of-tests',
    pathStyle: true,
    prefix: '',
    redirectSeconds: 1800,
  })
  expect(readConfig({}).objectStore).toBeNull()
})

test('an object store of your own is named by its address, and its folder ends with a slash', () => {
  const { objectStore } = readConfig({
    ...BUCKET,
    REPERTOIRE_S3_ENDPOINT: 'https://minio.example.com:9000/',
    REPERTOIRE_S3_PREFIX: 'composer/archives',
    REPERTOIRE_S3_PATH_STYLE: 'false',
    REPERTOIRE_S3_REDIRECTS: 'false',
  })

  expect(objectStore).toMatchObject({
    endpoint: 'https://minio.example.com:9000',
    prefix: 'composer/archives/',
    pathStyle: false,
    redirectSeconds: null,
  })
})

test.each([
  [{ REPERTOIRE_S3_SECRET_ACCESS_KEY: undefined }, 'REPERTOIRE_S3_SECRET_ACCESS_KEY: must be set'],
  [{ REPERTOIRE_S3_ACCESS_KEY_ID: '' }, 'REPERTOIRE_S3_ACCESS_KEY_ID: must be set'],
  [{ REPERTOIRE_S3_BUCKET: '' }, 'REPERTOIRE_S3_BUCKET: must be set'],
  [{ REPERTOIRE_S3_BUCKET: 'No/Bucket' }, 'REPERTOIRE_S3_BUCKET: must be the name'],
  [{ REPERTOIRE_S3_ENDPOINT: 'https://host/path' }, 'REPERTOIRE_S3_ENDPOINT: must have neither'],
  [{ REPERTOIRE_S3_ENDPOINT: 'https://user:a-secret@host' }, 'REPERTOIRE_S3_ENDPOINT: must have neither'],
  [{ REPERTOIRE_S3_PREFIX: '/from/the/top' }, 'REPERTOIRE_S3_PREFIX: must be'],
  [{ REPERTOIRE_S3_PREFIX: 'two//slashes' }, 'REPERTOIRE_S3_PREFIX: must be'],
  [{ REPERTOIRE_S3_REDIRECT_SECONDS: '5' }, 'REPERTOIRE_S3_REDIRECT_SECONDS'],
  [
    { REPERTOIRE_S3_ENDPOINT: 'http://host', REPERTOIRE_URL: 'https://packages.example.com' },
    'REPERTOIRE_S3_ENDPOINT: must be https',
  ],
  [{ AWS_SESSION_TOKEN: 'of another key' }, 'AWS_SESSION_TOKEN must not be set'],
])('with %p a bucket is refused, and the answer does not repeat secrets', (change, problem) => {
  const read = () => readConfig({ ...BUCKET, ...change })

  expect(read).toThrow(problem)
  expect(read).not.toThrow('a-secret')
})

test('CO-064 an object store without encryption is fine when clients are not sent there', () => {
  const change = { REPERTOIRE_S3_ENDPOINT: 'http://minio.internal:9000', REPERTOIRE_URL: 'https://packages.example.com' }

  expect(readConfig({ ...BUCKET, ...change, REPERTOIRE_S3_REDIRECTS: 'false' }).objectStore?.endpoint).toBe(
    'http://minio.internal:9000',
  )
})

const TLS = {
  REPERTOIRE_TLS_CERT: '/tls/cert.pem',
  REPERTOIRE_TLS_KEY: '/tls/key.pem',
  REPERTOIRE_URL: 'https://packages.example.com',
}

test('TLS takes a certificate and its key, and the authorities of clients', () => {
  const files = { cert: '/tls/cert.pem', key: '/tls/key.pem' }

  expect(readConfig(TLS).tls).toEqual({ ...files, clientCa: null })
  expect(readConfig({ ...TLS, REPERTOIRE_TLS_CLIENT_CA: '/tls/ca.pem' }).tls).toEqual({ ...files, clientCa: '/tls/ca.pem' })
  expect(readConfig({}).tls).toBeNull()
})

test.each([
  [{ REPERTOIRE_TLS_CERT: '' }, 'REPERTOIRE_TLS_KEY'],
  [{ REPERTOIRE_TLS_KEY: '' }, 'REPERTOIRE_TLS_KEY'],
  [{ REPERTOIRE_TLS_CERT: '', REPERTOIRE_TLS_KEY: '', REPERTOIRE_TLS_CLIENT_CA: '/tls/ca.pem' }, 'REPERTOIRE_TLS_CERT'],
  [{ REPERTOIRE_URL: '' }, 'REPERTOIRE_URL'],
  [{ REPERTOIRE_URL: 'http://packages.example.com' }, 'REPERTOIRE_URL'],
])('TLS with %p is refused', (changes, setting) => {
  expect(() => readConfig({ ...TLS, ...changes })).toThrow(`${setting}: must be set`)
})
