import { DomainError } from '../../core/kernel/errors.ts'
import { limitedFailure } from '../../core/kernel/retry-after.ts'

/**
 * What git's error text says. `redirected` and `limited` have to be asked about once more over HTTP; `error` is what the latter is when the
 * host does not ask to wait.
 */
export type GitFailure = { kind: 'redirected' } | { kind: 'limited'; error: DomainError } | { kind: 'final'; error: DomainError }

const LONGEST = 300

const REFUSED =
  /authentication failed|could not read (username|password)|askpass|permission denied|access denied|invalid (username|credentials)|returned error: 40[137]|terminal prompts disabled|error in libcrypto|invalid format/i
const TOO_LARGE = /attempting to allocate|out of memory|pack exceeds maximum/i
const UNREACHABLE =
  /could not resolve|couldn't resolve|not resolve hostname|failed to connect|couldn't connect|connection (refused|reset|closed|timed out)|timed out|no route|network is unreachable|ssl|tls|certificate|socks|proxy|empty reply|hung up|early eof|unexpected disconnect|rpc failed|not found|returned error|does not (appear|exist)|not appear to be|could not read from remote|unable to access|host key verification|dubious ownership|not exported/i

/**
 * Reads git's error text (English) into a failure for people: `source_refused`, `source_unreachable`, `source_limited`,
 * `source_too_large` or `source_invalid`. Texts are one line, without control characters, addresses' secrets and excess length.
 */
export function classifyGitFailure(errors: string): GitFailure {
  const status = /returned error: (\d{3})/.exec(errors)?.[1]
  if (status !== undefined && /^30[12378]$/.test(status)) return { kind: 'redirected' }
  if (status === '429') return { kind: 'limited', error: limitedFailure(0, Date.now()) }
  const problem = describeGitErrors(errors)
  if (status === '403' || status === '503') return { kind: 'limited', error: toError(errors, problem) }
  return { kind: 'final', error: toError(errors, problem) }
}

function toError(errors: string, problem: string): DomainError {
  if (TOO_LARGE.test(errors)) return new DomainError('source_too_large', { limit: 'the memory that one object may take' })
  if (/no space left|quota exceeded|read-only file system/i.test(errors))
    return new DomainError('storage_unavailable', { problem })
  if (/host key verification/i.test(errors)) {
    return new DomainError('source_unreachable', { problem: 'the host key is not the one that was seen first' })
  }
  if (REFUSED.test(errors)) return new DomainError('source_refused', { problem })
  if (UNREACHABLE.test(errors)) return new DomainError('source_unreachable', { problem })
  return new DomainError('source_invalid', { problem })
}

/** The telling lines of git's error text as one harmless line. */
export function describeGitErrors(errors: string): string {
  const lines = errors.split('\n').filter((line) => line !== '')
  const telling = lines.filter(
    (line) => /^(fatal|error|ssh|remote: (error|fatal|http))|denied|@/i.test(line) && !line.startsWith('warning:'),
  )
  const chosen = (telling.length > 0 ? telling : lines).slice(0, 2).join('; ')
  return toHarmlessLine(chosen.replaceAll(/\b(fatal|error): /g, '')) || 'git failed without a message'
}

/** Text from elsewhere for a message: one line, no control or direction characters, no user part of a URL, at most 300 characters. */
export function toHarmlessLine(text: string): string {
  const plain = text
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/(\w+:\/\/)[^/@\s']*@/g, '$1')
    .trim()
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain
}
