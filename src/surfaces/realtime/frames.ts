/** The frames of the Pusher protocol, version 7: JSON with an event, its data as JSON within a string, and a channel. */
import { z } from 'zod'

/** How long a client may be silent before it is to ask whether the connection lives, in seconds. */
export const ACTIVITY_SECONDS = 30

/** Why a connection ends or a frame is refused; what clients do next depends on the hundreds (pusher.com protocol, error codes). */
export const FRAME_ERRORS = {
  notTls: 4000,
  unsupportedProtocol: 4007,
  noProtocol: 4008,
  unauthorized: 4009,
  overCapacity: 4100,
  reconnect: 4200,
  tooFast: 4301,
} as const

const ClientFrame = z.object({
  event: z.string().max(100),
  data: z.unknown().optional(),
})

const Subscription = z.object({ channel: z.string().max(200), auth: z.string().max(300).optional() })

/** What a client asks for. */
export type ClientRequest =
  | { kind: 'ping' | 'pong' | 'other' }
  | { kind: 'subscribe'; channel: string; auth: string }
  | { kind: 'unsubscribe'; channel: string }

/** Reads a frame; null for what is none. */
export function parseFrame(text: string): ClientRequest | null {
  const frame = ClientFrame.safeParse(parseJson(text))
  if (!frame.success) {
    return null
  }
  const { event, data } = frame.data
  switch (event) {
    case 'pusher:ping':
      return { kind: 'ping' }
    case 'pusher:pong':
      return { kind: 'pong' }
    case 'pusher:subscribe':
    case 'pusher:unsubscribe': {
      const wanted = Subscription.safeParse(typeof data === 'string' ? parseJson(data) : data)
      if (!wanted.success) {
        return null
      }
      const { channel, auth = '' } = wanted.data
      return event === 'pusher:subscribe' ? { kind: 'subscribe', channel, auth } : { kind: 'unsubscribe', channel }
    }
    default:
      return { kind: 'other' }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The first frame of a connection. */
export function connectionEstablished(socket: string): string {
  return frame('pusher:connection_established', { socket_id: socket, activity_timeout: ACTIVITY_SECONDS })
}

/** The answer to `pusher:ping`. */
export function pong(): string {
  return frame('pusher:pong', {})
}

/** The answer to a subscription that was accepted. */
export function subscriptionSucceeded(channel: string): string {
  return frame('pusher_internal:subscription_succeeded', {}, channel)
}

/** A subscription that was refused; the connection stays. */
export function subscriptionRefused(channel: string): string {
  const refusal = { type: 'AuthError', error: 'This connection may not hear this channel.', status: 403 }
  return frame('pusher:subscription_error', refusal, channel)
}

/** A refusal; `code` null where the connection stays as it is. Its data is no string, unlike that of all others. */
export function errorFrame(message: string, code: number | null): string {
  return JSON.stringify({ event: 'pusher:error', data: { message, code } })
}

/** An event on a channel. */
export function frame(event: string, data: unknown, channel?: string): string {
  return JSON.stringify({ event, data: JSON.stringify(data), ...(channel === undefined ? {} : { channel }) })
}

const CHANNEL = /^private-organization\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** The uid of the organization that a channel is about; null for what is no channel here. */
export function parseChannel(channel: string): string | null {
  return CHANNEL.exec(channel)?.[1] ?? null
}

/** The channel of an organization. */
export function channelOf(uid: string): string {
  return `private-organization.${uid}`
}
