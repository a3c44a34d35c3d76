import { Secret, TOTP } from 'otpauth'
import type { Instant } from '../kernel/values.ts'

const PERIOD_SECONDS = 30
/** Clocks of phones may be one step off (RFC 6238 §5.2). */
const WINDOW = 1
const FACTS = { issuer: 'Repertoire', algorithm: 'SHA1', digits: 6, period: PERIOD_SECONDS } as const

/** The time step whose code this is, at most one before or after the present one, or null. Spaces in the code are ignored (RFC 6238). */
export function findTotpStep(input: { secret: string; code: string; now: Instant }): number | null {
  const token = input.code.replaceAll(/\s/g, '')
  if (!/^\d{6}$/.test(token)) {
    return null
  }
  const totp = new TOTP({ ...FACTS, secret: Secret.fromBase32(input.secret) })
  const delta = totp.validate({ token, timestamp: input.now, window: WINDOW })
  return delta === null ? null : Math.floor(input.now / 1000 / PERIOD_SECONDS) + delta
}

/** 160 random bits as base32, as authenticator apps take them (RFC 4226 §4, R6). */
export function toTotpSecret(bytes: Uint8Array): string {
  return new Secret({ buffer: new Uint8Array(bytes).buffer }).base32
}

/** What a QR code holds: `otpauth://totp/…`. */
export function toTotpUri(input: { secret: string; email: string; host: string }): string {
  const issuer = `Repertoire (${input.host})`
  return new TOTP({ ...FACTS, issuer, label: input.email, secret: Secret.fromBase32(input.secret) }).toString()
}
