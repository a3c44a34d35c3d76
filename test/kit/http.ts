/** The HTTP server over a test app: in-process through `handle`, or listening where the socket is what a test is about. */
import type { App } from '../../src/compose.ts'
import { createCtx } from '../../src/app.ts'
import { readConfig, type Config } from '../../src/config.ts'
import { createServer, type Server, type Serving } from '../../src/server/http-server.ts'
import { createInlineRenderer } from '../../src/server/renderer.ts'
import type { DocumentRenderer } from '../../src/surfaces/repository/document-store.ts'
import { createTestApp, type TestApp } from './app.ts'

/** What a real client sends besides its credentials. */
export const COMPOSER_HEADERS: Readonly<Record<string, string>> = {
  Accept: '*/*',
  'Accept-Encoding': 'deflate, gzip, br, zstd',
  'User-Agent': 'Composer/2.10.2 (Linux; 6.1.0; PHP 8.4.1; cURL 8.14.1)',
}

/** The base URL that in-process requests are sent to. */
export const BASE = 'http://packages.example.test'

/** One request; `token` is sent as the password of Basic authentication, as Composer does. */
export interface TestRequest {
  method?: string
  token?: string | null
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array
  /** Address of the connection. */
  peer?: string
  base?: string
}

export interface TestServer {
  readonly app: TestApp
  readonly server: Server
  /** Sends a request in-process. */
  send(path: string, request?: TestRequest): Promise<Response>
  /** A GET whose body is JSON. */
  json(path: string, request?: TestRequest): Promise<unknown>
  /** Listens on a port of its own while `work` runs. */
  listening(work: (url: string, port: number) => Promise<void>): Promise<void>
}

export interface WantedServer {
  app?: TestApp
  git?: boolean
  config?: Partial<Config>
  serving?: Serving
  renderer?: (inline: DocumentRenderer) => DocumentRenderer
}

/** A server over a new test app, or over the given one. */
export async function createTestServer(wanted: WantedServer = {}): Promise<TestServer> {
  const app = wanted.app ?? (await createTestApp({ git: wanted.git ?? false }))
  const inline = createInlineRenderer(app.ports.database.read)
  const renderer = wanted.renderer === undefined ? inline : wanted.renderer(inline)
  const server = createServer(toApp(app, wanted.config ?? {}), wanted.serving ?? 'all', renderer)
  const send = async (path: string, request: TestRequest = {}) => {
    // A request from a socket arrives in a turn of the event loop of its own.
    await new Promise((resolve) => setImmediate(resolve))
    return server.handle(toRequest(path, request), request.peer ?? '192.0.2.7')
  }
  return {
    app,
    server,
    send,
    async json(path, request) {
      const response = await send(path, request)
      return response.json()
    },
    async listening(work) {
      const port = server.listen({ shared: false })
      try {
        await work(`http://127.0.0.1:${port}`, port)
      } finally {
        await server.stop(5_000)
      }
    },
  }
}

function toApp(app: TestApp, config: Partial<Config>): App {
  return {
    config: { ...readConfig({}), host: '127.0.0.1', port: 0, ...config },
    ports: app.ports,
    blobs: { ...app.blobs, sweep: async () => 0, findProblem: async () => null },
    owner: 'test',
    ctx: (actor, origin) => createCtx(app.ports, actor, origin),
    async close() {},
  }
}

function toRequest(path: string, { method = 'GET', token = null, headers = {}, body, base = BASE }: TestRequest): Request {
  return new Request(`${base}${path}`, {
    method,
    headers: {
      Host: new URL(base).host,
      ...(token === null ? {} : { Authorization: basic('token', token) }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: body as Bun.BodyInit }),
  })
}

/** The value of `Authorization` for a user name and a password. */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
