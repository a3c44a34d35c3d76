import type { PackageId, TokenId } from '../../core/kernel/values.ts'
import { errorResponse } from '../http/errors.ts'

/** What is sent: bytes, or a file that the operating system copies to the socket. */
export type AnswerBody = Uint8Array | { path: string; size: number }

/** An answer to a GET that can be given again as long as it is valid. */
export interface Answer {
  status: number
  headers: Readonly<Record<string, string>>
  body: AnswerBody
  /** The value that a client returns in `If-Modified-Since`; null for what is not revalidated. */
  lastModified: string | null
  /** Whose use of which token this is. */
  token: TokenId | null
  /** What a complete transfer counts as. */
  download: { package: PackageId; version: string } | null
}

/** The size of a body in bytes. */
export function bodySize(body: AnswerBody): number {
  return body instanceof Uint8Array ? body.byteLength : body.size
}

/** Seconds since 1970 as an HTTP date (RFC 9110 §5.6.7). */
export function toHttpDate(seconds: number): string {
  return new Date(seconds * 1000).toUTCString()
}

/** How one request is answered. `counts`: a whole body goes out to a GET. */
export interface Sent {
  response: Response
  counts: boolean
}

/**
 * Turns an answer into the response to one request: 304 when the client has exactly this `Last-Modified` (CO-004, CO-042: equality, so a
 * wrong or older date gets the body), the headers alone for HEAD, a part for a simple byte range of an archive (CO-083), else the
 * whole. `If-None-Match` is not supported and therefore never gives 304 (abuse 48). Archives have no validator, so no `If-Range` can
 * match and the range of such a request is ignored (RFC 9110 §13.1.5).
 */
export function sendAnswer(request: Request, answer: Answer): Sent {
  const { headers, status } = answer
  if (answer.lastModified !== null && request.headers.get('if-modified-since') === answer.lastModified) {
    return { response: new Response(null, { status: 304, headers: prepareHeaders(answer).withoutBody }), counts: false }
  }
  if (request.method === 'HEAD') {
    return {
      response: new Response(null, { status, headers: { ...headers, 'Content-Length': String(bodySize(answer.body)) } }),
      counts: false,
    }
  }
  const range = answer.download === null || status !== 200 ? null : readRange(request.headers, bodySize(answer.body))
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

function withoutBody(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { 'Content-Type': _type, 'Content-Encoding': _coding, ...rest } = headers
  return rest
}

function toBody(body: AnswerBody): Bun.BodyInit {
  return body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : Bun.file(body.path)
}

/** A part of a body, both ends included. */
interface ByteRange {
  start: number
  end: number
}

/** One range; several and malformed ones are ignored, which RFC 9110 §14.2 allows. */
function readRange(headers: Headers, size: number): ByteRange | 'unsatisfiable' | null {
  const header = headers.get('range')
  if (header === null || headers.has('if-range')) {
    return null
  }
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
  const part = body instanceof Uint8Array ? body.subarray(start, end + 1) : Bun.file(body.path).slice(start, end + 1)
  return new Response(part as Bun.BodyInit, {
    status: 206,
    headers: { ...answer.headers, 'Content-Range': `bytes ${start}-${end}/${bodySize(body)}` },
  })
}
