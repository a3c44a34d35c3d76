import { isDomainError } from '../../core/kernel/errors.ts'

/**
 * What an object store, or the way to it, answers instead of doing its work. It carries neither addresses nor signatures, so it can be logged
 * and shown. `isTransient` says whether another try may help.
 */
export class S3Failure extends Error {
  readonly code: string
  readonly isTransient: boolean
  constructor(code: string, isTransient: boolean) {
    super(describeFailure(code))
    this.name = 'S3Failure'
    this.code = code
    this.isTransient = isTransient
  }
}

/** Codes of the protocol (and ours for what never became an answer), in words that say who can do something. */
const PROBLEMS: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'the object store does not know the access key',
  SignatureDoesNotMatch: 'the object store refuses the secret access key',
  ExpiredToken: 'the credentials for the object store have expired',
  InvalidToken: 'the credentials for the object store are not valid',
  AccessDenied: 'the object store denies access to the bucket',
  RequestTimeTooSkewed: 'the clock of this machine differs from that of the object store',
  AuthorizationHeaderMalformed: 'the region of the object store is not the one that is set',
  PermanentRedirect: 'the bucket is in another region',
  NoSuchBucket: 'the bucket does not exist',
  QuotaExceeded: 'the object store is full',
  SlowDown: 'the object store is overloaded',
  Unreachable: 'the object store cannot be reached',
  Untrusted: 'the certificate of the object store is not trusted',
  Timeout: 'the object store does not answer in time',
  Truncated: 'the object store ends its answers early',
  NotStored: 'the object store does not keep what it accepted',
}

/** Codes of status 4xx that are worth another try. */
const TRANSIENT_CODES = new Set([
  'RequestTimeout',
  'SlowDown',
  'OperationAborted',
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
])

/** What the runtime's client calls failures on the way, and what it could not read. */
const TRANSPORT_CODES = /^(?:Unknown|Connection|FailedToOpen|E[A-Z_]+$)/

/** The failure that an answer with this status tells of; `code` is that of its document, null when it has none. */
export function toS3Failure(status: number, code: string | null): S3Failure {
  const isTransient = status >= 500 || status === 429 || status === 408 || (code !== null && TRANSIENT_CODES.has(code))
  return new S3Failure(code ?? codeOfStatus(status), isTransient)
}

/** The failure in what a client of the object store threw; errors that are none pass unchanged. */
export function toTransportFailure(error: unknown): unknown {
  if (error instanceof S3Failure || isDomainError(error) || !(error instanceof Error)) {
    return error
  }
  if (error.name === 'TimeoutError' || error.name === 'AbortError') {
    return new S3Failure('Timeout', true)
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null
  if (code !== null && /CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) {
    return new S3Failure('Untrusted', false)
  }
  if (error.name !== 'S3Error') {
    return code === null ? error : new S3Failure('Unreachable', true)
  }
  return code === null || TRANSPORT_CODES.test(code) ? new S3Failure('Unreachable', true) : new S3Failure(code, !isLasting(code))
}

/** Whether trying again is of no use. Codes that are not known here may pass. */
function isLasting(code: string): boolean {
  return code in PROBLEMS && !TRANSIENT_CODES.has(code)
}

function describeFailure(code: string): string {
  // A code that is not an identifier was not made by an object store, but by something in between.
  return (
    PROBLEMS[code] ??
    (/^[A-Za-z0-9]{1,60}$/.test(code) ? `the object store answers with ${code}` : 'the object store gives an unknown answer')
  )
}

function codeOfStatus(status: number): string {
  if (status === 403 || status === 401) {
    return 'AccessDenied'
  }
  return status === 301 || status === 307 ? 'PermanentRedirect' : `Status${status}`
}
