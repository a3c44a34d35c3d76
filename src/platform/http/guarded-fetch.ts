import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import { DomainError } from '../../core/kernel/errors.ts'
import type { Egress } from './egress.ts'

/** One outgoing request. */
export interface GuardedRequest {
  method?: string
  headers?: Readonly<Record<string, string>>
  /** The `Authorization` value; sent only to that `scheme://host[:port]`, also after redirects. */
  credential?: { origin: string; authorization: string } | null
  body?: Uint8Array
  /** How many redirects are followed; each is judged like the first URL. */
  redirects: number
  /** Bytes that the answer's body may have. */
  maxBytes: number
  /** Milliseconds without a byte before `source_timeout`. */
  stall: number
  signal?: AbortSignal
}

/** The answer: `url` is where it came from, `body` must be read or cancelled with `return()`. */
export interface GuardedResponse {
  status: number
  headers: Headers
  url: string
  body: AsyncGenerator<Uint8Array, void, undefined>
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])

/**
 * Fetches an http(s) URL through the guard: the address is judged when it is dialled, redirects are
 * followed one by one under the same rules and never from https to http, and names and certificates are verified for
 * the name. Throws `invalid_url`, `egress_blocked`, `source_unreachable`, `source_timeout` and, while the body is
 * read, `source_too_large`.
 */
export async function guardedFetch(egress: Egress, url: string, request: GuardedRequest): Promise<GuardedResponse> {
  let target = requireHttpUrl(url)
  let current = request
  for (let followed = 0; ; followed += 1) {
    const message = await send(egress, target, current)
    const location = message.headers.location
    if (followed >= request.redirects || location === undefined || !REDIRECTS.has(message.statusCode ?? 0)) {
      return toResponse(message, target, request)
    }
    message.destroy()
    const next = requireHttpUrl(location, target)
    if (target.protocol === 'https:' && next.protocol === 'http:') {
      throw new DomainError('invalid_url', { rule: 'scheme', problem: 'a redirect leads from https to http' })
    }
    current = afterRedirect(message.statusCode ?? 0, current)
    target = next
  }
}

function requireHttpUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href)
  if (url === null || text.length > 8000) throw new DomainError('invalid_url', { rule: 'url', problem: 'it cannot be read' })
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new DomainError('invalid_url', { rule: 'scheme', problem: 'only http and https can be fetched' })
  }
  if (url.username !== '' || url.password !== '') {
    throw new DomainError('invalid_url', { rule: 'credentials', problem: 'it contains a user or password' })
  }
  return url
}

/** RFC 9110, 15.4: all but 307 and 308 turn into a GET without body, as every client does. */
function afterRedirect(status: number, request: GuardedRequest): GuardedRequest {
  if (status === 307 || status === 308 || request.method === undefined || request.method === 'GET' || request.method === 'HEAD')
    return request
  const { body: _, ...rest } = request
  return { ...rest, method: 'GET' }
}

async function send(egress: Egress, url: URL, request: GuardedRequest): Promise<http.IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const addresses = await egress.resolveAllowed(host)
  const headers: Record<string, string> = { 'user-agent': 'repertoire', 'accept-encoding': 'identity', ...request.headers }
  if (request.credential?.origin === url.origin) headers.authorization = request.credential.authorization
  if (request.body !== undefined) headers['content-length'] = String(request.body.length)
  return new Promise((resolve, reject) => {
    const sent = (url.protocol === 'https:' ? https : http).request(
      {
        method: request.method ?? 'GET',
        host,
        port: url.port === '' ? undefined : Number(url.port),
        path: `${url.pathname}${url.search}`,
        headers: { ...headers, host: url.host },
        agent: false,
        // The judged addresses and no others are dialled: nothing is resolved a second time.
        lookup: (_name, options, callback) => answerLookup(addresses, options.all === true, callback),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      },
      (message) => {
        sent.setTimeout(0)
        // Reading the body reports errors; this is for bodies that nobody reads.
        message.on('error', () => undefined)
        resolve(message)
      },
    )
    sent.setTimeout(request.stall, () => sent.destroy(stalled(host)))
    sent.once('error', (error) => reject(toDomainError(error, host)))
    sent.end(request.body)
  })
}

type LookupCallback = (error: null, found: string | { address: string; family: number }[], family?: number) => void

function answerLookup(addresses: readonly string[], all: boolean, callback: LookupCallback): void {
  const found = addresses.map((address) => ({ address, family: isIP(address) }))
  const [first] = found
  if (all || first === undefined) callback(null, found)
  else callback(null, first.address, first.family)
}

function toResponse(message: http.IncomingMessage, url: URL, request: GuardedRequest): GuardedResponse {
  const headers = new Headers()
  for (let index = 0; index + 1 < message.rawHeaders.length; index += 2) {
    headers.append(message.rawHeaders[index] ?? '', message.rawHeaders[index + 1] ?? '')
  }
  return { status: message.statusCode ?? 0, headers, url: url.href, body: readBody(message, url, request) }
}

async function* readBody(
  message: http.IncomingMessage,
  url: URL,
  request: GuardedRequest,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = (message as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  let received = 0
  try {
    for (;;) {
      const chunk = await nextChunk(chunks, () => message.destroy(stalled(url.hostname)), request.stall)
      if (chunk === null) break
      received += chunk.length
      if (received > request.maxBytes) throw new DomainError('source_too_large', { limit: `${request.maxBytes} bytes` })
      yield chunk
    }
    if (!message.complete)
      throw new DomainError('source_unreachable', { problem: `${url.hostname} closed the connection too early` })
  } catch (error) {
    throw toDomainError(error, url.hostname)
  } finally {
    message.destroy()
  }
}

/** The timer runs only while bytes are awaited: a reader may take its time. */
async function nextChunk(chunks: AsyncIterator<Buffer>, onStall: () => void, stall: number): Promise<Buffer | null> {
  const timer = setTimeout(onStall, stall)
  try {
    const next = await chunks.next()
    return next.done === true ? null : next.value
  } finally {
    clearTimeout(timer)
  }
}

function stalled(host: string): DomainError {
  return new DomainError('source_timeout', { problem: `${host} sent nothing in time` })
}

function toDomainError(error: unknown, host: string): DomainError {
  if (error instanceof DomainError) return error
  const code = (error as { code?: unknown } | null)?.code
  const reason = typeof code === 'string' ? code : 'the connection failed'
  return new DomainError('source_unreachable', { problem: `${host}: ${reason}` }, error)
}
