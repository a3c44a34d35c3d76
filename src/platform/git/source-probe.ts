import { DomainError } from '../../core/kernel/errors.ts'
import { type GitUrl, type GitUrlPolicy, parseGitUrl } from '../../core/kernel/git-url.ts'
import type { GitCredential } from '../../core/kernel/ports.ts'
import { limitedFailure, readRetryAfter } from '../../core/kernel/retry-after.ts'
import type { Egress } from '../http/egress.ts'
import { guardedFetch } from '../http/guarded-fetch.ts'
import { toAuthorization } from './git-connection.ts'
import { toHarmlessLine } from './git-failure.ts'

const SERVICE = '/info/refs?service=git-upload-pack'

/** What a probe asks with. */
export interface Probe {
  egress: Egress
  policy: GitUrlPolicy
  credential: GitCredential | null
  stall: number
}

/**
 * Asks where a repository that redirects has gone, without following. Returns the URL when it is the same repository
 * spelled differently (`.git` or a slash at the end, same origin). Any other target needs a person: throws `source_moved`.
 */
export async function findRenamedSpelling(probe: Probe, url: GitUrl): Promise<GitUrl> {
  const answer = await ask(probe, url)
  const location = answer.headers.get('location')
  const target = location === null ? null : URL.parse(location, url.canonical)
  if (target === null)
    throw new DomainError('source_unreachable', { problem: `the host redirects with status ${answer.status} to nowhere` })
  const place = toHarmlessLine(`${target.protocol}//${target.host}${target.pathname.replace(/\/info\/refs$/, '')}`)
  const moved = new DomainError('source_moved', { location: place })
  if (target.origin !== url.origin || bareSpelling(target.pathname) !== bareSpelling(url.path)) throw moved
  const next = parseGitUrl(`${target.origin}${target.pathname.replace(/\/info\/refs$/, '')}`, probe.policy)
  if (next.canonical === url.canonical) throw moved
  return next
}

/**
 * What to make of an answer by which a host may limit requests: `source_limited` with the seconds that it asks to wait (0 when it does not say),
 * or `error` when it turns out to mean something else.
 */
export async function toLimitedFailure(probe: Probe, url: GitUrl, error: DomainError): Promise<DomainError> {
  const answer = await ask(probe, url).catch(() => null)
  const seconds = answer === null ? null : readRetryAfter(answer, Date.now())
  return seconds === null ? error : limitedFailure(seconds, Date.now())
}

async function ask(probe: Probe, url: GitUrl): Promise<{ status: number; headers: Headers }> {
  const answer = await guardedFetch(probe.egress, `${url.canonical}${SERVICE}`, {
    credential: toAuthorization(probe.credential),
    redirects: 0,
    maxBytes: 0,
    stall: probe.stall,
  })
  await answer.body.return()
  return answer
}

function bareSpelling(path: string): string {
  return path
    .replace(/\/info\/refs$/, '')
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
}
