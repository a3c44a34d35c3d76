/**
 * Proofs that a connection may hear a channel. They are made for who signed in or holds a personal token, by whichever process is asked, and
 * shown to the process that has the connection; so they carry what it must know: for whom, and until when. The key and the secret are made of the
 * instance's key and tell nothing about it.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secrets } from '../../core/kernel/ports.ts'
import type { Instant, UserId } from '../../core/kernel/values.ts'

/** For whom a channel was opened. */
export interface ChannelGrant {
  user: UserId
  /** Until when it may be heard: at most as long as the credential is good with which it was asked for. */
  until: Instant
  /** Connections have to use it at once, because what ends rights is noticed of connections only. */
  issuedAt: Instant
}

/** What a grant is good for: one channel on one connection. */
export interface GrantPlace {
  socket: string
  channel: string
}

/** The application of the protocol: its public key, and the secret that only servers know. */
export interface RealtimeKey {
  readonly key: string
  readonly secret: string
}

/** The same in every process of an installation, and after each start. */
export function deriveRealtimeKey(secrets: Pick<Secrets, 'fingerprint' | 'redact'>): RealtimeKey {
  const key = secrets
    .fingerprint('realtime key')
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(0, 20)
  const secret = secrets.fingerprint('realtime secret')
  secrets.redact(secret)
  return { key, secret }
}

/** `key:signature.user.until.issuedAt`, the `auth` of the protocol; what follows the colon is opaque to clients. */
export function issueGrant(realtime: RealtimeKey, place: GrantPlace, grant: ChannelGrant): string {
  const principal = [grant.user, grant.until, grant.issuedAt].join('.')
  return `${realtime.key}:${sign(realtime, place, principal)}.${principal}`
}

const FORM = /^([A-Za-z0-9]+):([0-9a-f]{64})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})$/

/** The grant in an `auth`, or null when it was not made here for this connection and channel. Whether it ended is for the caller to see. */
export function readGrant(realtime: RealtimeKey, place: GrantPlace, auth: string): ChannelGrant | null {
  const [, key = '', signature = '', user = '', until = '', issuedAt = ''] = FORM.exec(auth) ?? []
  if (key !== realtime.key) {
    return null
  }
  const expected = sign(realtime, place, `${user}.${until}.${issuedAt}`)
  const isRight = timingSafeEqual(Buffer.from(signature), Buffer.from(expected))
  return isRight ? { user: Number(user) as UserId, until: Number(until) as Instant, issuedAt: Number(issuedAt) as Instant } : null
}

function sign({ secret }: RealtimeKey, { socket, channel }: GrantPlace, principal: string): string {
  return createHmac('sha256', secret).update(`${socket}:${channel}:${principal}`).digest('hex')
}
