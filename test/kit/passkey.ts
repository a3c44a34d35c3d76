/** An authenticator in software: real ES256 keys, attestation objects and assertions, encoded by hand. */
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'

type Cbor = number | string | Uint8Array | Map<number | string, Cbor>

function head(major: number, length: number): Buffer {
  if (length < 24) return Buffer.from([(major << 5) | length])
  if (length < 256) return Buffer.from([(major << 5) | 24, length])
  return Buffer.from([(major << 5) | 25, length >> 8, length & 0xff])
}

function encode(value: Cbor): Buffer {
  if (typeof value === 'number') return value >= 0 ? head(0, value) : head(1, -1 - value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value])
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([key, item]) => [encode(key), encode(item)])])
}

function sha256(data: Uint8Array | string): Buffer {
  return createHash('sha256').update(data).digest()
}

const PRESENT = 0x01
const VERIFIED = 0x04
const ATTESTED = 0x40

/** What the browser around the authenticator would say; by default the truth. */
export interface Around {
  origin: string
  site: string
  challenge: string
}

export interface SoftwareAuthenticator {
  readonly id: string
  counter: number
  /** Whether it asks its holder for a PIN. */
  verifies: boolean
  register(around: Around): RegistrationResponseJSON
  assert(around: Around & { userHandle: string | null }): AuthenticationResponseJSON
}

let created = 0

export function createAuthenticator(): SoftwareAuthenticator {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  created += 1
  const credential = sha256(`credential ${created} ${process.pid}`)
  const id = credential.toString('base64url')
  const authenticator: SoftwareAuthenticator = {
    id,
    counter: 0,
    verifies: true,
    register(around) {
      const data = authenticatorData(around.site, authenticator, attested(credential, publicKey))
      const attestation = new Map<string, Cbor>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', data],
      ])
      return {
        id,
        rawId: id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: clientData('webauthn.create', around).toString('base64url'),
          attestationObject: encode(attestation).toString('base64url'),
          transports: ['internal'],
        },
      }
    },
    assert(around) {
      authenticator.counter += 1
      const data = authenticatorData(around.site, authenticator, null)
      const client = clientData('webauthn.get', around)
      const signature = sign('sha256', Buffer.concat([data, sha256(client)]), privateKey)
      return {
        id,
        rawId: id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: signature.toString('base64url'),
          ...(around.userHandle === null ? {} : { userHandle: around.userHandle }),
        },
      }
    },
  }
  return authenticator
}

function clientData(type: string, { challenge, origin }: Around): Buffer {
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }))
}

function authenticatorData(site: string, { counter, verifies }: SoftwareAuthenticator, more: Buffer | null): Buffer {
  const flags = PRESENT | (verifies ? VERIFIED : 0) | (more === null ? 0 : ATTESTED)
  const count = Buffer.alloc(4)
  count.writeUInt32BE(counter)
  return Buffer.concat([sha256(site), Buffer.from([flags]), count, more ?? Buffer.alloc(0)])
}

/** Without a model (AAGUID), the credential's id and its COSE key. */
function attested(credential: Buffer, publicKey: KeyObject): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const key = new Map<number, Cbor>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, Buffer.from(x, 'base64url')],
    [-3, Buffer.from(y, 'base64url')],
  ])
  return Buffer.concat([Buffer.alloc(16), Buffer.from([0, credential.length]), credential, encode(key)])
}
