/**
 * Limits as clients see them: three headers on each answer of a limited route, and 429 with `Retry-After` beyond (contract pricore.md §3.3,
 * cargoman.md §0.7). A limit that is switched off leaves no trace.
 */
import type { Actor } from '../../core/kernel/actor.ts'
import { addressGroup } from '../../core/kernel/address-group.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import type { RateLimitName, RateTaken } from '../../core/kernel/ports.ts'
import type { Instant } from '../../core/kernel/values.ts'

/** What a route says about its limit. */
export interface RouteLimit {
  rule: RateLimitName
  /** The refusal in the words of the dialect; headers are added to it. */
  refuse?: () => Response
}

type Caller = Pick<Ctx, 'actor' | 'origin' | 'limiter'>

/** Takes one request of a caller from a limit; null when that limit is switched off. */
export function takeRequest({ actor, origin, limiter }: Caller, name: RateLimitName): RateTaken | null {
  const rule = limiter.rules[name]
  return rule === null ? null : limiter.take(`${name}:${keyOf(actor, origin.address)}`, rule)
}

/** Takes one download of a package from the limit of this caller and package (PR-018); null when that limit is switched off. */
export function takeDownload({ actor, origin, limiter }: Caller, packageName: string): RateTaken | null {
  const rule = limiter.rules.downloads
  return rule === null ? null : limiter.take(`downloads:${keyOf(actor, origin.address)}:${packageName.toLowerCase()}`, rule)
}

/** Credentials count by themselves, whoever has none by address. */
function keyOf(actor: Actor, address: string | null): string {
  switch (actor.kind) {
    case 'token':
      return `token:${actor.token}`
    case 'user':
      return `user:${actor.user}`
    default:
      return `address:${addressGroup(address)}`
  }
}

/** Adds the headers of its limit to an answer. */
export function withRateHeaders(response: Response, taken: RateTaken, now: Instant): Response {
  response.headers.set('X-RateLimit-Limit', String(taken.limit))
  response.headers.set('X-RateLimit-Remaining', String(taken.remaining))
  response.headers.set('X-RateLimit-Reset', String(Math.ceil(taken.resetAt / 1000)))
  if (!taken.allowed) {
    response.headers.set('Retry-After', String(secondsUntil(taken.resetAt, now)))
  }
  return response
}

/** The plain refusal (PR-017). */
export function tooManyAttempts(): Response {
  return new Response('{"message":"Too Many Attempts."}', {
    status: 429,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'private, no-store',
      'X-Content-Type-Options': 'nosniff',
    },
  })
}

/** Whole seconds until a moment, at least one. */
export function secondsUntil(moment: Instant, now: Instant): number {
  return Math.max(1, Math.ceil((moment - now) / 1000))
}
