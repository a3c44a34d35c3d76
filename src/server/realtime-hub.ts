/**
 * The connections of the realtime channels (Pusher protocol 7; contract pricore.md §12), and what is sent to them.
 *
 * Each serving process reads the events of the installation for itself while somebody listens, when the database says that something was
 * committed. Whatever may end somebody's right to listen (membership, credentials, the organization) is an event, too: the connections that it
 * concerns are closed before anything after it is sent, and clients that come back prove anew who they are. Nothing waits for a slow client: what it
 * does not take is dropped together with its connection.
 */
import type { App } from '../compose.ts'
import { authorize } from '../core/access/index.ts'
import { findUser } from '../core/accounts/index.ts'
import type { FollowedEvent } from '../core/audit/index.ts'
import { isDomainError } from '../core/kernel/errors.ts'
import type { Instant, OrganizationId, SessionId, SourceId, UserId } from '../core/kernel/values.ts'
import { findOrganizationByUid } from '../core/organizations/index.ts'
import { selectSourcesById } from '../core/sources/index.ts'
import { clientAddress, parseTrustedProxies, readBaseUrl, type TrustedProxies } from '../surfaces/http/forwarding.ts'
import { concernsEverybody, sourceOf, toBroadcasts } from '../surfaces/realtime/broadcasts.ts'
import { deriveRealtimeKey, readGrant, type RealtimeKey } from '../surfaces/realtime/channel-grant.ts'
import * as frames from '../surfaces/realtime/frames.ts'
import { mayEndListening } from './ends-of-listening.ts'
import { EventWatch } from './event-watch.ts'

/** A connection and what it listens to, by channel. */
export interface Connection {
  readonly socket: string
  readonly address: string
  readonly protocol: string | null
  readonly channels: Map<string, Listener>
  /** Frames of the current second. */
  budget: { second: number; frames: number }
}

/** Who hears a channel. It is there before it is settled that they may, so that losing the right meanwhile is noticed. */
interface Listener {
  user: UserId
  until: Instant
  organization: { id: OrganizationId; uid: string }
  isSettled: boolean
}

type Socket = Bun.ServerWebSocket<Connection>

const MOST_CONNECTIONS = 2_000
const MOST_OF_ADDRESS = 100
const MOST_CHANNELS = 50
const FRAMES_PER_SECOND = 20
const FRAME_BYTES = 8 * 1024
const BUFFER_BYTES = 256 * 1024
const IDLE_SECONDS = 120
const GRANT_GOOD_FOR = 60_000

/** The connections of one process. */
export class RealtimeHub {
  readonly handlers: Bun.WebSocketHandler<Connection>
  readonly #app: App
  readonly #isOpen: boolean
  readonly #realtime: RealtimeKey
  readonly #proxies: TrustedProxies
  readonly #events: EventWatch
  readonly #sockets = new Set<Socket>()

  /** With `isOpen` false no connection is taken. */
  constructor(app: App, { isOpen }: { isOpen: boolean }) {
    this.#app = app
    this.#isOpen = isOpen
    this.#realtime = deriveRealtimeKey(app.ports.secrets)
    this.#proxies = parseTrustedProxies(app.config.trustedProxies)
    this.#events = new EventWatch(app.ports, (events) => this.#pass(events))
    this.handlers = {
      maxPayloadLength: FRAME_BYTES,
      backpressureLimit: BUFFER_BYTES,
      closeOnBackpressureLimit: true,
      idleTimeout: IDLE_SECONDS,
      open: (socket) => this.#open(socket),
      message: (socket, message) => this.#receive(socket, message),
      close: (socket) => this.#close(socket),
    }
  }

  /** Takes over a request for a connection; null when it is none. */
  upgrade(request: Request, server: Bun.Server<Connection>): Response | 'upgraded' | null {
    if (!this.#isOpen || request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
      return null
    }
    const url = new URL(request.url)
    if (url.pathname !== `/app/${this.#realtime.key}`) {
      return null
    }
    const addressed = { headers: request.headers, peer: server.requestIP(request)?.address ?? '' }
    const baseUrl = readBaseUrl(addressed, this.#app.config.publicUrl, this.#proxies)
    const origin = request.headers.get('origin')
    if (origin !== null && (baseUrl === null || origin !== new URL(baseUrl).origin)) {
      return new Response('Connections come from pages of this registry.', { status: 403 })
    }
    const address = clientAddress(addressed, this.#proxies)
    if (this.#sockets.size >= MOST_CONNECTIONS || this.#countOf(address) >= MOST_OF_ADDRESS) {
      return new Response('There are too many connections.', { status: 503, headers: { 'Retry-After': '30' } })
    }
    const protocol = url.searchParams.get('protocol')
    const data = { socket: this.#newSocketId(), address, protocol, channels: new Map(), budget: { second: 0, frames: 0 } }
    return server.upgrade(request, { data }) ? 'upgraded' : new Response('This is no WebSocket.', { status: 400 })
  }

  /** Asks all clients to come back, to whichever process then serves. */
  stop(): void {
    for (const socket of this.#sockets) {
      socket.close(frames.FRAME_ERRORS.reconnect, 'The server ends.')
    }
    this.#events.stop()
  }

  #countOf(address: string): number {
    let count = 0
    for (const socket of this.#sockets) {
      count += socket.data.address === address ? 1 : 0
    }
    return count
  }

  #newSocketId(): string {
    const [left = 0, right = 0] = new Uint32Array(this.#app.ports.random.bytes(8).slice().buffer)
    return `${left}.${right}`
  }

  #open(socket: Socket): void {
    this.#sockets.add(socket)
    const { protocol } = socket.data
    if (protocol === null) {
      return refuse(socket, frames.FRAME_ERRORS.noProtocol, 'No protocol version was given.')
    }
    if (!/^[567]$/.test(protocol)) {
      return refuse(socket, frames.FRAME_ERRORS.unsupportedProtocol, 'Protocol versions 5 to 7 are spoken here.')
    }
    socket.send(frames.connectionEstablished(socket.data.socket))
  }

  #close(socket: Socket): void {
    this.#sockets.delete(socket)
    socket.data.channels.clear()
    this.#stopUnlessHeard()
  }

  async #receive(socket: Socket, message: string | Buffer): Promise<void> {
    if (!this.#takeFrame(socket.data)) {
      return refuse(socket, frames.FRAME_ERRORS.tooFast, 'Too many frames.')
    }
    const request = typeof message === 'string' ? frames.parseFrame(message) : null
    switch (request?.kind) {
      case 'ping':
        socket.send(frames.pong())
        return
      case 'pong':
        return
      case 'subscribe':
        return this.#subscribe(socket, request)
      case 'unsubscribe':
        socket.data.channels.delete(request.channel)
        return this.#stopUnlessHeard()
      default:
        socket.send(frames.errorFrame('Clients may ping, subscribe and unsubscribe.', null))
    }
  }

  #takeFrame({ budget }: Connection): boolean {
    const second = Math.floor(performance.now() / 1000)
    if (budget.second !== second) {
      Object.assign(budget, { second, frames: 0 })
    }
    budget.frames += 1
    return budget.frames <= FRAMES_PER_SECOND
  }

  async #subscribe(socket: Socket, { channel, auth }: { channel: string; auth: string }): Promise<void> {
    const { channels } = socket.data
    try {
      if (!channels.has(channel) && channels.size >= MOST_CHANNELS) {
        socket.send(frames.subscriptionRefused(channel))
      } else if (await this.#listen(socket, channel, auth)) {
        socket.send(frames.subscriptionSucceeded(channel))
      } else {
        channels.delete(channel)
        this.#stopUnlessHeard()
        socket.send(frames.subscriptionRefused(channel))
      }
    } catch (error) {
      channels.delete(channel)
      this.#app.ports.log.error('A channel could not be opened.', { error })
      refuse(socket, frames.FRAME_ERRORS.reconnect, 'Something failed; try again.')
    }
  }

  async #listen(socket: Socket, channel: string, auth: string): Promise<boolean> {
    const { database, clock } = this.#app.ports
    const grant = readGrant(this.#realtime, { socket: socket.data.socket, channel }, auth)
    const uid = frames.parseChannel(channel)
    if (grant === null || uid === null || grant.until <= clock.now() || grant.issuedAt + GRANT_GOOD_FOR <= clock.now()) {
      return false
    }
    const organization = await findOrganizationByUid(database.read, uid)
    if (organization === null || socket.readyState !== WebSocket.OPEN) {
      return false
    }
    const listener: Listener = { ...grant, organization, isSettled: false }
    socket.data.channels.set(channel, listener)
    await this.#events.start()
    const isAllowed = await this.#mayListen(listener)
    // The connection may have been closed meanwhile, also because the right ended.
    listener.isSettled = isAllowed && socket.data.channels.get(channel) === listener
    return listener.isSettled
  }

  async #mayListen({ user: id, organization }: Listener): Promise<boolean> {
    const db = this.#app.ports.database.read
    const user = await findUser(db, id)
    if (user === null || user.disabledAt !== null) {
      return false
    }
    try {
      // A person as such: the session or token proved itself when the grant was asked for.
      const actor = { kind: 'user', user: id, session: 0 as SessionId, isOperator: user.isOperator } as const
      await authorize({ db, actor }, 'source.list', organization.id)
      return true
    } catch (error) {
      if (isDomainError(error)) {
        return false
      }
      throw error
    }
  }

  #stopUnlessHeard(): void {
    if (![...this.#sockets].some((socket) => socket.data.channels.size > 0)) {
      this.#events.stop()
    }
  }

  /** Ends connections and sends messages in the order of the events; of equal messages without a state the first is enough. */
  async #pass(events: readonly FollowedEvent[]): Promise<void> {
    const sent = new Set<string>()
    const ids = new Set(events.map((event) => sourceOf(event)).filter((id) => id !== null))
    const sources = await selectSourcesById(this.#app.ports.database.read, [...ids])
    for (const event of events) {
      this.#endConnections(event)
      const source = sources.get(sourceOf(event) ?? (0 as SourceId)) ?? null
      for (const broadcast of toBroadcasts(event, source)) {
        const key = `${event.organization} ${broadcast.event} ${JSON.stringify(broadcast.data)}`
        if (!sent.has(key)) {
          this.#send(event, (uid) =>
            frames.frame(broadcast.event, { organizationUuid: uid, ...broadcast.data }, frames.channelOf(uid)),
          )
        }
        if (source === null) {
          sent.add(key)
        }
      }
    }
  }

  #send(event: FollowedEvent, toFrame: (uid: string) => string): void {
    const now = this.#app.ports.clock.now()
    const isForAll = concernsEverybody(event)
    for (const socket of this.#sockets) {
      for (const { organization, isSettled, until } of socket.data.channels.values()) {
        if (!isSettled || (!isForAll && organization.id !== event.organization)) {
          continue
        }
        if (until <= now) {
          socket.close(frames.FRAME_ERRORS.reconnect, 'Prove again who you are.')
          break
        }
        socket.send(toFrame(organization.uid))
      }
    }
  }

  #endConnections(event: FollowedEvent): void {
    for (const socket of this.#sockets) {
      if ([...socket.data.channels.values()].some((listener) => mayEndListening(event, listener))) {
        socket.data.channels.clear()
        socket.close(frames.FRAME_ERRORS.reconnect, 'Prove again who you are.')
      }
    }
  }
}

function refuse(socket: Socket, code: number, message: string): void {
  socket.send(frames.errorFrame(message, code))
  socket.close(code, message)
}
