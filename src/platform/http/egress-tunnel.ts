import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { DomainError, isDomainError } from '../../core/kernel/errors.ts'
import type { Egress } from './egress.ts'

/*
 * Ways out for programs that know no SOCKS proxy. A tunnel listens on a port of its own on loopback while one program runs, leads to
 * one destination, and dials through the guard. With `connect` it is an HTTP proxy for https that asks for a password; with
 * `forward` it stands in for the destination itself, for protocols that name no host.
 */

/** One way out. `user` and `password` are what the proxy asks for. */
export interface EgressTunnel {
  readonly port: number
  readonly user: string
  readonly password: string
  /** Bytes received from the destination so far. */
  readonly received: number
  /** Why the last connection was refused or failed, or null. */
  readonly failure: DomainError | null
  /** Ends the tunnel and its connections. */
  close(): void
}

const MOST_HEAD = 16_384
const REFUSED = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
const WHO = 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="guard"\r\nContent-Length: 0\r\n\r\n'
const UNREACHABLE = 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
const CONNECTED = 'HTTP/1.1 200 Connection established\r\n\r\n'

interface State {
  received: number
  failure: DomainError | null
}

/** Opens a way to one destination; its connections end after `idle` milliseconds without a byte. */
export async function openEgressTunnel(
  egress: Egress,
  destination: { host: string; port: number; mode: 'connect' | 'forward' },
  idle: number,
): Promise<EgressTunnel> {
  const state: State = { received: 0, failure: null }
  const user = randomBytes(12).toString('hex')
  const password = randomBytes(24).toString('hex')
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const sockets = new Set<Socket>()
  const track = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
    socket.setTimeout(idle, () => socket.destroy())
  }
  async function serve(socket: Socket): Promise<void> {
    const isProxy = destination.mode === 'connect'
    if (isProxy && !(await admit(socket, { destination, expected, state }))) return
    try {
      const remote = await egress.connect(destination.host, destination.port)
      track(remote)
      if (isProxy) socket.write(CONNECTED)
      join(socket, remote, state)
    } catch (error) {
      if (!isDomainError(error)) throw error
      state.failure = error
      socket.end(isProxy ? UNREACHABLE : '')
    }
  }
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    track(socket)
    serve(socket).catch(() => socket.destroy())
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  return {
    port,
    user,
    password,
    get received() {
      return state.received
    },
    get failure() {
      return state.failure
    },
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Reads requests until one may pass. A client that brings no password at first is asked for it on the same connection. */
async function admit(
  socket: Socket,
  { destination, expected, state }: { destination: { host: string; port: number }; expected: string; state: State },
): Promise<boolean> {
  for (let tries = 0; tries < 3; tries += 1) {
    const head = await readHead(socket)
    if (head === null) {
      socket.end(REFUSED)
      return false
    }
    const [, target = ''] = /^CONNECT (\S+) HTTP\/1\.[01]\r\n/.exec(head) ?? []
    const [, proof = ''] = /\r\nProxy-Authorization: *([^\r]+)\r\n/i.exec(head) ?? []
    if (!isEqual(proof, expected)) {
      socket.write(WHO)
      continue
    }
    const host = destination.host.includes(':') ? `[${destination.host}]` : destination.host
    if (target.toLowerCase() === `${host}:${destination.port}`) return true
    if (target !== '') state.failure = new DomainError('egress_blocked', { host: target.slice(0, 300), rule: 'other_host' })
    socket.end(REFUSED)
    return false
  }
  socket.end(REFUSED)
  return false
}

function isEqual(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** The request up to its empty line; null when it ends before, or is too long. Clients wait for the answer before they send more. */
function readHead(socket: Socket): Promise<string | null> {
  return new Promise((resolve) => {
    let head = ''
    const finish = (result: string | null): void => {
      socket.off('data', take)
      socket.off('close', lose)
      socket.off('end', lose)
      socket.pause()
      resolve(result)
    }
    const lose = (): void => finish(null)
    const take = (chunk: Buffer): void => {
      head += chunk.toString('latin1')
      if (head.endsWith('\r\n\r\n')) finish(head)
      else if (head.length > MOST_HEAD) finish(null)
    }
    socket.on('data', take)
    socket.once('close', lose)
    socket.once('end', lose)
    socket.resume()
  })
}

/** Connects both ends with back-pressure; the end of either ends both. */
function join(socket: Socket, remote: Socket, state: State): void {
  if (socket.destroyed) {
    remote.destroy()
    return
  }
  remote.on('data', (chunk: Buffer) => {
    state.received += chunk.length
  })
  socket.once('close', () => remote.destroy())
  remote.once('close', () => socket.end())
  remote.pipe(socket)
  socket.pipe(remote)
}
