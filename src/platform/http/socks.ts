import type { Socket } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Where a SOCKS client wants to go. `host` is a name in lower case or an address in its shortest form. */
export interface SocksDestination {
  host: string
  port: number
}

const HANDSHAKE_TIMEOUT = 10_000
const REPLIES = { connected: 0, not_allowed: 2, unreachable: 4, command: 7 } as const

/**
 * The server's side of a SOCKS5 handshake (RFC 1928) with name and password (RFC 1929) up to the request; the reply
 * is left to the caller. Null when the client breaks the protocol, is not accepted or asks for anything but CONNECT.
 */
export async function acceptSocks(
  socket: Socket,
  isAccepted: (name: string, password: string) => boolean,
): Promise<{ name: string; destination: SocksDestination } | null> {
  socket.setTimeout(HANDSHAKE_TIMEOUT, () => socket.destroy())
  const name = await readLogin(socket, isAccepted)
  if (name === null) return null
  const [version, command, , kind] = await readExactly(socket, 4)
  if (version !== 5 || kind === undefined) return null
  const host = await readHost(socket, kind)
  const port = (await readExactly(socket, 2)).readUInt16BE()
  if (command !== 1 || host === null) {
    replySocks(socket, 'command')
    return null
  }
  socket.setTimeout(0)
  return { name, destination: { host, port } }
}

/** Answers the request of `acceptSocks`. */
export function replySocks(socket: Socket, reply: keyof typeof REPLIES): void {
  if (!socket.destroyed) socket.write(Uint8Array.of(5, REPLIES[reply], 0, 1, 0, 0, 0, 0, 0, 0))
}

async function readLogin(socket: Socket, isAccepted: (name: string, password: string) => boolean): Promise<string | null> {
  const [version, methodCount] = await readExactly(socket, 2)
  if (version !== 5 || methodCount === undefined || methodCount === 0) return null
  const methods = await readExactly(socket, methodCount)
  if (!methods.includes(2)) {
    socket.write(Uint8Array.of(5, 0xff))
    return null
  }
  socket.write(Uint8Array.of(5, 2))
  await readExactly(socket, 1)
  const name = await readText(socket)
  const password = await readText(socket)
  const accepted = isAccepted(name, password)
  socket.write(Uint8Array.of(1, accepted ? 0 : 1))
  return accepted ? name : null
}

async function readHost(socket: Socket, kind: number): Promise<string | null> {
  if (kind === 1) return toShortest(await readExactly(socket, 4))
  if (kind === 4) return toShortest(await readExactly(socket, 16))
  if (kind !== 3) return null
  const text = (await readText(socket)).toLowerCase()
  return ipaddr.isValid(text) ? toShortest(ipaddr.parse(text).toByteArray()) : text
}

function toShortest(bytes: Buffer | number[]): string {
  const host = ipaddr.fromByteArray([...bytes]).toString()
  return host.includes(':') ? (URL.parse(`http://[${host}]/`)?.hostname.slice(1, -1) ?? host) : host
}

async function readText(socket: Socket): Promise<string> {
  const [length] = await readExactly(socket, 1)
  return length === undefined || length === 0 ? '' : (await readExactly(socket, length)).toString('latin1')
}

/** The next `count` bytes, leaving the rest in the socket. Rejects when the connection ends before. */
function readExactly(socket: Socket, count: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    function settle(): void {
      socket.off('readable', attempt)
      socket.off('close', fail)
      socket.off('end', fail)
    }
    function attempt(): void {
      const bytes: Buffer | null = socket.read(count)
      if (bytes === null) return
      settle()
      if (bytes.length === count) resolve(bytes)
      else reject(new Error('the connection ended during the handshake'))
    }
    function fail(): void {
      settle()
      reject(new Error('the connection ended during the handshake'))
    }
    socket.on('readable', attempt)
    socket.on('close', fail)
    socket.on('end', fail)
    attempt()
  })
}
