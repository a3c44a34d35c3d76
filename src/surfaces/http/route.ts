import type { Actor, Origin } from '../../core/kernel/actor.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import type { Operation } from './operation.ts'
import type { RouteLimit } from './rate-limits.ts'

/** A request as handlers see it: decoded as far as all surfaces agree. */
export interface Call {
  request: Request
  /** Decoded path parameters by name. */
  params: Readonly<Record<string, string>>
  query: URLSearchParams
  /** Public base URL without a slash at the end. */
  baseUrl: string
  /** Address of the client, as trusted proxies tell it. */
  address: string
  origin: Origin
  /** The actor behind the presented credential; anonymous when there is none or it is not valid. */
  actor: Actor
  /** Aborted when the client went away or took too long to send a body. */
  signal: AbortSignal
  /** A context for the actor. */
  ctx: Ctx
}

/** One row of a surface's route table. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Hono's pattern. Every first segment that is not a parameter is reserved as an organization slug. */
  path: string
  /** Names the surface in metrics. */
  surface: string
  /** The contract clauses that the route serves. */
  clauses: readonly string[]
  /** The limit that its requests take from; none by default. */
  limit?: RouteLimit
  /** What the API documentation says about it; routes without are not in it. */
  operation?: Operation
  handle(call: Call): Promise<Response> | Response
}

/** JSON that depends on who asks. */
export function privateJson(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'private, no-cache',
      Vary: 'Authorization',
      'X-Content-Type-Options': 'nosniff',
    },
  })
}
