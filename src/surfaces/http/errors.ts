import type { DomainError, ErrorKind } from '../../core/kernel/errors.ts'

/** The status of each kind of failure, where a dialect does not say otherwise. */
export const STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  gone: 410,
  too_large: 413,
  limited: 429,
  unavailable: 503,
  upstream: 502,
}

/** An error as Composer and people read it. `warning` is printed by Composer (contract composer.md §2.8). */
export interface ErrorBody {
  status: 'error'
  message: string
  warning?: string
  request?: string
}

/** Exactly this type, without a charset: older clients print the warning for no other (CO-057). */
const JSON_TYPE = 'application/json'

/** A JSON error. It is never cached and never HTML (CO-063). */
export function errorResponse(status: number, body: Omit<ErrorBody, 'status'>, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ status: 'error', ...body } satisfies ErrorBody), {
    status,
    headers: {
      'Content-Type': JSON_TYPE,
      'Cache-Control': 'private, no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  })
}

/** What to say to somebody without a valid token. */
export const TOKEN_ADVICE =
  'This repository needs a token: ask its administrator for one and run "composer config --global http-basic.<host> token <your token>".'

/** The answer to an expected failure. */
export function domainErrorResponse(error: DomainError): Response {
  const status = STATUS[error.kind]
  if (error.kind === 'unauthenticated') {
    return errorResponse(
      status,
      { message: error.message, warning: TOKEN_ADVICE },
      { 'WWW-Authenticate': 'Basic realm="Repertoire", charset="UTF-8"', Vary: 'Authorization' },
    )
  }
  const retry: Record<string, string> =
    error.kind === 'unavailable' || error.kind === 'limited' ? { 'Retry-After': String(error.details['seconds'] ?? 5) } : {}
  return errorResponse(status, { message: error.message }, retry)
}

/** The answer to a bug: nothing but the id under which the log has the rest. */
export function unexpectedErrorResponse(requestId: string): Response {
  return errorResponse(500, { message: 'Something went wrong on the server.', request: requestId })
}
