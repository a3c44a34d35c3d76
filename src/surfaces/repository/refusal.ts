/** Failures in the words of the two forms of a repository: Composer's (contract composer.md §2.8) and Pricore's (contract pricore.md §3). */
import type { DomainError } from '../../core/kernel/errors.ts'
import type { Instant } from '../../core/kernel/values.ts'
import { domainErrorResponse, errorResponse, STATUS, TOKEN_ADVICE } from '../http/errors.ts'
import type { RepositoryForm } from './repository-path.ts'

/** What was asked for, as far as failures are told in other words for it. */
interface Asked {
  form: RepositoryForm
  kind: string
}

/** A failure that is told the same way as long as nothing changes. */
export interface Refusal {
  /** Whether it stays true while the database does. */
  isLasting: boolean
  /** When it ends although nothing changed: an upstream may have got by then what it did not have. */
  until: Instant
  respond(): Response
}

/** A failure of one request as its form tells it. */
export function toRefusal(error: DomainError, asked: Asked): Refusal {
  const until = Number(error.details['until'] ?? Number.POSITIVE_INFINITY)
  return { isLasting: error.kind === 'not_found', until, respond: () => refuse(error, asked) }
}

/** A client may present a token either way; Composer reads neither (PR-004). */
const CHALLENGES = 'Basic realm="Repertoire", charset="UTF-8", Bearer realm="Pricore"'

const NO_REGISTRY_ACCESS = 'This token does not have Composer registry access.'

function refuse(error: DomainError, { form, kind }: Asked): Response {
  const isUnknown = error.code === 'package_not_found' || error.code === 'dist_not_found'
  if (isUnknown && kind === 'dist') {
    return plainJson(404, { ...(form === 'documented' ? {} : { status: 'error', message: error.message }), error: 'Not found' })
  }
  if (form === 'documented') {
    return refuseDocumented(error, kind)
  }
  if (error.kind === 'unauthenticated') {
    return errorResponse(
      401,
      { message: error.message, warning: TOKEN_ADVICE },
      { 'WWW-Authenticate': CHALLENGES, Vary: 'Authorization' },
    )
  }
  if (error.code === 'scope_missing') {
    return errorResponse(403, { message: NO_REGISTRY_ACCESS, warning: NO_REGISTRY_ACCESS }, { Vary: 'Authorization' })
  }
  if (error.code === 'package_not_found' && kind === 'metadata') {
    // An empty document, so that a client that does not look at the status finds nothing, too (PR-109).
    return plainJson(404, { packages: [], minified: 'composer/2.0' }, { 'Cache-Control': 'max-age=300, private' })
  }
  if (error.code === 'package_reserved') {
    // Composer takes the status for "not here" and prints the warning, so that people learn why (abuse case 34).
    return plainJson(404, { packages: [], minified: 'composer/2.0', warning: error.message })
  }
  if (error.code === 'package_blocked') {
    return errorResponse(STATUS[error.kind], { message: error.message, warning: error.message }, { Vary: 'Authorization' })
  }
  return domainErrorResponse(error)
}

function refuseDocumented(error: DomainError, kind: string): Response {
  switch (error.kind) {
    case 'unauthenticated':
      return plainJson(401, { message: 'Unauthorized' }, { 'WWW-Authenticate': CHALLENGES })
    case 'not_found':
      return plainJson(404, { message: 'Not found', ...(kind === 'metadata' ? { packages: {} } : {}) })
    case 'limited':
    case 'unavailable':
      return plainJson(STATUS[error.kind], { message: error.message }, { 'Retry-After': String(error.details['seconds'] ?? 5) })
    default:
      return plainJson(STATUS[error.kind], {
        message: error.code === 'scope_missing' ? NO_REGISTRY_ACCESS : error.message,
      })
  }
}

/** JSON that says exactly this, kept by nobody but the client. */
export function plainJson(status: number, value: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'private, no-store',
      Vary: 'Authorization',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  })
}
