import { expect, test } from 'bun:test'
import { createHash, createHmac } from 'node:crypto'
import { findFaultBeforeBody, readSignedBody, type Proof } from './check-proof.ts'

const SECRET = "It's a Secret to Everybody"
const OLD = 'the secret before'
const NOW = Date.parse('2026-03-01T12:00:00Z')
const SECONDS = NOW / 1000

function hmac(text: string, secret = SECRET): string {
  return createHmac('sha256', secret).update(text).digest('hex')
}

/** The text in parts of three bytes, as a network might bring it. */
function bodyOf(text: string) {
  return async (take: (part: Uint8Array) => void) => {
    const bytes = Buffer.from(text)
    for (let start = 0; start < bytes.length; start += 3) {
      take(bytes.subarray(start, start + 3))
    }
  }
}

async function findFault(proof: Proof, text = 'Hello, World!', secrets: string[] = [SECRET]): Promise<string | null> {
  return findFaultBeforeBody(proof, secrets, NOW) ?? (await readSignedBody(bodyOf(text), proof, secrets)).fault
}

test('a signature is checked over the bytes as they arrived', async () => {
  // The vector that GitHub's documentation gives.
  const published = '757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
  const read = await readSignedBody(bodyOf('Hello, World!'), { kind: 'signature', value: published }, [SECRET])

  expect(read).toEqual({ sha256: createHash('sha256').update('Hello, World!').digest('hex'), fault: null })
})

test.each<[string, Proof, string | null]>([
  ['a right token', { kind: 'token', value: SECRET }, null],
  ['no token', { kind: 'token', value: null }, 'missing_token'],
  ['an empty token', { kind: 'token', value: '' }, 'missing_token'],
  ['a wrong token', { kind: 'token', value: `${SECRET} ` }, 'invalid_token'],
  ['the beginning of the token', { kind: 'token', value: SECRET.slice(0, -1) }, 'invalid_token'],
  ['a right signature', { kind: 'signature', value: hmac('Hello, World!') }, null],
  ['a right signature in capitals', { kind: 'signature', value: hmac('Hello, World!').toUpperCase() }, null],
  ['no signature', { kind: 'signature', value: null }, 'missing_signature'],
  ['an empty signature', { kind: 'signature', value: '' }, 'invalid_signature'],
  ['a short signature', { kind: 'signature', value: hmac('Hello, World!').slice(2) }, 'invalid_signature'],
  ['a signature of another body', { kind: 'signature', value: hmac('Hello, World') }, 'invalid_signature'],
  ['a signature by another secret', { kind: 'signature', value: hmac('Hello, World!', OLD) }, 'invalid_signature'],
  ['a signature now', { kind: 'timestamped', at: SECONDS, value: hmac(`${SECONDS}.Hello, World!`) }, null],
  ['one of 300 s ago', { kind: 'timestamped', at: SECONDS - 300, value: hmac(`${SECONDS - 300}.Hello, World!`) }, null],
  [
    'one of 301 s ago',
    { kind: 'timestamped', at: SECONDS - 301, value: hmac(`${SECONDS - 301}.Hello, World!`) },
    'stale_signature',
  ],
  [
    'one of the future',
    { kind: 'timestamped', at: SECONDS + 301, value: hmac(`${SECONDS + 301}.Hello, World!`) },
    'stale_signature',
  ],
  [
    'a time that was not signed',
    { kind: 'timestamped', at: SECONDS, value: hmac(`${SECONDS - 9}.Hello, World!`) },
    'invalid_signature',
  ],
  ['no time', { kind: 'timestamped', at: 0, value: hmac('Hello, World!') }, 'stale_signature'],
])('%s', async (_, proof, fault) => {
  expect(await findFault(proof)).toBe(fault)
})

test('each secret that is valid now is enough, for tokens and for signatures', async () => {
  for (const secret of [SECRET, OLD]) {
    expect(await findFault({ kind: 'token', value: secret }, '', [SECRET, OLD])).toBeNull()
    expect(await findFault({ kind: 'signature', value: hmac('x', secret) }, 'x', [SECRET, OLD])).toBeNull()
  }
})

test('what can be refused without the body is refused before it is read', () => {
  for (const proof of [
    { kind: 'token', value: 'wrong' },
    { kind: 'signature', value: null },
    { kind: 'signature', value: 'not hexadecimal' },
    { kind: 'timestamped', at: SECONDS - 1_000, value: hmac('') },
  ] satisfies Proof[]) {
    expect(findFaultBeforeBody(proof, [SECRET], NOW)).not.toBeNull()
  }
})
