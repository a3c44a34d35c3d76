import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { createRedactionRegistry } from './redaction.ts'

const SECRET = 'p@ss w/rd+\'ü"1'

test('a secret is replaced in all the forms in which programs print it', () => {
  const registry = createRedactionRegistry()
  registry.register(SECRET)
  const encoded = encodeURIComponent(SECRET)
  const texts = [
    SECRET,
    encoded,
    encoded.toLowerCase(),
    encoded.replaceAll('%20', '+'),
    encoded.replaceAll("'", '%27'),
    JSON.stringify({ a: SECRET }),
    `${SECRET}${SECRET}`,
  ]

  for (const text of texts) {
    const redacted = registry.redact(`before ${text} after`)
    expect(redacted).toContain('[redacted]')
    expect(redacted).not.toContain('rd')
    expect(redacted).toMatch(/^before .* after$/)
  }
})

test('a secret is found in base64 wherever it stands in the encoded text', () => {
  const registry = createRedactionRegistry()
  registry.register('correct-horse-battery')

  for (const user of ['', 'a:', 'me:', 'you:', 'someone@example.com:']) {
    for (const after of ['', '!', '!!']) {
      const bytes = Buffer.from(`${user}correct-horse-battery${after}`)
      expect(registry.redact(bytes.toString('base64'))).toContain('[redacted]')
      expect(
        Buffer.from(registry.redact(bytes.toString('base64url')).replace('[redacted]', ''), 'base64url').toString(),
      ).not.toContain('horse')
    }
  }
})

test('the lines of a private key are replaced on their own as well', () => {
  const registry = createRedactionRegistry()
  const line = 'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE'
  registry.register(`-----BEGIN OPENSSH PRIVATE KEY-----\n${line}\nshort\n-----END OPENSSH PRIVATE KEY-----\n`)

  expect(registry.redact(`invalid line: ${line}`)).toBe('invalid line: [redacted]')
  expect(registry.redact('too short')).toBe('too short')
})

test('a secret shorter than six characters is not looked for', () => {
  const registry = createRedactionRegistry()
  registry.register('main')
  registry.register('')

  expect(registry.redact('the main branch')).toBe('the main branch')
})

test('the longest of the secrets that begin at a place is replaced whole', () => {
  const registry = createRedactionRegistry()
  for (const secret of ['secret', 'secret-long', 'secret-longer']) registry.register(secret)

  expect(registry.redact('secret-longer, secret-long and secret!')).toBe('[redacted], [redacted] and [redacted]!')
})

test('beyond the limit the secrets that were registered longest ago are forgotten', () => {
  const registry = createRedactionRegistry({ limit: 2 })
  for (const secret of ['first-secret', 'second-secret', 'first-secret', 'third-secret']) registry.register(secret)

  expect(registry.redact('first-secret second-secret third-secret')).toBe('[redacted] second-secret [redacted]')
})

test('forgetting a secret does not forget another one that shares a form with it', () => {
  const registry = createRedactionRegistry({ limit: 2 })
  registry.register('shared%20form')
  registry.register('shared form')
  registry.register('something else')

  expect(registry.redact('shared%20form')).toBe('[redacted]')
})

test('whatever text surrounds them, no registered secret is left in a text', () => {
  const registry = createRedactionRegistry()
  const secrets = ['abcabcabc', 'bcabca', '"quoted"\nlines', 'ünïcödé', '🙂🙂🙂']
  for (const secret of secrets) registry.register(secret)
  const piece = fc.oneof(fc.constantFrom(...secrets), fc.string({ maxLength: 5 }), fc.constantFrom('a', 'ab', 'abc', 'bca'))

  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const redacted = registry.redact(pieces.join(''))
      for (const secret of secrets) expect(redacted).not.toContain(secret)
    }),
  )
})

test('the time for a text does not grow with the number of secrets', () => {
  const registry = createRedactionRegistry()
  for (let index = 0; index < 10_000; index++) registry.register(`secret-number-${index}-of-many`)
  const text = 'an ordinary line of a log, with nothing to hide in it. '.repeat(20)

  const start = performance.now()
  for (let index = 0; index < 200; index++) registry.redact(text)

  expect(performance.now() - start).toBeLessThan(1000)
})

test('what looks like a secret is masked without being registered', () => {
  const { redact } = createRedactionRegistry()
  const token = 'Zm9vOmJhcmJheg=='

  expect(redact(`Authorization: Basic ${token}`)).toBe('Authorization: Basic [redacted]')
  expect(redact(`{"authorization":"Bearer ${token}","a":1}`)).toBe('{"authorization":"Bearer [redacted]","a":1}')
  expect(redact(`Proxy-Authorization: custom ${token}`)).toBe('Proxy-Authorization: [redacted]')
  expect(redact(`sent bearer ${token} along`)).toBe('sent bearer [redacted] along')
  expect(redact('basic authentication is enough')).toBe('basic authentication is enough')
  expect(redact('https://me:p@ss@example.com/a')).toBe('https://[redacted]@example.com/a')
  expect(redact('https://0123456789abcdef@example.com/a')).toBe('https://[redacted]@example.com/a')
  expect(redact('ssh://git@example.com/a and a@b.example')).toBe('ssh://git@example.com/a and a@b.example')
  expect(redact('GET /a?x=1&X-Amz-Signature=abc&y=2')).toBe('GET /a?x=1&X-Amz-Signature=[redacted]&y=2')
  expect(redact('token rpt_read_0123456789 used')).toBe('token rpt_[redacted] used')
  expect(redact('ghp_0123456789abcdefghij')).toBe('ghp_[redacted]')
  expect(redact('-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- end')).toBe(
    '-----BEGIN RSA PRIVATE KEY-----[redacted] end',
  )
})

test('hostile texts are searched in linear time', () => {
  const { redact } = createRedactionRegistry()
  const start = performance.now()

  for (const piece of [
    '://',
    'authorization: ',
    '-----BEGIN A PRIVATE KEY-----',
    '://a@',
    'bearer ',
    '?token=',
    'rpt_',
    '"',
    'basic aaaaaaaa',
  ]) {
    redact(piece.repeat(65_536 / piece.length))
  }

  expect(performance.now() - start).toBeLessThan(1000)
})
