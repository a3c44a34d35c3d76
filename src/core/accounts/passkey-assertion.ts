/**
 * Proofs by passkeys (WebAuthn level 2, §7.2). A challenge is 256 random bits in a state that only this installation can make, for one purpose and
 * person, for five minutes; it is used up in the transaction that acts on the proof. Origin and relying party come from the address under
 * which the registry is reached, and authenticators bind their keys to it. A counter that does not grow is refused by the library, and the
 * counter moves by compare-and-set, so that of two uses of one proof one wins.
 */
import type * as WebAuthn from '@simplewebauthn/server'
import type { AuthenticationResponseJSON, PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Instant } from '../kernel/values.ts'
import { hashSecret, readState, writeState } from './account-secret.ts'
import { useChallenge } from './account-links.sql.ts'
import { findPasskey, usePasskey, type Passkey } from './factors.sql.ts'
import type { User } from './users.sql.ts'

/** The library for passkeys. It takes 25 MB, which threads that never see a passkey do without. */
export function loadWebAuthn(): Promise<typeof WebAuthn> {
  return import('@simplewebauthn/server')
}

const CHALLENGE_BYTES = 32
const CHALLENGE_LASTS = 5 * 60 * 1000

/** Where people reach the registry: the relying party's id (a host name) and the origin of its pages. */
export interface Site {
  id: string
  origin: string
}

/** The site of a base URL. Throws `passkeys_unavailable` for an address, to which passkeys cannot be bound. */
export function toSite(baseUrl: string): Site {
  const { hostname, origin } = new URL(baseUrl)
  if (/^[\d.]+$|^\[/.test(hostname)) {
    throw new DomainError('passkeys_unavailable', { host: hostname })
  }
  return { id: hostname, origin }
}

/** A challenge with the state that comes back with its answer. */
export function issueChallenge(
  ctx: Ctx,
  { purpose, user }: { purpose: string; user: User | null },
): { challenge: Uint8Array<ArrayBuffer>; state: string } {
  const challenge = new Uint8Array(ctx.random.bytes(CHALLENGE_BYTES))
  const value = Buffer.from(challenge).toString('base64url')
  const expiresAt = ctx.now + CHALLENGE_LASTS
  return { challenge, state: writeState(ctx.secrets, { purpose, user: user?.uid ?? null, value, expiresAt }) }
}

/** A challenge that was issued here for this purpose and person. */
export interface Challenge {
  value: string
  expiresAt: Instant
}

/** Reads a state back. Throws `passkey_refused`. */
export function readChallenge(ctx: Ctx, state: string, expected: { purpose: string; user: User | null }): Challenge {
  const { purpose, user } = expected
  const challenge = readState(ctx.secrets, state, { purpose, user: user?.uid ?? null, now: ctx.now })
  if (challenge === null) {
    throw new DomainError('passkey_refused')
  }
  return challenge
}

/** Uses a challenge up in the transaction that acts on its answer. Throws `passkey_refused` the second time. */
export async function consumeChallenge(tx: Tx, challenge: Challenge): Promise<void> {
  if (!(await useChallenge(tx.db, hashSecret(challenge.value), challenge.expiresAt))) {
    throw new DomainError('passkey_refused')
  }
}

/** What a browser needs to ask for a passkey, and the state that it sends back. */
export interface AssertionRequest {
  options: PublicKeyCredentialRequestOptionsJSON
  state: string
}

/** The answer of a browser. */
export interface AssertionProof {
  state: string
  response: AuthenticationResponseJSON
}

const PURPOSE = 'passkey-assertion'

/** Asks for one of these passkeys of a user; with `user` null for any passkey that the browser knows, with verification of its holder. */
export async function requestAssertion(
  ctx: Ctx,
  { site, user, passkeys }: { site: Site; user: User | null; passkeys: readonly Passkey[] },
): Promise<AssertionRequest> {
  const { challenge, state } = issueChallenge(ctx, { purpose: PURPOSE, user })
  const { generateAuthenticationOptions } = await loadWebAuthn()
  const options = await generateAuthenticationOptions({
    rpID: site.id,
    challenge,
    timeout: CHALLENGE_LASTS,
    userVerification: user === null ? 'required' : 'preferred',
    ...(user === null ? {} : { allowCredentials: passkeys.map(({ credentialId: id, transports }) => ({ id, transports })) }),
  })
  return { options, state }
}

/** A proof that holds, to be recorded with what it is used for. */
export interface Assertion {
  passkey: Passkey
  newCounter: number
  challenge: Challenge
}

interface Expected extends AssertionProof {
  site: Site
  /** Whose passkey it must be; null for whoever proves it. */
  user: User | null
  /** Whether the authenticator must have verified its holder by PIN or biometry. */
  needsVerification: 'yes' | 'no'
}

/** Verifies a proof. Throws `passkey_refused` whatever is wrong with it. */
export async function verifyAssertion(ctx: Ctx, expected: Expected): Promise<Assertion> {
  const { site, user, response } = expected
  const challenge = readChallenge(ctx, expected.state, { purpose: PURPOSE, user })
  const passkey = await findPasskey(ctx.db, response.id)
  if (passkey === null || (user !== null && passkey.user !== user.id)) {
    throw new DomainError('passkey_refused')
  }
  const { verifyAuthenticationResponse } = await loadWebAuthn()
  const verification = await verifyAuthenticationResponse({
    response,
    expectedChallenge: challenge.value,
    expectedOrigin: site.origin,
    expectedRPID: site.id,
    requireUserVerification: expected.needsVerification === 'yes',
    credential: {
      id: passkey.credentialId,
      publicKey: new Uint8Array(Buffer.from(passkey.publicKey, 'base64url')),
      counter: passkey.counter,
    },
  }).catch((error: unknown) => {
    throw new DomainError('passkey_refused', {}, error)
  })
  if (!verification.verified) {
    throw new DomainError('passkey_refused')
  }
  return { passkey, newCounter: verification.authenticationInfo.newCounter, challenge }
}

/** Uses a proof up: its challenge, and the state of its counter. Throws `passkey_refused` when somebody else did. */
export async function recordPasskeyUse(tx: Tx, { passkey, newCounter, challenge }: Assertion): Promise<void> {
  await consumeChallenge(tx, challenge)
  if (!(await usePasskey(tx.db, passkey.id, { from: passkey.counter, to: newCounter, at: tx.now }))) {
    throw new DomainError('passkey_refused')
  }
}
