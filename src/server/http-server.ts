/**
 * The HTTP server: the hot path first, then the routes of all surfaces. What it is made of comes from the composition root; tests call
 * `handle` without a socket.
 */
import { Hono } from 'hono'
import type { App } from '../compose.ts'
import type { Config } from '../config.ts'
import { authenticate } from '../core/access/index.ts'
import type { Actor, Origin } from '../core/kernel/actor.ts'
import { isDomainError } from '../core/kernel/errors.ts'
import { countJobs, findOldestDue } from '../core/jobs/index.ts'
import { summarizeSources } from '../core/sources/index.ts'
import { UsageBuffer } from '../core/statistics/index.ts'
import { createMetrics, type Metrics } from '../platform/log/metrics.ts'
import { ThreadedRenderer } from './renderer.ts'
import { setupRoutes } from '../surfaces/console/setup-routes.ts'
import { readSecret } from '../surfaces/http/credentials.ts'
import { domainErrorResponse, errorResponse, unexpectedErrorResponse } from '../surfaces/http/errors.ts'
import { clientAddress, parseTrustedProxies, readBaseUrl, type TrustedProxies } from '../surfaces/http/forwarding.ts'
import { readPath } from '../surfaces/http/request-path.ts'
import type { Call, Route } from '../surfaces/http/route.ts'
import type { Telemetry } from '../surfaces/http/telemetry.ts'
import { opsRoutes } from '../surfaces/ops/routes.ts'
import { DocumentStore, type DocumentRenderer } from '../surfaces/repository/document-store.ts'
import { HotPath } from '../surfaces/repository/hot-path.ts'
import { repositoryRoutes } from '../surfaces/repository/routes.ts'

/** Which parts answer: everything, or only what supervision asks of a process that runs jobs. */
export type Serving = 'all' | 'ops'

/** A server before and while it listens. */
export interface Server {
  /** Answers one request as if it had come from `peer`. Never rejects. */
  handle(request: Request, peer: string): Response | Promise<Response>
  /** The routes besides the hot path, for the documentation and tests. */
  readonly routes: readonly Route[]
  readonly usage: UsageBuffer
  /** Starts listening and returns the port. */
  listen(input: { shared: boolean }): number
  /** Takes no more connections, lets running requests end within `timeout` milliseconds, and folds what was counted. */
  stop(timeout: number): Promise<void>
}

const FOLD_INTERVAL = 5_000
const IDLE_SECONDS = 30
/** A request may wait this long for an archive to be built. */
const ANSWER_SECONDS = 180
const MAX_BODY = 16 * 1024 * 1024
/** Seconds; the metadata path is expected in the first two. */
const BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]

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
  readonly #documents: DocumentStore
  readonly #renderer: DocumentRenderer
  readonly #hotPath: HotPath | null
  readonly #router: Hono<{ Bindings: { incoming: Incoming } }>
  #listening: Bun.Server<undefined> | null = null
  #folding: ReturnType<typeof setInterval> | null = null

  constructor(app: App, serving: Serving, renderer: DocumentRenderer) {
    const { ports, config } = app
    this.#app = app
    this.#config = config
    this.#metrics = createMetrics()
    this.#telemetry = createTelemetry(this.#metrics)
    this.#proxies = parseTrustedProxies(config.trustedProxies)
    this.#renderer = renderer
    this.#documents = new DocumentStore(renderer, config.cacheBytes / 2)
    this.usage = new UsageBuffer(ports.log)
    this.#hotPath =
      serving === 'ops'
        ? null
        : new HotPath({
            ctx: (actor, origin) => app.ctx(actor, origin),
            db: ports.database.read,
            stamp: () => ports.database.stamp(),
            clock: ports.clock,
            usage: this.usage,
            documents: this.#documents,
            telemetry: this.#telemetry,
            cacheBytes: config.cacheBytes / 2,
          })
    const ops = opsRoutes({
      findProblems: () => this.#findProblems(),
      renderMetrics: () => this.#renderMetrics(),
      metricsToken: config.metricsToken,
    })
    const all = [...ops, ...setupRoutes((actor, call) => app.ctx(actor, call.origin)), ...repositoryRoutes(this.usage)]
    this.routes = serving === 'ops' ? ops : all
    this.#router = this.#buildRouter()
  }

  handle(request: Request, peer: string): Response | Promise<Response> {
    const started = performance.now()
    const path = readPath(request.url)
    if (path === null) {
      return this.#measure('none', started, errorResponse(404, { message: 'There is nothing at this address.' }))
    }
    const addressed = { headers: request.headers, peer }
    const baseUrl = readBaseUrl(addressed, this.#config.publicUrl, this.#proxies)
    if (baseUrl === null) {
      return this.#measure('none', started, errorResponse(400, { message: 'The Host header names no host.' }))
    }
    const origin: Origin = {
      surface: 'http',
      address: clientAddress(addressed, this.#proxies),
      agent: request.headers.get('user-agent')?.slice(0, 300) ?? null,
      requestId: null,
    }
    if (this.#hotPath !== null && (request.method === 'GET' || request.method === 'HEAD')) {
      const answer = this.#hotPath.answer({ request, path, baseUrl, origin })
      if (answer instanceof Response) {
        return this.#measure('repository', started, answer)
      }
      if (answer !== null) {
        return this.#settle('repository', started, { answer, origin })
      }
    }
    return this.#route({ request, path, baseUrl, origin, started })
  }

  listen({ shared }: { shared: boolean }): number {
    const server = Bun.serve({
      hostname: this.#config.host,
      port: this.#config.port,
      reusePort: shared,
      idleTimeout: IDLE_SECONDS,
      maxRequestBodySize: MAX_BODY,
      fetch: (request, listening) => {
        const response = this.handle(request, listening.requestIP(request)?.address ?? '')
        if (response instanceof Promise) {
          listening.timeout(request, ANSWER_SECONDS)
        }
        return response
      },
      error: (error) => this.#unexpected(error, null),
    })
    this.#listening = server
    this.#folding = setInterval(() => void this.#fold(), FOLD_INTERVAL)
    return server.port ?? this.#config.port
  }

  async stop(timeout: number): Promise<void> {
    if (this.#folding !== null) {
      clearInterval(this.#folding)
    }
    const stopped = this.#listening?.stop(false) ?? Promise.resolve()
    await Promise.race([stopped, Bun.sleep(timeout)])
    await this.#listening?.stop(true)
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
    const router = new Hono<{ Bindings: { incoming: Incoming } }>({ getPath: (request) => readPath(request.url) ?? '/' })
    for (const route of this.routes) {
      router.on(route.method, route.path, async (c) => {
        c.env.incoming.surface = route.surface
        return route.handle(await this.#toCall(c.req.raw, c.env.incoming, c.req.param()))
      })
    }
    for (const path of new Set(this.routes.map((route) => route.path))) {
      const allowed = this.routes.filter((route) => route.path === path).map((route) => route.method)
      const allow = [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : [])].join(', ')
      router.all(path, () => errorResponse(405, { message: `This address answers ${allow}.` }, { Allow: allow }))
    }
    router.notFound(() => errorResponse(404, { message: 'There is nothing at this address.' }))
    router.onError((error) => {
      throw error
    })
    return router
  }

  #route(incoming: Incoming): Promise<Response> {
    const answer = Promise.resolve(this.#router.fetch(incoming.request, { incoming }))
    return this.#settle(() => incoming.surface ?? 'none', incoming.started, { answer, origin: incoming.origin })
  }

  async #toCall(request: Request, incoming: Incoming, params: Record<string, string>): Promise<Call> {
    const { ports } = this.#app
    const secret = readSecret(request.headers.get('authorization'))
    const token = secret === null ? null : await authenticate(ports.database.read, secret, ports.clock.now())
    const actor: Actor = token ?? { kind: 'anonymous' }
    if (token !== null) {
      this.usage.use(token.token, ports.clock.now())
    }
    const question = request.url.indexOf('?')
    return {
      request,
      params,
      query: new URLSearchParams(question < 0 ? '' : request.url.slice(question)),
      baseUrl: incoming.baseUrl,
      address: incoming.origin.address ?? '',
      origin: incoming.origin,
      actor,
      ctx: this.#app.ctx(actor, incoming.origin),
    }
  }

  async #settle(
    surface: string | (() => string),
    started: number,
    { answer, origin }: { answer: Promise<Response>; origin: Origin },
  ): Promise<Response> {
    let response: Response
    try {
      response = await answer
    } catch (error) {
      response = isDomainError(error) ? domainErrorResponse(error) : this.#unexpected(error, origin)
    }
    return this.#measure(typeof surface === 'string' ? surface : surface(), started, response)
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

  async #findProblems(): Promise<string[]> {
    try {
      await this.#app.ports.database.ping()
      return []
    } catch (error) {
      this.#app.ports.log.error('The database does not answer.', { error })
      return ['The database does not answer.']
    }
  }

  async #renderMetrics(): Promise<string> {
    const { database, clock } = this.#app.ports
    const now = clock.now()
    const extra = createMetrics()
    const jobs = extra.gauge({ name: 'repertoire_jobs', help: 'Jobs by state.', labels: ['state'] })
    for (const { state, count } of await countJobs(database.read)) {
      jobs.set({ state }, count)
    }
    const oldest = await findOldestDue(database.read, now)
    const waiting = extra.gauge({ name: 'repertoire_job_wait_seconds', help: 'Since when the longest due job waits.' })
    waiting.set({}, oldest === null ? 0 : (now - oldest) / 1000)
    const sources = extra.gauge({ name: 'repertoire_sources', help: 'Sources by state.', labels: ['state'] })
    const age = extra.gauge({
      name: 'repertoire_sync_age_seconds',
      help: 'Age of the last successful sync, of the source where it is oldest.',
      labels: ['state'],
    })
    for (const { state, count, oldestSync } of await summarizeSources(database.read)) {
      sources.set({ state }, count)
      if (oldestSync !== null) {
        age.set({ state }, (now - oldestSync) / 1000)
      }
    }
    extra.gauge({ name: 'repertoire_document_cache_bytes', help: 'Rendered documents in memory.' }).set({}, this.#documents.bytes)
    extra.gauge({ name: 'repertoire_resident_bytes', help: 'Resident memory of the process.' }).set({}, process.memoryUsage.rss())
    const asked = performance.now()
    await database.ping()
    extra
      .gauge({ name: 'repertoire_database_ping_seconds', help: 'Time of the simplest statement.' })
      .set({}, (performance.now() - asked) / 1000)
    return this.#metrics.render() + extra.render()
  }
}

interface Incoming {
  request: Request
  path: string
  baseUrl: string
  origin: Origin
  started: number
  surface?: string
}

function createTelemetry(metrics: Metrics): Telemetry {
  return {
    requests: metrics.counter({ name: 'repertoire_requests_total', help: 'Answered requests.', labels: ['surface', 'status'] }),
    duration: metrics.histogram({
      name: 'repertoire_request_duration_seconds',
      help: 'Time until the response was ready to be sent.',
      labels: ['surface'],
      buckets: BUCKETS,
    }),
    cache: metrics.counter({
      name: 'repertoire_answers_total',
      help: 'Hot-path requests by what the memory knew.',
      labels: ['outcome'],
    }),
  }
}
