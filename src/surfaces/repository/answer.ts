import type { Instant, PackageId, TokenId } from '../../core/kernel/values.ts'
import { errorResponse } from '../http/errors.ts'
import { streamRemote, type RemoteBody } from './remote-body.ts'

/** What is sent: bytes, a file that the operating system copies to the socket, or what is read from an object store meanwhile. */
export type AnswerBody = Uint8Array | { path: string; size: number } | RemoteBody

/** An answer to a GET that can be given again as long as it is valid. */
export interface Answer {
  status: number
  headers: Readonly<Record<string, string>>
  body: AnswerBody
  /** The value that a client returns in `If-Modified-Since`; null for what is not revalidated by time. */
  lastModified: string | null
  /** The strong validator that a client returns in `If-None-Match`; null for what has none. */
  etag: string | null
  /** Whose use of which token this is. */
  token: TokenId | null
  /** What a complete transfer counts as. */
  download: { package: PackageId; version: string } | null
  /** When the answer ends by the clock alone, although nothing changed; never if left out. */
  until?: Instant
  /** Where a GET is sent to instead of getting the body, for minutes only; the rest describes what is there. */
  redirect?: string
}

/** The size of a body in bytes. */
export function bodySize(body: AnswerBody): number {
  return body instanceof Uint8Array ? body.byteLength : body.size
}

/** How one request is answered. `counts`: a whole body goes out to a GET. */
export interface Sent {
  response: Response
  counts: boolean
}

/**
 * Turns an answer into the response to one request: 304 for the copy that the client has, the headers alone for HEAD, a part for a simple
 * byte range of an archive (CO-083), else the whole. An answer is only asked for its validators after it was found for this actor, so nobody
 * learns by 304 what they may not see (abuse 48).
 */
export function sendAnswer(request: Request, answer: Answer): Sent {
  const { headers, status } = answer
  if (isPresent(request.headers, answer)) {
    return { response: new Response(null, { status: 304, headers: prepareHeaders(answer).withoutBody }), counts: false }
  }
  if (request.method === 'HEAD') {
    return {
      response: new Response(null, { status, headers: { ...headers, 'Content-Length': String(bodySize(answer.body)) } }),
      counts: false,
    }
  }
  if (answer.redirect !== undefined) {
    // The client repeats its Range there; only who asks for the beginning begins a download (CO-088).
    return { response: redirectTo(answer.redirect), counts: /^bytes=0-|^(?!bytes=)/.test(request.headers.get('range') ?? '') }
  }
  const range = answer.download === null || status !== 200 ? null : readRange(request.headers, answer)
  if (range === 'unsatisfiable') {
    const size = `bytes */${bodySize(answer.body)}`
    return {
      response: errorResponse(416, { message: 'The range is not within the file.' }, { 'Content-Range': size }),
      counts: false,
    }
  }
  if (range !== null) {
    return { response: sendRange(answer, range), counts: range.start === 0 }
  }
  return { response: new Response(toBody(answer.body), { status, headers: prepareHeaders(answer).complete }), counts: true }
}

/** To whoever asked alone: the link opens the archive for everybody who has it (PR-117, abuse 40). */
function redirectTo(url: string): Response {
  return new Response(null, {
    status: 302,
    headers: { Location: url, 'Cache-Control': 'private, no-store', 'Referrer-Policy': 'no-referrer' },
  })
}

/**
 * Whether the client has this very answer. `If-None-Match` decides where it is sent (RFC 9110 §13.2.2, PR-112). `If-Modified-Since` is compared
 * for equality, so that a wrong or older date gets the body (CO-004, CO-042): views of several audiences have dates that say nothing about
 * which is newer.
 */
function isPresent(headers: Headers, { etag, lastModified }: Answer): boolean {
  const tags = headers.get('if-none-match')
  if (tags !== null) {
    return etag !== null && (tags === etag || matchesTag(tags, etag))
  }
  return lastModified !== null && headers.get('if-modified-since') === lastModified
}

function matchesTag(tags: string, etag: string): boolean {
  return tags.trim() === '*' || tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}

interface PreparedHeaders {
  complete: Headers
  withoutBody: Headers
}

/** Ready headers of answers that are kept: a response copies them faster than it validates them anew. */
const prepared = new WeakMap<Answer, PreparedHeaders>()

function prepareHeaders(answer: Answer): PreparedHeaders {
  let headers = prepared.get(answer)
  if (headers === undefined) {
    headers = { complete: new Headers(answer.headers), withoutBody: new Headers(withoutBody(answer.headers)) }
    prepared.set(answer, headers)
  }
  return headers
}

/** What RFC 9110 §15.4.5 asks for; the client has the rest, and the time, with its copy. */
const WITHOUT_BODY = ['ETag', 'Cache-Control', 'Vary']

function withoutBody(headers: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(headers).filter(([name]) => WITHOUT_BODY.includes(name))
}

function toBody(body: AnswerBody): Bun.BodyInit {
  if (body instanceof Uint8Array) {
    return body as Uint8Array<ArrayBuffer>
  }
  return 'read' in body ? streamRemote(body, { start: 0, end: body.size }) : Bun.file(body.path)
}

/** A part of a body, both ends included. */
interface ByteRange {
  start: number
  end: number
}

/**
 * One range; several and malformed ones are ignored, which RFC 9110 §14.2 allows. With `If-Range` the rest is only sent of the very
 * file that the client has the beginning of (RFC 9110 §13.1.5).
 */
function readRange(headers: Headers, { body, etag }: Answer): ByteRange | 'unsatisfiable' | null {
  const header = headers.get('range')
  const condition = headers.get('if-range')
  if (header === null || (condition !== null && condition !== etag)) {
    return null
  }
  const size = bodySize(body)
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header) ?? []
  if ((first === '' && last === '') || (first !== '' && last !== '' && Number(last) < Number(first))) {
    return null
  }
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  return start <= end ? { start, end } : 'unsatisfiable'
}

function sendRange(answer: Answer, { start, end }: ByteRange): Response {
  const { body } = answer
  return new Response(toPart(body, { start, end }), {
    status: 206,
    headers: { ...answer.headers, 'Content-Range': `bytes ${start}-${end}/${bodySize(body)}` },
  })
}

function toPart(body: AnswerBody, { start, end }: ByteRange): Bun.BodyInit {
  if (body instanceof Uint8Array) {
    return body.subarray(start, end + 1) as Uint8Array<ArrayBuffer>
  }
  return 'read' in body ? streamRemote(body, { start, end: end + 1 }) : Bun.file(body.path).slice(start, end + 1)
}
