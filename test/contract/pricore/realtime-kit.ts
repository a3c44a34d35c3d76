/** A client of the realtime channels over a real socket. */

/** What a server sends. */
export interface Frame {
  event: string
  channel?: string
  data: unknown
}

/** A client of the protocol, as far as the tests need one. */
export interface Client {
  readonly socketId: string
  readonly frames: Frame[]
  send(event: string, data: unknown): void
  /** The next frame with that event that was not asked for yet. */
  next(event: string): Promise<Frame>
  readonly closed: Promise<number>
  close(): void
}

interface Opening {
  address: string
  query?: string | undefined
  headers?: Record<string, string> | undefined
}

const PATIENCE = 5_000
const USUAL = 'protocol=7&client=js&version=8.4.0'

/** Connects, and waits for the first frame unless the protocol is one that is refused. */
export async function openClient({ address, query = USUAL, headers = {} }: Opening): Promise<Client> {
  const socket = new WebSocket(`${address}?${query}`, { headers })
  const frames: Frame[] = []
  const asked = new Set<Frame>()
  const closed = Promise.withResolvers<number>()
  let wake = Promise.withResolvers<void>()
  socket.addEventListener('message', ({ data }) => {
    frames.push(JSON.parse(String(data)) as Frame)
    wake.resolve()
    wake = Promise.withResolvers()
  })
  socket.addEventListener('close', ({ code }) => closed.resolve(code))
  const next = async (event: string) => {
    const deadline = performance.now() + PATIENCE
    for (;;) {
      const found = frames.find((frame) => frame.event === event && !asked.has(frame))
      if (found !== undefined) {
        asked.add(found)
        return { ...found, data: typeof found.data === 'string' ? (JSON.parse(found.data) as unknown) : found.data }
      }
      if (performance.now() > deadline) {
        throw new Error(`No ${event} came, but ${JSON.stringify(frames)}`)
      }
      await Promise.race([wake.promise, Bun.sleep(100)])
    }
  }
  const client = {
    frames,
    next,
    closed: closed.promise,
    send: (event: string, data: unknown) => socket.send(JSON.stringify({ event, data })),
    close: () => socket.close(),
    socketId: '',
  }
  await Promise.race([new Promise((resolve) => socket.addEventListener('open', resolve)), closed.promise])
  if (/protocol=[567]/.test(query)) {
    client.socketId = ((await next('pusher:connection_established')).data as { socket_id: string }).socket_id
  }
  return client
}
