/** Refusals in GitLab's words (contract gitlab.md §1.4, §1.5, §2.8): `message` for what a route says, `error` for what is said before it. */
import type { DomainError } from '../../../core/kernel/errors.ts'
import type { RefRule } from '../../../core/sources/index.ts'
import { STATUS } from '../../http/errors.ts'

/** A credential that is wrong in a way that is told. */
export class CredentialRefused extends Error {
  readonly why: 'unknown' | 'expired' | 'revoked'

  constructor(why: CredentialRefused['why']) {
    super(`The credential is ${why}.`)
    this.name = 'CredentialRefused'
    this.why = why
  }
}

/** A parameter that is missing or breaks a rule; `message` is the text for the client. */
export class InvalidParameter extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'InvalidParameter'
  }
}

/** JSON as this dialect sends it, for whoever asked alone. */
export function answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'private, no-store',
      Vary: VARY,
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  })
}

/** What every answer depends on. */
export const VARY = 'Authorization, Private-Token, Deploy-Token, Job-Token'

const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="GitLab Packages Registry"' }

const SEMVER = 'Validation failed: Version should follow SemVer: https://semver.org'

const REF_REFUSALS: Readonly<Record<Exclude<RefRule, 'refused'>, [status: number, message: string]>> = {
  'manifest-missing': [422, 'The file composer.json was not found.'],
  'manifest-unreadable': [422, 'Could not parse composer.json file. Invalid JSON.'],
  name: [400, "Validation failed: Name can't be blank, Name is invalid"],
  'name-taken': [400, 'Validation failed: Name is already taken by another project'],
  version: [400, SEMVER],
}

/** The refusal of what the core refuses. */
export function presentError(error: DomainError): Response {
  const status = STATUS[error.kind]
  switch (error.code) {
    case 'scope_missing':
      return answer(403, {
        error: 'insufficient_scope',
        error_description: 'The request requires higher privileges than provided by the access token.',
        scope: error.details['scope'] === 'composer' ? 'api read_api' : 'api',
      })
    case 'ref_not_found':
      return answer(404, { message: error.details['kind'] === 'tag' ? '404 Tag Not Found' : '404 Branch Not Found' })
    case 'ref_refused':
      return presentRefusedRef(error)
    default:
      return presentKind(error, status)
  }
}

function presentRefusedRef({ details }: DomainError): Response {
  const rule = details['rule'] as RefRule | undefined
  if (rule === undefined || rule === 'refused') {
    return answer(400, { message: `Validation failed: ${details['problem']}` })
  }
  const [status, message] = REF_REFUSALS[rule]
  return answer(status, { message })
}

function presentKind(error: DomainError, status: number): Response {
  switch (error.kind) {
    case 'unauthenticated':
      return answer(401, { message: '401 Unauthorized' }, CHALLENGE)
    case 'forbidden':
      return answer(403, { message: '403 Forbidden' })
    case 'not_found':
      return answer(404, { message: '404 Not Found' })
    case 'limited':
    case 'unavailable':
    case 'upstream':
      return answer(status, { message: error.message }, { 'Retry-After': String(error.details['seconds'] ?? 30) })
    default:
      return answer(status, { message: error.message })
  }
}

const TOKEN_TEXTS = {
  expired: 'Token is expired. You can either do re-authorization or token refresh.',
  revoked: 'Token was revoked. You have to re-authorize from the user.',
} as const

/** The refusal of a credential. */
export function presentCredential({ why }: CredentialRefused): Response {
  return why === 'unknown'
    ? answer(401, { message: '401 Unauthorized' }, CHALLENGE)
    : answer(401, { error: 'invalid_token', error_description: TOKEN_TEXTS[why] }, CHALLENGE)
}

/** The refusal of a route that does not exist. */
export function noRoute(): Response {
  return answer(404, { error: '404 Not Found' })
}

/** The refusal of a method. */
export function wrongMethod(allowed: readonly string[]): Response {
  return answer(405, { error: '405 Not Allowed' }, { Allow: allowed.join(', ') })
}
