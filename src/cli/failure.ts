import { InvalidConfig } from '../config.ts'
import { DomainError, type ErrorKind } from '../core/kernel/errors.ts'

/** The exit codes; docs/operate/command-line.md explains them to users. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  unavailable: 5,
  interrupted: 130,
} as const

/** A way for a command to end without success. */
export interface Failure {
  exit: number
  code: string
  message: string
}

/** What the command line itself refuses or gives up. */
export class CliFailure extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.message)
    this.name = 'CliFailure'
    this.failure = failure
  }
}

/** The command was not called as its help says. */
export function usageFailure(message: string): CliFailure {
  return new CliFailure({ exit: EXIT.usage, code: 'usage', message })
}

/** Somebody pressed Ctrl-C. */
export function interruption(message = 'Interrupted.'): CliFailure {
  return new CliFailure({ exit: EXIT.interrupted, code: 'interrupted', message })
}

const EXIT_OF_KIND: Readonly<Record<ErrorKind, number>> = {
  invalid: EXIT.refused,
  unauthenticated: EXIT.failed,
  forbidden: EXIT.failed,
  not_found: EXIT.notFound,
  conflict: EXIT.refused,
  gone: EXIT.refused,
  too_large: EXIT.refused,
  limited: EXIT.unavailable,
  unavailable: EXIT.unavailable,
  upstream: EXIT.unavailable,
}

const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
])
/** Classes of SQLSTATE: connection, authorization, unknown database, resources, operator intervention. */
const SERVER_CODE = /^(?:08|28|3D|53|57)[0-9A-Z]{3}$/

/** How the command ends after whatever was thrown. */
export function toFailure(error: unknown): Failure {
  if (error instanceof CliFailure) {
    return error.failure
  }
  if (error instanceof DomainError) {
    return { exit: EXIT_OF_KIND[error.kind], code: error.code, message: error.message }
  }
  if (error instanceof InvalidConfig) {
    return { exit: EXIT.usage, code: 'invalid_configuration', message: error.message }
  }
  const message = messageOf(error)
  const code = codeOf(error)
  if (code.startsWith('SQLITE_') || SERVER_CODE.test(code)) {
    return { exit: EXIT.unavailable, code: 'database_unavailable', message: `The database cannot be used: ${message}` }
  }
  if (SYSTEM_CODES.has(code)) {
    return { exit: EXIT.unavailable, code: 'unavailable', message }
  }
  return { exit: EXIT.failed, code: nameOf(error), message }
}

/** Errors that carry advice for operators have a name of their own; all others are `unexpected`. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error) || /^(?:[A-Z][a-z]*)?Error$/.test(error.name)) {
    return 'unexpected'
  }
  return error.name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase()
}

/** Connecting to a name with several addresses fails with an `AggregateError` without a text of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((each) => messageOf(each)).join('; ')
  }
  return error instanceof Error ? error.message : String(error)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
