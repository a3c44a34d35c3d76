/**
 * Proofs that a delivery comes from somebody who knows the hook's secret. Everything that can be refused without the body is refused
 * before it is read. The body goes through the hashes as it arrives and is never held, let alone parsed, so its size costs time in
 * proportion and no memory. Comparisons take a time that says nothing about the secret.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Instant } from '../kernel/values.ts'

/** How far the time in a signature may be from ours, in seconds. */
const TOLERANCE = 300
const SHA256_HEX = /^[0-9a-f]{64}$/i

/**
 * What a delivery brings to prove itself; null or an empty text where it brought nothing or something without form.
 *
 * - `token`: the secret itself.
 * - `signature`: HMAC-SHA256 of the body in hex.
 * - `timestamped`: HMAC-SHA256 in hex of `at` (Unix seconds, as decimal digits), a full stop and the body.
 */
export type Proof =
  | { kind: 'token'; value: string | null }
  | { kind: 'signature'; value: string | null }
  | { kind: 'timestamped'; value: string; at: number }

/** Why a proof is not accepted. */
export type ProofFault = 'missing_token' | 'invalid_token' | 'missing_signature' | 'invalid_signature' | 'stale_signature'

/** What is wrong with a proof as far as it can be told without the body, or null. `secrets` are those valid now. */
export function findFaultBeforeBody(proof: Proof, secrets: readonly string[], now: Instant): ProofFault | null {
  switch (proof.kind) {
    case 'token':
      if (proof.value === null || proof.value === '') {
        return 'missing_token'
      }
      return isOneOf(proof.value, secrets) ? null : 'invalid_token'
    case 'signature':
      if (proof.value === null) {
        return 'missing_signature'
      }
      return SHA256_HEX.test(proof.value) ? null : 'invalid_signature'
    case 'timestamped':
      if (!SHA256_HEX.test(proof.value)) {
        return 'invalid_signature'
      }
      return Math.abs(now / 1000 - proof.at) <= TOLERANCE ? null : 'stale_signature'
  }
}

/** Every secret is compared, by digests of one length. */
function isOneOf(value: string, secrets: readonly string[]): boolean {
  const given = createHash('sha256').update(value).digest()
  return secrets.filter((secret) => timingSafeEqual(given, createHash('sha256').update(secret).digest())).length > 0
}

/** A body on its way. `take` gets its parts in order; the promise resolves after the last one. */
export type BodyReader = (take: (part: Uint8Array) => void) => Promise<void>

/** Reads the body once; says its SHA-256 in hex, and whether it is what was signed. */
export async function readSignedBody(
  body: BodyReader,
  proof: Proof,
  secrets: readonly string[],
): Promise<{ sha256: string; fault: ProofFault | null }> {
  const digest = createHash('sha256')
  const signatures = proof.kind === 'token' ? [] : secrets.map((secret) => createHmac('sha256', secret))
  if (proof.kind === 'timestamped') {
    for (const signature of signatures) {
      signature.update(`${proof.at}.`)
    }
  }
  await body((part) => {
    digest.update(part)
    for (const signature of signatures) {
      signature.update(part)
    }
  })
  const sha256 = digest.digest('hex')
  if (proof.kind === 'token') {
    return { sha256, fault: null }
  }
  const given = Buffer.from(proof.value ?? '', 'hex')
  const matching = signatures.map((signature) => signature.digest()).filter((wanted) => timingSafeEqual(given, wanted))
  return { sha256, fault: matching.length > 0 ? null : 'invalid_signature' }
}
