import { isDomainError, type DomainError, type ErrorCode, type ErrorKind } from '../../../core/kernel/errors.ts'
import { toWord } from './scopes.ts'
import { InvalidBody, MalformedBody, type FieldErrors } from './validation.ts'
import { STATUS } from '../../http/errors.ts'

/** JSON as this dialect sends it, for whoever asked alone. */
export function answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'private, no-cache',
      Vary: 'Authorization',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  })
}

const STATUS_HERE: Readonly<Record<ErrorKind, number>> = { ...STATUS, invalid: 422, conflict: 422 }

const MESSAGES: Partial<Record<ErrorCode, string>> = {
  unauthenticated: 'Unauthenticated.',
  forbidden: 'This action is unauthorized.',
  not_member: 'This action is unauthorized.',
  foreign_organization: 'This token cannot access this organization.',
  user_required: 'This endpoint requires a personal access token.',
  scope_missing: 'Insufficient token scope.',
  request_limited: 'Too Many Attempts.',
}

/** The refusal of what the core refuses, in the body and with the status of pricore.md §3. */
export function presentError(error: DomainError): Response {
  const status = STATUS_HERE[error.kind]
  switch (error.code) {
    case 'invalid_input':
      return invalid({ [String(error.details['field'])]: [String(error.details['problem'])] })
    case 'unauthenticated':
      return answer(status, { message: MESSAGES.unauthenticated }, { 'WWW-Authenticate': 'Bearer realm="Pricore"' })
    case 'scope_missing':
      return answer(status, { message: MESSAGES.scope_missing, required_scope: toWord(String(error.details['scope'])) })
    case 'scope_exceeds_own':
      return answer(status, { message: error.message.replace(/'[^']*'/, `'${toWord(String(error.details['scope']))}'`) })
    default: {
      const message = error.kind === 'not_found' ? 'Not found' : (MESSAGES[error.code] ?? error.message)
      const retry: Record<string, string> =
        error.kind === 'limited' || error.kind === 'unavailable' ? { 'Retry-After': String(error.details['seconds'] ?? 5) } : {}
      return answer(status, { message }, retry)
    }
  }
}

/** The 422 of §3.1: the first text, how many more there are, and all of them by field (PR-014). */
export function invalid(errors: FieldErrors): Response {
  const texts = Object.values(errors).flat()
  const more = texts.length - 1
  const plural = more === 1 ? 'error' : 'errors'
  const message = more === 0 ? texts[0] : `${texts[0]} (and ${more} more ${plural})`
  return answer(422, { message, errors })
}

/** Answers whatever a handler throws on purpose; everything else is a bug and thrown on. */
export function presentThrown(error: unknown): Response {
  if (error instanceof InvalidBody) {
    return invalid(error.errors)
  }
  if (error instanceof MalformedBody) {
    return answer(400, { message: error.message })
  }
  if (isDomainError(error)) {
    return presentError(error)
  }
  throw error
}
