import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import { DomainError } from '../../core/kernel/errors.ts'
import type { HttpCredential } from '../../core/kernel/ports.ts'
import { ACCEPTED_ENCODINGS, decodeBody } from './decode-body.ts'
import type { Egress } from './egress.ts'
import type { KeepAlive } from './keep-alive.ts'

/** One outgoing request. */
export interface GuardedRequest {
  method?: string
  headers?: Readonly<Record<string, string>>
  /** Sent only to its `scheme://host[:port]`, also after redirects. */
  credential?: HttpCredential | null
  body?: Uint8Array
  /** How many redirects are followed; each is judged like the first URL. */
  redirects: number
  /** Bytes that the answer's body may have, compressed as well as decoded. */
  maxBytes: number
  /** Whether the body may travel compressed; it then comes decoded and in one piece. */
  decodes?: boolean
  /** Milliseconds without a byte before `source_timeout`. */
  stall: number
  signal?: AbortSignal
  /** Connections that may be used again; without it each request has its own. */
  keepAlive?: KeepAlive
}

/** The answer: `url` is where it came from, `body` must be read or cancelled with `return()`. */
export interface GuardedResponse {
  status: number
  headers: Headers
  url: string
  body: AsyncGenerator<Uint8Array, void, undefined>
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Headers that belong to a connection or a message; a credential cannot set them. */
const OWN_HEADERS = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'expect'])
/** A body that nobody wants is read to its end if that is near, which keeps the connection. */
const DRAINED = 65_536

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
    discard(message)
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
  const isRepeatable = request.body === undefined && ['GET', 'HEAD', undefined].includes(request.method)
  const lane = request.decodes === true ? 'documents' : 'files'
  const agent = isRepeatable ? request.keepAlive?.agentFor({ origin: url.origin, addresses, lane }) : undefined
  try {
    return await sendOver(agent ?? false, { url, host, addresses, request })
  } catch (error) {
    // The other side may close a kept connection at the moment at which it is used again; nothing was answered then.
    if (agent === undefined || !(error instanceof StaleConnection) || request.signal?.aborted === true) {
      throw toDomainError(error, { host, signal: request.signal })
    }
    return await sendOver(false, { url, host, addresses, request }).catch((failure: unknown) => {
      throw toDomainError(failure, { host, signal: request.signal })
    })
  }
}

/** A connection that was kept broke before anything of the answer arrived. */
class StaleConnection extends Error {}

interface Sending {
  url: URL
  host: string
  addresses: readonly string[]
  request: GuardedRequest
}

function sendOver(agent: http.Agent | false, { url, host, addresses, request }: Sending): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = (url.protocol === 'https:' ? https : http).request({
      method: request.method ?? 'GET',
      host,
      port: url.port === '' ? undefined : Number(url.port),
      path: `${url.pathname}${url.search}`,
      headers: { ...toHeaders(url, request), host: url.host },
      agent,
      // The judged addresses and no others are dialled: nothing is resolved a second time.
      lookup: (_name, options, callback) => answerLookup(addresses, options.all === true, callback),
    })
    const abort = (): void => void sent.destroy(tookTooLong(host))
    const { signal } = request
    sent.setTimeout(request.stall, () => sent.destroy(stalled(host)))
    sent.once('response', (message: http.IncomingMessage) => {
      sent.setTimeout(0)
      // Reading the body reports errors; this is for bodies that nobody reads.
      message.on('error', () => undefined)
      message.once('close', () => signal?.removeEventListener('abort', abort))
      resolve(message)
    })
    sent.on('error', (error) => {
      signal?.removeEventListener('abort', abort)
      const isStale = sent.reusedSocket && !(error instanceof DomainError)
      reject(isStale ? new StaleConnection('it was closed', { cause: error }) : error)
    })
    if (signal?.aborted === true) abort()
    else signal?.addEventListener('abort', abort, { once: true })
    sent.end(request.body)
  })
}

function toHeaders(url: URL, request: GuardedRequest): Record<string, string> {
  const headers: Record<string, string> = {
    'user-agent': 'repertoire',
    'accept-encoding': request.decodes === true ? ACCEPTED_ENCODINGS : 'identity',
    ...request.headers,
  }
  if (request.body !== undefined) headers['content-length'] = String(request.body.length)
  const { credential } = request
  if (credential?.origin !== url.origin) return headers
  if ('authorization' in credential) return { ...headers, authorization: credential.authorization }
  const own = Object.entries(credential.headers).map(([name, value]): [string, string] => [name.toLowerCase(), value])
  return { ...headers, ...Object.fromEntries(own.filter(([name]) => !OWN_HEADERS.has(name))) }
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
  const plain = readBody(message, url, request)
  const body = request.decodes === true ? readDecoded(plain, { headers, url, request }) : plain
  return { status: message.statusCode ?? 0, headers, url: url.href, body: endingWith(body, () => discard(message)) }
}

/** A generator that did not begin runs nothing when it is ended, but the connection has to be given up then, too. */
function endingWith(
  body: AsyncGenerator<Uint8Array, void, undefined>,
  end: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const finish = body.return.bind(body)
  body.return = (value) => {
    end()
    return finish(value)
  }
  return body
}

/** Gives up a body: what is left of a small one is read away, else the connection ends. */
function discard(message: http.IncomingMessage): void {
  const length = Number(message.headers['content-length'] ?? (message.statusCode === 304 ? 0 : Number.NaN))
  if (message.readableEnded) return
  if (length <= DRAINED && !message.readableDidRead) message.resume()
  else message.destroy()
}

async function* readBody(
  message: http.IncomingMessage,
  url: URL,
  request: GuardedRequest,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = (message as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  const { signal } = request
  let received = 0
  try {
    for (;;) {
      const chunk = await nextChunk(chunks, () => message.destroy(stalled(url.hostname)), request.stall)
      signal?.throwIfAborted()
      if (chunk === null) break
      received += chunk.length
      if (received > request.maxBytes) throw new DomainError('source_too_large', { limit: `${request.maxBytes} bytes` })
      yield chunk
    }
    if (!message.complete)
      throw new DomainError('source_unreachable', { problem: `${url.hostname} closed the connection too early` })
  } catch (error) {
    throw toDomainError(error, { host: url.hostname, signal })
  } finally {
    if (!message.readableEnded) message.destroy()
  }
}

async function* readDecoded(
  body: AsyncGenerator<Uint8Array, void, undefined>,
  { headers, url, request }: { headers: Headers; url: URL; request: GuardedRequest },
): AsyncGenerator<Uint8Array, void, undefined> {
  const bytes = Buffer.concat(await Array.fromAsync(body))
  yield decodeBody(bytes, { encoding: headers.get('content-encoding'), maxBytes: request.maxBytes, host: url.hostname })
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

function tookTooLong(host: string): DomainError {
  return new DomainError('source_timeout', { problem: `${host} took too long` })
}

function toDomainError(error: unknown, { host, signal }: { host: string; signal: AbortSignal | undefined }): DomainError {
  if (signal?.aborted === true) return tookTooLong(host)
  if (error instanceof DomainError) return error
  const cause = error instanceof StaleConnection ? error.cause : error
  const code = (cause as { code?: unknown } | null)?.code
  const reason = typeof code === 'string' ? code : 'the connection failed'
  return new DomainError('source_unreachable', { problem: `${host}: ${reason}` }, cause)
}
