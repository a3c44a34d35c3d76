/**
 * The one way to upstreams. Each request goes through the guard for outgoing connections, the breaker of its host in this process, and the pauses that
 * hosts asked for, which all processes share; a credential reaches the origin that it belongs to and no other, also after redirects (abuse 31).
 *
 * Whatever goes wrong is a failure that names the host and what it did, and never says that something does not exist (abuse 29): only 404 and
 * 410 are answers to that.
 */
import type { Ctx } from '../../kernel/ctx.ts'
import { DomainError, isDomainError } from '../../kernel/errors.ts'
import type { GitCredential, HeadersCredential, HttpAnswer, HttpCredential } from '../../kernel/ports.ts'
import { limitedFailure, readRetryAfter } from '../../kernel/retry-after.ts'
import { askUpstreamHost, toAuthorization } from '../../sources/index.ts'
import type { Mirror } from '../mirror.ts'

/** Whom a request is made for: the mirror, with what asking it takes. */
export type UpstreamHost = Pick<Mirror, 'id' | 'organization' | 'credential' | 'timeout' | 'url'>

/** One request to an upstream. Times are in milliseconds. */
export interface UpstreamRequest {
  url: string
  method?: string
  headers?: Readonly<Record<string, string>>
  body?: Uint8Array
  /** Bytes of the body, decoded as well as compressed. */
  maxBytes: number
  /** How long nothing may arrive; the mirror's timeout unless given. */
  stall?: number
  /** How long the whole may take, body included; the mirror's timeout unless given. */
  duration?: number
  /** Whether the body may arrive compressed, and is decoded; not for archives. */
  decodes?: boolean
  /** Statuses beyond 2xx, 304, 404 and 410 that are answers. */
  accepts?: readonly number[]
}

const REDIRECTS = 5
const TIMEOUT = 30_000
const ABSENT = [404, 410]

/**
 * Asks an upstream; with null, a host that is nobody's mirror, without credential. Returns answers of 2xx, 304, 404, 410 and what `accepts` names;
 * their bodies must be read or ended. Throws `upstream_failed`, with the status in its details where there is one, and `upstream_paused` without
 * asking while the host is left alone. The body, while it is read, throws what that of `Http` does.
 */
export async function requestUpstream(ctx: Ctx, mirror: UpstreamHost | null, request: UpstreamRequest): Promise<HttpAnswer> {
  return askUpstream(ctx, mirror, { request, read: async (answer) => answer })
}

/**
 * As `requestUpstream`, with what `read` makes of the answer. Failures while it reads the body count against the host and are thrown as
 * `upstream_failed`, too; only `source_too_large` stays what it is.
 */
export async function askUpstream<Result>(
  ctx: Ctx,
  mirror: UpstreamHost | null,
  { request, read }: { request: UpstreamRequest; read: (answer: HttpAnswer) => Promise<Result> },
): Promise<Result> {
  const { origin } = requireUrl(ctx, request.url)
  const ask = async (credential: HttpCredential | null) => read(await send(ctx, { request, mirror, credential }))
  const work = () =>
    mirror === null
      ? ask(null)
      : askUpstreamHost(ctx, { source: mirror, origin }, (credential) => ask(toHttpCredential(ctx, credential)))
  try {
    return await ctx.upstreams.guard(origin, work, isFaultOfHost)
  } catch (error) {
    throw toUpstreamFailure(error, origin)
  }
}

/** An expected failure of a request as `upstream_failed` or `upstream_paused`; anything else, and that something is too large, as it is. */
function toUpstreamFailure(error: unknown, origin: string): unknown {
  if (!isDomainError(error)) {
    return error
  }
  switch (error.code) {
    case 'source_unreachable':
    case 'source_timeout':
    case 'invalid_url':
      return new DomainError('upstream_failed', { problem: String(error.details['problem']) }, error)
    case 'egress_blocked':
      return new DomainError('upstream_failed', { problem: error.message }, error)
    case 'source_limited':
      return new DomainError('upstream_paused', { origin, seconds: Number(error.details['seconds'] ?? 0) }, error)
    default:
      return error
  }
}

/** What the breaker counts: no answer, or one that says that the host is in trouble. A refusal is the affair of whoever asks. */
function isFaultOfHost(error: unknown): boolean {
  if (!isDomainError(error)) {
    return false
  }
  const isUnreachable = error.code === 'source_unreachable' || error.code === 'source_timeout'
  return isUnreachable || (error.code === 'upstream_failed' && Number(error.details['status'] ?? 0) >= 500)
}

function requireUrl(ctx: Ctx, text: string): URL {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new DomainError('upstream_failed', { problem: 'its address is no http or https URL' })
  }
  if (url.protocol === 'http:' && !ctx.sourceUrls.allowHttp) {
    const problem = `${url.hostname} is to be asked over http, which is not encrypted and not opened on this installation`
    throw new DomainError('upstream_failed', { problem })
  }
  return url
}

async function send(
  ctx: Ctx,
  { request, mirror, credential }: { request: UpstreamRequest; mirror: UpstreamHost | null; credential: HttpCredential | null },
): Promise<HttpAnswer> {
  const timeout = mirror?.timeout ?? TIMEOUT
  const { accepts = [], stall = timeout, duration = timeout, ...rest } = request
  const answer = await ctx.http.fetch({ ...rest, credential, redirects: REDIRECTS, stall, duration })
  const { status } = answer
  if ((status >= 200 && status < 300) || status === 304 || ABSENT.includes(status) || accepts.includes(status)) {
    return answer
  }
  await answer.body.return()
  const now = ctx.clock.now()
  const wait = readRetryAfter(answer, now)
  if (wait !== null) {
    throw limitedFailure(wait, now)
  }
  throw new DomainError('upstream_failed', { problem: `${new URL(answer.url).hostname} answered ${status}`, status })
}

function toHttpCredential(ctx: Ctx, credential: GitCredential | HeadersCredential | null): HttpCredential | null {
  if (credential?.kind === 'headers') {
    requireSendable(credential.headers)
    return { origin: credential.origin, headers: credential.headers }
  }
  return toAuthorization(ctx.secrets, credential)
}

/** RFC 9110, 5.1 and 5.5. */
function requireSendable(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new DomainError('upstream_failed', { problem: 'the headers of the credential cannot be sent' })
    }
  }
}
