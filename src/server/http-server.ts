/**
 * The HTTP server: the hot path first, then the routes of all surfaces. What it is made of comes from the composition root; tests call
 * `handle` without a socket.
 *
 * Clients that hold connections: the runtime closes one whose request head is not complete after about ten seconds, and an idle one after
 * `IDLE_SECONDS`, but waits for ever for a body that comes byte by byte. So bodies have a time limit of their own (`bodySignal`).
 */
import { Hono } from 'hono'
import type { App } from '../compose.ts'
import type { Config } from '../config.ts'
import { authenticate, requireAllowedAddress } from '../core/access/index.ts'
import type { Actor, Origin } from '../core/kernel/actor.ts'
import { DomainError, isDomainError } from '../core/kernel/errors.ts'
import { UsageBuffer } from '../core/statistics/index.ts'
import { createMetrics, type Metrics } from '../platform/log/metrics.ts'
import { listRoutes } from './all-routes.ts'
import { createGitlabSurface, rawPathOf, type GitlabSurface } from './gitlab.ts'
import { createHotPath, isHotPath, type HotPath } from './repository.ts'
import { MAX_BODY, bodySignal, describeUnreadable, readQuery, readUrl, toOrigin } from './incoming-request.ts'
import { RealtimeHub, type Connection } from './realtime-hub.ts'
import { ThreadedRenderer } from './renderer.ts'
import { RequestLimits, type Limited } from './request-limits.ts'
import { createOpsParts, createTelemetry } from './server-metrics.ts'
import { readTls } from './tls.ts'
import { readSecret } from '../surfaces/http/credentials.ts'
import { domainErrorResponse, errorResponse, unexpectedErrorResponse } from '../surfaces/http/errors.ts'
import { parseTrustedProxies, readBaseUrl, type Addressed, type TrustedProxies } from '../surfaces/http/forwarding.ts'
import { BodyNotReceived } from '../surfaces/http/request-body.ts'
import { readPath } from '../surfaces/http/request-path.ts'
import type { Call, Route } from '../surfaces/http/route.ts'
import type { Telemetry } from '../surfaces/http/telemetry.ts'
import { DocumentStore, type DocumentRenderer } from '../surfaces/repository/document-store.ts'

/** Which parts answer: everything, or only what supervision asks of a process that runs jobs. */
export type Serving = 'all' | 'ops'

/** A server before and while it listens. */
export interface Server {
  /** Answers one request as if it had come from `peer`. Never rejects. */
  handle(request: Request, peer: string | (() => string)): Response | Promise<Response>
  /** The routes besides the hot path, for the documentation and tests. */
  readonly routes: readonly Route[]
  readonly usage: UsageBuffer
  /** Starts listening and returns the port. */
  listen(input: { shared: boolean }): number
  /** Reads the certificates anew for new connections. Throws `TlsUnusable` and goes on with the old ones when they are no good. */
  renewCertificates(): void
  /** Takes no more connections, lets running requests end within `timeout` milliseconds, and folds what was counted. */
  stop(timeout: number): Promise<void>
}

const FOLD_INTERVAL = 5_000
const IDLE_SECONDS = 30
/** A request may wait this long for an archive to be built. */
const ANSWER_SECONDS = 180
const DRAIN_PAUSE = 20

/** Builds a server over an opened installation. */
export function createServer(app: App, serving: Serving, renderer?: DocumentRenderer): Server {
  return new HttpServer(app, serving, renderer ?? new ThreadedRenderer(app.ports.database.read, app.ports.log))
}

class HttpServer implements Server {
  readonly routes: readonly Route[]
  readonly usage: UsageBuffer
  readonly #app: App
  readonly #config: Config
  readonly #metrics: Metrics
  readonly #telemetry: Telemetry
  readonly #proxies: TrustedProxies
  readonly #limits: RequestLimits
  readonly #documents: DocumentStore
  readonly #renderer: DocumentRenderer
  readonly #hotPath: HotPath | null
  readonly #gitlab: GitlabSurface | null
  readonly #router: Hono<{ Bindings: { incoming: Incoming } }>
  readonly #realtime: RealtimeHub
  #listening: Bun.Server<Connection> | null = null
  #folding: ReturnType<typeof setInterval> | null = null

  constructor(app: App, serving: Serving, renderer: DocumentRenderer) {
    const { ports, config } = app
    this.#app = app
    this.#config = config
    this.#metrics = createMetrics()
    this.#telemetry = createTelemetry(this.#metrics)
    this.#proxies = parseTrustedProxies(config.trustedProxies)
    this.#limits = new RequestLimits(ports)
    this.#renderer = renderer
    this.#documents = new DocumentStore(renderer, config.cacheBytes / 2)
    this.usage = new UsageBuffer(ports.log)
    this.#realtime = new RealtimeHub(app, { isOpen: serving === 'all' })
    const parts = { documents: this.#documents, usage: this.usage, telemetry: this.#telemetry }
    this.#hotPath = serving === 'ops' ? null : createHotPath(app, parts)
    this.#gitlab = serving === 'ops' ? null : createGitlabSurface(app, this.#documents, this.usage)
    const ops = createOpsParts(app, { renderMetrics: () => this.#metrics.render(), documentBytes: () => this.#documents.bytes })
    this.routes = listRoutes(serving, { app, ops, usage: this.usage })
    this.#router = this.#buildRouter()
  }

  handle(request: Request, peer: string | (() => string)): Response | Promise<Response> {
    const started = performance.now()
    const url = readUrl(request)
    if (url === null) {
      return this.#measure('none', started, errorResponse(400, { message: 'The Host header names no host.' }))
    }
    const isKeepable = request.method === 'GET' && !this.#limits.limitsComposer
    const known = isKeepable ? (this.#hotPath?.known(request) ?? this.#gitlab?.known(request) ?? null) : null
    if (known !== null) {
      return this.#measure('repository', started, known)
    }
    const addressed: Addressed = {
      headers: request.headers,
      get peer() {
        return typeof peer === 'string' ? peer : peer()
      },
    }
    const baseUrl = readBaseUrl(addressed, this.#config.publicUrl, this.#proxies)
    if (baseUrl === null) {
      return this.#measure('none', started, errorResponse(400, { message: 'The Host header names no host.' }))
    }
    const origin = (): Origin => toOrigin(addressed, this.#proxies)
    const rawPath = rawPathOf(url)
    if (this.#gitlab !== null && rawPath !== null) {
      const limited: Limited = {}
      const refused = this.#limits.refuseComposer({ request, path: rawPath, origin }, limited)
      const answer = refused ?? this.#gitlab.handle({ request, rawPath, baseUrl, origin, signal: bodySignal(request) })
      return this.#settle('gitlab', started, { answer, origin: origin(), request, limited })
    }
    const path = readPath(url)
    if (path === null) {
      return this.#measure('none', started, errorResponse(404, { message: describeUnreadable(url) }))
    }
    if (this.#hotPath !== null && (request.method === 'GET' || request.method === 'HEAD')) {
      const limited: Limited = {}
      const answer =
        this.#limits.refuseComposer({ request, path, origin }, limited) ??
        this.#hotPath.answer({ request, path, baseUrl, origin })
      if (answer instanceof Response && limited.taken === undefined) {
        return this.#measure('repository', started, answer)
      }
      if (answer !== null) {
        return this.#settle('repository', started, { answer, origin: origin(), request, limited })
      }
    }
    return this.#route({ request, path, baseUrl, origin: origin(), started })
  }

  listen({ shared }: { shared: boolean }): number {
    const server = this.#open(shared, this.#config.port)
    this.#listening = server
    this.#folding = setInterval(() => void this.#fold(), FOLD_INTERVAL)
    this.#limits.start()
    return server.port ?? this.#config.port
  }

  renewCertificates(): void {
    const old = this.#listening
    // Connections that the old listener has go on until they end by themselves.
    this.#listening = this.#open(true, old?.port ?? this.#config.port)
    void old?.stop(false)
  }

  #open(shared: boolean, port: number): Bun.Server<Connection> {
    const tls = readTls(this.#config.tls)
    return Bun.serve({
      ...tls,
      hostname: this.#config.host,
      port,
      reusePort: shared || tls !== null,
      idleTimeout: IDLE_SECONDS,
      maxRequestBodySize: MAX_BODY,
      websocket: this.#realtime.handlers,
      fetch: (request, listening) => {
        const connected = this.#realtime.upgrade(request, listening)
        if (connected !== null) {
          return connected === 'upgraded' ? undefined : connected
        }
        const response = this.handle(request, () => listening.requestIP(request)?.address ?? '')
        if (response instanceof Promise) {
          listening.timeout(request, ANSWER_SECONDS)
        }
        return response
      },
      error: (error) => this.#failedToSend(error),
    })
  }

  async stop(timeout: number): Promise<void> {
    if (this.#folding !== null) {
      clearInterval(this.#folding)
    }
    await this.#limits.stop()
    this.#realtime.stop()
    const deadline = performance.now() + timeout
    const listening = this.#listening
    void listening?.stop(false)
    // Idle connections may stay for half a minute; only requests are waited for.
    while ((listening?.pendingRequests ?? 0) > 0 && performance.now() < deadline) {
      await Bun.sleep(DRAIN_PAUSE)
    }
    await listening?.stop(true)
    await this.#fold()
    if (this.#renderer instanceof ThreadedRenderer) {
      this.#renderer.close()
    }
  }

  async #fold(): Promise<void> {
    try {
      await this.usage.fold(this.#app.ports.database.write)
    } catch (error) {
      this.#app.ports.log.error('Counted downloads could not be written; they are kept for the next try.', { error })
    }
  }

  #buildRouter(): Hono<{ Bindings: { incoming: Incoming } }> {
    // Hono decodes parameters once more; the path is decoded already, and `%252F` must not become a slash.
    const getPath = (request: Request) => (readPath(request.url) ?? '/').replaceAll('%', '%25')
    const router = new Hono<{ Bindings: { incoming: Incoming } }>({ getPath })
    for (const route of this.routes) {
      router.on(route.method, route.path, async (c) => {
        c.env.incoming.surface = route.surface
        const call = await this.#toCall(c.req.raw, c.env.incoming, c.req.param())
        return this.#limits.refuse(route, call, c.env.incoming) ?? route.handle(call)
      })
    }
    for (const path of new Set(this.routes.map((route) => route.path))) {
      const allowed = this.routes.filter((route) => route.path === path).map((route) => route.method)
      router.all(path, () => wrongMethod([...allowed, ...(allowed.includes('GET') ? ['HEAD'] : [])]))
    }
    router.notFound((c) => this.#notFound(c.env.incoming.path))
    router.onError((error) => {
      throw error
    })
    return router
  }

  #route(incoming: Incoming): Promise<Response> {
    const { request, origin } = incoming
    // As a GET, so that the response keeps its length; the runtime leaves the body of an answer to HEAD out.
    const routed = request.method === 'HEAD' ? new Request(request, { method: 'GET' }) : request
    const answer = Promise.resolve(this.#router.fetch(routed, { incoming }))
    return this.#settle(() => incoming.surface ?? 'none', incoming.started, { answer, origin, request, limited: incoming })
  }

  #notFound(path: string): Response {
    const isHot = this.#hotPath !== null && isHotPath(path)
    return isHot ? wrongMethod(['GET', 'HEAD']) : nothingHere()
  }

  async #toCall(request: Request, incoming: Incoming, params: Record<string, string>): Promise<Call> {
    const { ports } = this.#app
    const secret = readSecret(request.headers.get('authorization'))
    const token = secret === null ? null : await authenticate(ports.database.read, secret, ports.clock.now())
    const actor: Actor = token ?? { kind: 'anonymous' }
    requireAllowedAddress(actor, incoming.origin.address)
    if (token !== null) {
      this.usage.use(token.token, ports.clock.now())
    }
    return {
      request,
      params,
      query: readQuery(request.url),
      baseUrl: incoming.baseUrl,
      address: incoming.origin.address ?? '',
      origin: incoming.origin,
      actor,
      signal: bodySignal(request),
      ctx: this.#app.ctx(actor, incoming.origin),
    }
  }

  async #settle(
    surface: string | (() => string),
    started: number,
    { answer, origin, request, limited }: Settling,
  ): Promise<Response> {
    let response: Response
    try {
      response = await answer
    } catch (error) {
      response = this.#toErrorResponse(error, { origin, request })
    }
    return this.#measure(
      typeof surface === 'string' ? surface : surface(),
      started,
      this.#limits.finish(response, limited, origin),
    )
  }

  #toErrorResponse(error: unknown, { origin, request }: { origin: Origin; request: Request }): Response {
    if (isDomainError(error)) {
      return domainErrorResponse(error)
    }
    if (error instanceof BodyNotReceived || request.signal.aborted) {
      return errorResponse(408, { message: 'The request did not arrive in time.' }, { Connection: 'close' })
    }
    return this.#unexpected(error, origin)
  }

  /** A file that an answer names could not be opened: clients try again, and then the archive is looked for, or built, anew. */
  #failedToSend(error: Error): Response {
    if (!('path' in error)) {
      return this.#unexpected(error, null)
    }
    this.#hotPath?.forget()
    this.#gitlab?.forget()
    this.#app.ports.log.error('An archive could not be read from the storage.', { error })
    return domainErrorResponse(new DomainError('storage_unavailable', { problem: 'an archive could not be read' }))
  }

  #unexpected(error: unknown, origin: Origin | null): Response {
    const requestId = this.#app.ports.newId()
    this.#app.ports.log.error('A request ended in an unexpected error.', {
      request: requestId,
      error,
      agent: origin?.agent ?? null,
    })
    return unexpectedErrorResponse(requestId)
  }

  #measure(surface: string, started: number, response: Response): Response {
    this.#telemetry.requests.increment({ surface, status: String(response.status) })
    this.#telemetry.duration.observe({ surface }, (performance.now() - started) / 1000)
    return response
  }
}

interface Settling {
  answer: Response | Promise<Response>
  origin: Origin
  request: Request
  limited: Limited
}

interface Incoming extends Limited {
  request: Request
  path: string
  baseUrl: string
  origin: Origin
  started: number
  surface?: string
}

function nothingHere(): Response {
  return errorResponse(404, { message: 'There is nothing at this address.' })
}

function wrongMethod(allowed: readonly string[]): Response {
  const allow = allowed.join(', ')
  return errorResponse(405, { message: `This address answers ${allow}.` }, { Allow: allow })
}
