/** What sort of failure an error is; surfaces map it to their own status. */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'gone'
  | 'too_large'
  | 'limited'
  | 'unavailable'
  | 'upstream'

/**
 * Every expected failure: its kind and its message for people. `{name}` places are filled from the
 * error's details, so a message never contains anything that the details do not.
 */
export const ERROR_CATALOGUE = {
  invalid_input: { kind: 'invalid', message: '{field}: {problem}' },
  invalid_url: { kind: 'invalid', message: 'The URL is not acceptable ({rule}): {problem}' },
  unauthenticated: { kind: 'unauthenticated', message: 'A valid token is required.' },
  forbidden: { kind: 'forbidden', message: 'This credential may not {action}.' },
  organization_not_found: { kind: 'not_found', message: 'There is no such organization.' },
  package_not_found: { kind: 'not_found', message: 'There is no such package.' },
  version_not_found: { kind: 'not_found', message: 'There is no such version.' },
  dist_not_found: { kind: 'not_found', message: 'There is no archive for this reference.' },
  source_not_found: { kind: 'not_found', message: 'There is no such source.' },
  hook_not_found: { kind: 'not_found', message: 'This source has no hook yet.' },
  hook_refused: { kind: 'forbidden', message: 'The delivery was refused ({reason}).' },
  token_not_found: { kind: 'not_found', message: 'There is no such token.' },
  job_not_found: { kind: 'not_found', message: 'There is no such job.' },
  setup_not_open: { kind: 'gone', message: 'This installation is set up already, or the set-up link is not valid.' },
  slug_taken: { kind: 'conflict', message: 'An organization named "{slug}" exists already.' },
  email_taken: { kind: 'conflict', message: 'A user with this e-mail address exists already.' },
  source_exists: { kind: 'conflict', message: 'This organization has a source with this URL already.' },
  version_exists: {
    kind: 'conflict',
    message: 'Version {version} of {name} was published with other content; choose another version, or ask for a replacement.',
  },
  package_taken: { kind: 'conflict', message: 'The package {name} is published from another source.' },
  sync_overtaken: {
    kind: 'conflict',
    message: 'Another sync of this source was recorded, or the source was removed, meanwhile.',
  },
  job_not_retryable: { kind: 'conflict', message: 'Only a failed job can be retried; this one is {state}.' },
  credential_origin: { kind: 'invalid', message: 'The credential belongs to {origin} and is not sent elsewhere.' },
  source_unreachable: { kind: 'upstream', message: 'The repository could not be reached: {problem}' },
  source_refused: { kind: 'upstream', message: 'The repository refused the credential: {problem}' },
  source_moved: { kind: 'upstream', message: 'The repository has moved to {location}; confirm by changing the URL.' },
  source_timeout: { kind: 'upstream', message: 'The repository stalled: {problem}' },
  source_too_large: { kind: 'too_large', message: 'The repository is over the limit of {limit}.' },
  source_invalid: { kind: 'upstream', message: 'The repository could not be read: {problem}' },
  egress_blocked: { kind: 'forbidden', message: 'Connections to {host} are not allowed ({rule}).' },
  archive_too_large: { kind: 'too_large', message: 'The archive is over the limit of {limit}.' },
  archive_refused: { kind: 'invalid', message: 'The archive is not acceptable ({rule}): {problem}' },
  manifest_refused: { kind: 'invalid', message: 'The composer.json of the archive is not acceptable: {problem}' },
  upload_mismatch: {
    kind: 'invalid',
    message: 'The archive has the {field} {found}, but it was uploaded as {expected}.',
  },
  checksum_mismatch: {
    kind: 'invalid',
    message: 'The bytes that arrived have the SHA-256 {found}, not {expected}; nothing was stored.',
  },
  archive_failed: { kind: 'unavailable', message: 'The archive could not be built now; try again later.' },
  storage_unavailable: { kind: 'unavailable', message: 'Storage is unavailable: {problem}' },
  body_too_large: { kind: 'too_large', message: 'The request body is over {limit}.' },
  request_limited: { kind: 'limited', message: 'Too many requests; try again in {seconds} seconds.' },
  shutting_down: { kind: 'unavailable', message: 'The server is shutting down.' },
} as const satisfies Record<string, { kind: ErrorKind; message: string }>

/** The stable code of an expected failure. */
export type ErrorCode = keyof typeof ERROR_CATALOGUE

/** Values for the places of an error's message; they may be shown to whoever caused the error. */
export type ErrorDetails = Readonly<Record<string, string | number>>

/** An expected failure. Everything else that is thrown is a bug. */
export class DomainError extends Error {
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    const entry = ERROR_CATALOGUE[code]
    super(
      entry.message.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? '')),
      cause === undefined ? undefined : { cause },
    )
    this.name = 'DomainError'
    this.code = code
    this.kind = entry.kind
    this.details = details
  }
}

/** The refusal of one input field, in words that name the field and the rule. */
export function invalidInput(field: string, problem: string): DomainError {
  return new DomainError('invalid_input', { field, problem })
}

/** Whether a thrown value is the expected failure of that code. */
export function isDomainError(error: unknown, code?: ErrorCode): error is DomainError {
  return error instanceof DomainError && (code === undefined || error.code === code)
}
