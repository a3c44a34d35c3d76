import { createServer, type Server, type Socket } from 'node:net'
import { randomBytes } from 'node:crypto'
import { DomainError, isDomainError } from '../../core/kernel/errors.ts'
import type { Egress } from './egress.ts'
import { acceptSocks, replySocks, type SocksDestination } from './socks.ts'

/**
 * One use of the proxy by one child process: its own random name and password, one destination, its
 * own count of bytes. Nothing else can be reached with it, whatever the child is told by its server.
 */
export interface ProxySession {
  /** `socks5h://name:password@127.0.0.1:port`: a secret, to be passed in the environment only. */
  readonly url: string
  /** Bytes received from the destination so far. */
  readonly received: number
  /** Why the last connection was refused or failed, or null. */
  readonly failure: DomainError | null
  /** Ends the session and its connections. */
  close(): void
}

interface Session extends ProxySession {
  received: number
  failure: DomainError | null
  password: string
  destination: SocksDestination
  idle: number
  sockets: Set<Socket>
}

/**
 * A SOCKS5 proxy on loopback that lets child processes out through the guard. It resolves names itself and
 * dials the address that it judged. Only holders of a session's password may use it.
 */
export class EgressProxy {
  readonly #egress: Egress
  readonly #server: Server
  readonly #sessions = new Map<string, Session>()
  readonly #sockets = new Set<Socket>()
  #port = 0

  private constructor(egress: Egress) {
    this.#egress = egress
    this.#server = createServer((socket) => {
      this.#serve(socket).catch(() => socket.destroy())
    })
  }

  /** Starts a proxy on a free port of 127.0.0.1. */
  static async start(egress: Egress): Promise<EgressProxy> {
    const proxy = new EgressProxy(egress)
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject)
      proxy.#server.listen(0, '127.0.0.1', resolve)
    })
    const address = proxy.#server.address()
    proxy.#port = typeof address === 'object' && address !== null ? address.port : 0
    return proxy
  }

  /** Opens a session to one destination; its connections end after `idle` milliseconds without a byte. */
  openSession(destination: SocksDestination, idle: number): ProxySession {
    const name = randomBytes(12).toString('hex')
    const password = randomBytes(24).toString('hex')
    const sockets = new Set<Socket>()
    const close = (): void => {
      this.#sessions.delete(name)
      for (const socket of sockets) socket.destroy()
    }
    const url = `socks5h://${name}:${password}@127.0.0.1:${this.#port}`
    const session: Session = { url, received: 0, failure: null, close, password, destination, idle, sockets }
    this.#sessions.set(name, session)
    return session
  }

  /** Ends all sessions and stops listening. */
  close(): void {
    for (const session of this.#sessions.values()) session.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    // Errors of a client that went away need no answer; without a listener they would end the process.
    socket.on('error', () => socket.destroy())
    const request = await acceptSocks(socket, (name, password) => this.#sessions.get(name)?.password === password)
    const session = request === null ? undefined : this.#sessions.get(request.name)
    if (request === null || session === undefined) {
      socket.destroy()
      return
    }
    session.sockets.add(socket)
    try {
      requireDestination(session, request.destination)
      join(socket, await this.#egress.connect(session.destination.host, session.destination.port), session)
    } catch (error) {
      if (!isDomainError(error)) throw error
      session.failure = error
      replySocks(socket, error.code === 'egress_blocked' ? 'not_allowed' : 'unreachable')
      socket.end()
    }
  }
}

function requireDestination(session: Session, asked: SocksDestination): void {
  const { host, port } = session.destination
  if (asked.host !== host || asked.port !== port)
    throw new DomainError('egress_blocked', { host: asked.host, rule: 'other_host' })
}

/** Connects both ends with back-pressure; either end's close or silence ends both. */
function join(socket: Socket, remote: Socket, session: Session): void {
  session.sockets.add(remote)
  const end = (): void => {
    socket.destroy()
    remote.destroy()
    session.sockets.delete(socket)
    session.sockets.delete(remote)
  }
  remote.on('error', end)
  socket.on('close', end)
  remote.on('close', () => socket.end())
  remote.setTimeout(session.idle, end)
  if (socket.destroyed) {
    end()
    return
  }
  replySocks(socket, 'connected')
  remote.on('data', (chunk: Buffer) => {
    session.received += chunk.length
  })
  remote.pipe(socket)
  socket.pipe(remote)
}
