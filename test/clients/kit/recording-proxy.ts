/**
 * A proxy between a client and a registry: passes every request on unchanged, remembers it with its answer, and can be
 * told to answer by itself, to wait, or to be unreachable. It listens on one loopback port for its whole life.
 */

/** A request that passed, with its answer. Paths include the query. */
export interface Exchange {
  method: string
  path: string
  status: number
  requestHeaders: Headers
  responseHeaders: Headers
}

/** What happens to a request instead of passing; null lets it pass. */
export type Interception = (request: Request, path: string) => Promise<Response | null> | Response | null

export interface RecordingProxy {
  readonly url: string
  /** In the order in which the answers were sent. */
  readonly exchanges: Exchange[]
  /** Applies to all requests until `reset`. */
  intercept(interception: Interception): void
  /** Forgets what passed, and lets everything pass again. */
  reset(): void
  /** Refuses connections until `rise`. */
  fall(): Promise<void>
  rise(): void
  stop(): Promise<void>
}

/** `GET /acme/packages.json 200` for every exchange. */
export function summarize(exchanges: readonly Exchange[]): string[] {
  return exchanges.map(({ method, path, status }) => `${method} ${path} ${status}`)
}

const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding', 'content-length']

/** Starts a proxy on a free port. `target` is asked for each request. */
export function startRecordingProxy(target: () => string): RecordingProxy {
  let current: Interception | null = null
  const exchanges: Exchange[] = []

  async function answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url)
    const path = `${pathname}${search}`
    const intercepted = await current?.(request, path)
    const response = intercepted ?? (await forward(`${target()}${path}`, request))
    exchanges.push({
      method: request.method,
      path,
      status: response.status,
      requestHeaders: new Headers(request.headers),
      responseHeaders: new Headers(response.headers),
    })
    return response
  }

  const listen = (port: number) => Bun.serve({ hostname: '127.0.0.1', port, development: false, fetch: answer })
  let server = listen(0)
  const port = server.port ?? 0
  return {
    url: `http://127.0.0.1:${port}`,
    exchanges,
    intercept(interception) {
      current = interception
    },
    reset() {
      exchanges.length = 0
      current = null
    },
    fall: () => server.stop(true),
    rise() {
      server = listen(port)
    },
    stop: () => server.stop(true),
  }
}

/**
 * Bodies pass as they are, compressed or not, so that the client sees the registry's own bytes. Every request has a connection
 * of its own, so that processes which share the registry's port take turns.
 */
async function forward(url: string, request: Request): Promise<Response> {
  const { method, headers } = request
  const passed = new Headers(headers)
  HOP_BY_HOP.forEach((name) => passed.delete(name))
  try {
    const response = await fetch(url, {
      method,
      headers: passed,
      redirect: 'manual',
      keepalive: false,
      decompress: false,
      ...(method === 'GET' || method === 'HEAD' ? {} : { body: await request.arrayBuffer() }),
    })
    const kept = new Headers(response.headers)
    HOP_BY_HOP.forEach((name) => kept.delete(name))
    const { status, statusText } = response
    return new Response(status === 304 || status === 204 ? null : await response.arrayBuffer(), {
      status,
      statusText,
      headers: kept,
    })
  } catch {
    return new Response('', { status: 502 })
  }
}
