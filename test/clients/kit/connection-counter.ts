/** Passes bytes between clients and a port, and counts the connections; it knows nothing of HTTP. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface ConnectionCounter {
  readonly url: string
  readonly origin: string
  /** Connections that were opened so far. */
  readonly opened: number
  stop(): void
}

/** Listens on a free loopback port and connects every client to `port`. */
export async function startConnectionCounter(port: number): Promise<ConnectionCounter> {
  const sockets = new Set<Socket>()
  let opened = 0
  const server = createServer((client) => {
    opened += 1
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${origin}`,
    origin,
    get opened() {
      return opened
    },
    stop() {
      sockets.forEach((socket) => socket.destroy())
      server.close()
    },
  }
}
