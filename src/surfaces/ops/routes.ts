import { errorResponse } from '../http/errors.ts'
import type { Call, Route } from '../http/route.ts'

/** What supervision asks. */
export interface OpsParts {
  /** Why the server cannot do its work now, in words; empty when it can. */
  findProblems(): Promise<string[]>
  /** What it cannot do now while everything else goes on, in words; empty when there is nothing. */
  findLimitations(): Promise<string[]>
  /** All metrics in the Prometheus text format. */
  renderMetrics(): Promise<string>
  /** Bearer token for `/metrics` from elsewhere than loopback, or null to allow loopback alone. */
  metricsToken: string | null
}

/** `/health` (and `/up`): the process answers. `/ready`: it can do its work. `/metrics`: Prometheus. */
export function opsRoutes(parts: OpsParts): Route[] {
  const surface = 'ops'
  return [
    { method: 'GET', path: '/health', surface, clauses: [], handle: health },
    { method: 'GET', path: '/up', surface, clauses: [], handle: health },
    { method: 'GET', path: '/ready', surface, clauses: [], handle: () => ready(parts) },
    { method: 'GET', path: '/metrics', surface, clauses: [], handle: (call) => metrics(call, parts) },
  ]
}

function health(): Response {
  return Response.json({ status: 'ok' }, { headers: { 'Cache-Control': 'no-store' } })
}

async function ready(parts: OpsParts): Promise<Response> {
  const problems = await parts.findProblems()
  if (problems.length > 0) {
    return errorResponse(503, { message: problems.join(' ') }, { 'Retry-After': '5' })
  }
  // Taking a server that still answers metadata out of the balancer would make it worse (abuse 58).
  const limitations = await parts.findLimitations()
  const state = limitations.length === 0 ? { status: 'ok' } : { status: 'degraded', message: limitations.join(' ') }
  return Response.json(state, { headers: { 'Cache-Control': 'no-store' } })
}

/** What a reverse proxy adds. Behind one on the same machine everybody seems to come from loopback. */
const FORWARDING = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']

async function metrics({ request, address }: Call, parts: OpsParts): Promise<Response> {
  const isForwarded = FORWARDING.some((name) => request.headers.has(name))
  const isLocal = !isForwarded && /^(?:127\.|::1$|::ffff:127\.)/.test(address)
  const given = /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
  if (!isLocal && !isSame(given, parts.metricsToken)) {
    return errorResponse(
      401,
      { message: 'Metrics need the token of REPERTOIRE_METRICS_TOKEN.' },
      { 'WWW-Authenticate': 'Bearer' },
    )
  }
  return new Response(await parts.renderMetrics(), {
    headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' },
  })
}

/** Compares digests, so that the time taken says nothing about the token. */
function isSame(given: string, wanted: string | null): boolean {
  const digest = (text: string) => new Bun.CryptoHasher('sha256').update(text).digest('hex')
  return wanted !== null && digest(given) === digest(wanted)
}
