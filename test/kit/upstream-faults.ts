/** How an upstream misbehaves. */
import type { ServerResponse } from 'node:http'
import { constants, createGzip } from 'node:zlib'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/**
 * What happens instead of an answer, or to it. `status` may name a `Retry-After`; `truncated`: valid at the protocol's level, cut inside the
 * JSON; `close`: the connection ends in the middle of the body; `short`: `Content-Length` says more than comes, and then nothing comes;
 * `other-name`: everything is said about another package; `huge`: this many bytes of JSON; `bomb`: few bytes of gzip that become this many;
 * `hang`: no answer; `trickle`: a byte a second; `unauthorized`: 401 that names another realm.
 */
export type UpstreamFault =
  | { kind: 'html' }
  | { kind: 'body'; body: string | Uint8Array; headers?: Readonly<Record<string, string>> }
  | { kind: 'status'; status: number; retryAfter?: string; body?: string }
  | { kind: 'truncated' }
  | { kind: 'close' }
  | { kind: 'short' }
  | { kind: 'other-name'; name: string }
  | { kind: 'huge'; bytes: number }
  | { kind: 'bomb'; bytes: number }
  | { kind: 'hang' }
  | { kind: 'trickle' }
  | { kind: 'redirect'; to: string; status?: number }
  | { kind: 'unauthorized'; realm: string }

/** What would have been answered. */
export interface PlainAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  body: Buffer
}

/** Answers as the fault says. */
export async function answerBadly(response: ServerResponse, fault: UpstreamFault, plain: PlainAnswer): Promise<void> {
  const { body, headers } = plain
  const json = { 'content-type': 'application/json' }
  if (fault.kind === 'html')
    return end(response, 200, { 'content-type': 'text/html' }, '<!doctype html><title>Please log in</title>')
  if (fault.kind === 'body') return end(response, 200, { ...json, ...fault.headers }, fault.body)
  if (fault.kind === 'truncated') return end(response, 200, headers, body.subarray(0, Math.floor(body.length / 2)))
  if (fault.kind === 'status') {
    return end(
      response,
      fault.status,
      fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter },
      fault.body ?? 'no',
    )
  }
  if (fault.kind === 'other-name') return end(response, 200, json, renamed(body, fault.name))
  if (fault.kind === 'redirect') return end(response, fault.status ?? 302, { location: fault.to }, '')
  if (fault.kind === 'unauthorized') return end(response, 401, { 'www-authenticate': `Bearer realm="${fault.realm}"` }, 'no')
  if (fault.kind === 'huge') return stream(response, json, hugeJson(fault.bytes))
  if (fault.kind === 'bomb') {
    const zip = createGzip({ level: constants.Z_BEST_COMPRESSION })
    response.writeHead(200, { ...json, 'content-encoding': 'gzip' })
    return pipeline(Readable.from(hugeJson(fault.bytes)), zip, response).catch(() => {})
  }
  if (fault.kind === 'hang') return
  response.writeHead(plain.status, { ...headers, 'content-length': String(body.length) })
  const sent = fault.kind === 'trickle' ? 1 : Math.floor(body.length / 2)
  response.write(body.subarray(0, sent))
  if (fault.kind === 'close') setTimeout(() => response.socket?.destroy(), 20)
  if (fault.kind === 'trickle') trickle(response, body, sent)
}

function end(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
): void {
  response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) })
  response.end(body)
}

/** Sends chunks no faster than the client takes them. */
export async function stream(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  chunks: Iterable<Uint8Array>,
): Promise<void> {
  response.writeHead(200, headers)
  await pipeline(Readable.from(chunks), response).catch(() => {})
}

function* hugeJson(bytes: number): Generator<Uint8Array> {
  const chunk = Buffer.alloc(64 * 1024, ' ')
  yield Buffer.from('{"packages":')
  for (let sent = 0; sent < bytes; sent += chunk.length) yield chunk
  yield Buffer.from('{}}')
}

/** The same document about a package of another name. */
function renamed(body: Buffer, name: string): string {
  const { packages, ...rest } = JSON.parse(body.toString()) as { packages: Record<string, Record<string, unknown>[]> }
  const versions = Object.values(packages)[0] ?? []
  const others = Object.values(versions).map((version) => ('name' in version ? { ...version, name } : version))
  return JSON.stringify({ ...rest, packages: { [name]: others } })
}

function trickle(response: ServerResponse, body: Buffer, start: number): void {
  let sent = start
  const timer = setInterval(() => {
    response.write(body.subarray(sent, sent + 1))
    sent += 1
  }, 1000)
  response.on('close', () => clearInterval(timer))
}
