/**
 * Where limits are enforced. A route names its limit; the Composer repository has one of its own, off unless configured; and whoever keeps asking
 * without a valid credential is answered 429 instead of 401. A valid credential is never refused for the failures of others at its address.
 */
import type { Ports } from '../app.ts'
import { addressGroup } from '../core/kernel/address-group.ts'
import type { Origin } from '../core/kernel/actor.ts'
import type { RateTaken } from '../core/kernel/ports.ts'
import { errorResponse } from '../surfaces/http/errors.ts'
import { takeRequest, tooManyAttempts, withRateHeaders } from '../surfaces/http/rate-limits.ts'
import type { Call, Route } from '../surfaces/http/route.ts'
import { parseRepositoryPath } from '../surfaces/repository/repository-path.ts'

/** What a request has taken so far. */
export interface Limited {
  taken?: RateTaken
}

/** A request of the Composer repository; `path` is canonical. */
interface Asked {
  request: Request
  path: string
  origin: () => Origin
}

const EXCHANGE_INTERVAL = 1_000

/** Enforces the limits of one server. */
export class RequestLimits {
  readonly #ports: Pick<Ports, 'limiter' | 'clock' | 'log'>
  #exchanging: ReturnType<typeof setInterval> | null = null
  #failing = false

  constructor(ports: Pick<Ports, 'limiter' | 'clock' | 'log'>) {
    this.#ports = ports
  }

  /** Begins to tell the other processes what was taken here, and to learn from them. */
  start(): void {
    this.#exchanging = setInterval(() => void this.#exchange(), EXCHANGE_INTERVAL)
  }

  async stop(): Promise<void> {
    if (this.#exchanging !== null) {
      clearInterval(this.#exchanging)
      await this.#exchange()
    }
  }

  /** While the database is away every process counts by itself; one line in the log says so. */
  async #exchange(): Promise<void> {
    try {
      await this.#ports.limiter.exchange()
      this.#failing = false
    } catch (error) {
      if (!this.#failing) {
        this.#ports.log.warn('Limits are not shared between processes: the counts could not be exchanged.', { error })
      }
      this.#failing = true
    }
  }

  /** Whether requests of the Composer repository are counted. */
  get limitsComposer(): boolean {
    return this.#ports.limiter.rules.composer !== null
  }

  /** The refusal of a call that is over the limit of its route, or null. */
  refuse(route: Route, call: Call, limited: Limited): Response | null {
    const taken = route.limit === undefined ? null : takeRequest(call.ctx, route.limit.rule)
    if (taken === null) {
      return null
    }
    limited.taken = taken
    return taken.allowed ? null : (route.limit?.refuse ?? tooManyAttempts)()
  }

  /**
   * As `refuse` for the Composer repository, where credentials are not looked up for this: an invalid one is counted by itself here and by its
   * address as a failure.
   */
  refuseComposer({ request, path, origin }: Asked, limited: Limited): Response | null {
    const rule = this.#ports.limiter.rules.composer
    if (rule === null || (parseRepositoryPath(path) === null && !path.startsWith('/api/v4/'))) {
      return null
    }
    const { headers } = request
    const authorization = headers.get('authorization') ?? headers.get('private-token') ?? headers.get('deploy-token')
    const who = authorization === null ? addressGroup(origin().address) : Bun.hash(authorization).toString(36)
    const taken = this.#ports.limiter.take(`composer:${who}`, rule)
    limited.taken = taken
    if (taken.allowed) {
      return null
    }
    return errorResponse(429, {
      message: 'Too many requests.',
      warning: 'This repository limits requests; try again in a minute.',
    })
  }

  /** The answer as it goes out: with the headers of what was taken, and 429 for one failure too many. */
  finish(response: Response, { taken }: Limited, origin: Origin): Response {
    const now = this.#ports.clock.now()
    const answer = taken === undefined ? response : withRateHeaders(response, taken, now)
    const rule = this.#ports.limiter.rules.failures
    if (response.status !== 401 || rule === null) {
      return answer
    }
    const failed = this.#ports.limiter.take(`failures:${addressGroup(origin.address)}`, rule)
    if (failed.allowed) {
      return answer
    }
    return withRateHeaders(errorResponse(429, { message: 'Too many requests without a valid credential.' }), failed, now)
  }
}
