/**
 * An object store on a loopback port that speaks as much of the S3 protocol as the product uses: objects, ListObjectsV2 and multipart uploads,
 * addressed by path. It checks the signature of every request by Signature Version 4, in the header and in the query, over the bytes that really
 * arrived, and can be told to misbehave. Objects are kept in memory.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Refused, requireSignature, S3_CREDENTIALS } from './s3-signature.ts'

/** What a request asks for, as a fault may choose by it. `key` is null for the bucket itself. */
export interface S3Request {
  method: string
  key: string | null
  query: URLSearchParams
  headers: IncomingMessage['headers']
  /** How many requests with this method and key came before. */
  earlier: number
}

/**
 * How a request goes wrong. `refuse` answers an error, `reset` breaks the connection before an answer, `truncate` in the middle of the body,
 * `delay` makes it late, `absent` answers as if there were no such object, and `forget` acknowledges a write and throws it away.
 */
export type S3Fault =
  | { kind: 'refuse'; status: number; code: string }
  | { kind: 'reset' | 'truncate' | 'absent' | 'forget' }
  | { kind: 'delay'; milliseconds: number }

interface StoredObject {
  bytes: Buffer
  modifiedAt: number
  etag: string
}

export interface S3Server {
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly objects: Map<string, StoredObject>
  /** Multipart uploads that were begun and neither completed nor aborted. */
  readonly uploads: Map<string, { key: string; parts: Map<number, Buffer> }>
  /** What was asked, in order: `PUT objects/…`, `GET ?list-type=2`. */
  readonly requests: string[]
  /** Chooses what goes wrong from now on; null ends it. */
  disturb(choose: ((request: S3Request) => S3Fault | null) | null): void
  stop(): Promise<void>
}

/** How a store differs from a plain one. `pageSize` is the most keys of one page of a list. */
export interface S3Setup {
  pageSize?: number
}

/** Starts an empty store on a free port. */
export async function startS3Server({ pageSize = 1000 }: S3Setup = {}): Promise<S3Server> {
  const state: State = { objects: new Map(), uploads: new Map(), pageSize, nextUpload: 1 }
  const requests: string[] = []
  const counts = new Map<string, number>()
  const sockets = new Set<Socket>()
  let choose: ((request: S3Request) => S3Fault | null) | null = null

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await collect(incoming)
    const request = readRequest(incoming, counts)
    requests.push(
      `${request.method} ${request.key ?? ''}${request.query.has('X-Amz-Signature') ? ' (presigned)' : describeQuery(request.query)}`,
    )
    const fault = choose?.(request) ?? null
    if (fault?.kind === 'delay') {
      await Bun.sleep(fault.milliseconds)
    }
    if (fault?.kind === 'reset') {
      incoming.socket.destroy()
      return
    }
    try {
      if (fault?.kind === 'refuse') {
        throw new Refused(fault.status, fault.code)
      }
      requireSignature(incoming, body)
      if (fault?.kind === 'absent') {
        throw new Refused(404, 'NoSuchKey')
      }
      if (fault?.kind === 'forget') {
        outgoing.writeHead(200, { ETag: '"forgotten"' }).end()
        return
      }
      respond(state, request, { body, outgoing, isTruncated: fault?.kind === 'truncate' })
    } catch (error) {
      refuse(outgoing, request.method, error)
    }
  }

  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => incoming.socket.destroy())
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...S3_CREDENTIALS,
    objects: state.objects,
    uploads: state.uploads,
    requests,
    disturb(chosen) {
      choose = chosen
      counts.clear()
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      sockets.forEach((socket) => socket.destroy())
      await Promise.race([closed, Bun.sleep(1000)])
    },
  }
}

interface State {
  objects: Map<string, StoredObject>
  uploads: Map<string, { key: string; parts: Map<number, Buffer> }>
  pageSize: number
  nextUpload: number
}

async function collect(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) {
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

function describeQuery(query: URLSearchParams): string {
  return query.size === 0 ? '' : ` ?${[...query.keys()].toSorted().join('&')}`
}

function readRequest(incoming: IncomingMessage, counts: Map<string, number>): S3Request {
  const url = new URL(incoming.url ?? '/', 'http://store')
  const [bucket = '', ...rest] = decodeURIComponent(url.pathname).slice(1).split('/')
  const key = bucket === S3_CREDENTIALS.bucket && rest.join('/') !== '' ? rest.join('/') : null
  const method = incoming.method ?? 'GET'
  const earlier = counts.get(`${method} ${key}`) ?? 0
  counts.set(`${method} ${key}`, earlier + 1)
  return { method, key, query: url.searchParams, headers: incoming.headers, earlier }
}

interface Answering {
  body: Buffer
  outgoing: ServerResponse
  isTruncated: boolean
}

function respond(state: State, request: S3Request, answering: Answering): void {
  const { method, key, query } = request
  if (key === null) {
    answerBucket(state, request, answering.outgoing)
  } else if (query.has('uploads') || query.has('uploadId')) {
    answerMultipart(state, { ...request, key }, answering)
  } else if (method === 'PUT') {
    const etag = store(state, key, answering.body)
    answering.outgoing.writeHead(200, { ETag: etag }).end()
  } else if (method === 'DELETE') {
    state.objects.delete(key)
    answering.outgoing.writeHead(204).end()
  } else {
    answerObject(state, { ...request, key }, answering)
  }
}

function store(state: State, key: string, bytes: Buffer): string {
  const etag = `"${createHash('md5').update(bytes).digest('hex')}"`
  state.objects.set(key, { bytes, modifiedAt: Date.now(), etag })
  return etag
}

function answerObject(state: State, request: S3Request & { key: string }, { outgoing, isTruncated }: Answering): void {
  const object = state.objects.get(request.key)
  if (object === undefined) {
    throw new Refused(404, 'NoSuchKey')
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const start = range === null ? 0 : Number(range[1])
  const end = range === null || range[2] === '' ? object.bytes.length : Math.min(Number(range[2]) + 1, object.bytes.length)
  const headers: Record<string, string | number> = {
    'Content-Length': end - start,
    'Content-Type': request.query.get('response-content-type') ?? 'application/octet-stream',
    'Last-Modified': new Date(object.modifiedAt).toUTCString(),
    'Accept-Ranges': 'bytes',
    ETag: object.etag,
  }
  const disposition = request.query.get('response-content-disposition')
  if (disposition !== null) {
    headers['Content-Disposition'] = disposition
  }
  if (range !== null) {
    headers['Content-Range'] = `bytes ${start}-${end - 1}/${object.bytes.length}`
  }
  outgoing.writeHead(range === null ? 200 : 206, headers)
  if (isTruncated && request.method === 'GET') {
    outgoing.write(object.bytes.subarray(start, start + Math.floor((end - start) / 2)), () => outgoing.socket?.destroy())
    return
  }
  outgoing.end(request.method === 'HEAD' ? undefined : object.bytes.subarray(start, end))
}

function answerBucket(state: State, { method, query }: S3Request, outgoing: ServerResponse): void {
  if (method !== 'GET' || query.get('list-type') !== '2') {
    throw new Refused(404, 'NoSuchBucket')
  }
  const prefix = query.get('prefix') ?? ''
  const after = query.get('continuation-token') ?? query.get('start-after') ?? ''
  const limit = Math.min(Number(query.get('max-keys') ?? 1000), state.pageSize)
  const keys = [...state.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted()
  const page = keys.slice(0, limit)
  const contents = page.map((key) => {
    const { bytes, modifiedAt, etag } = state.objects.get(key) as StoredObject
    return `<Contents><Key>${key}</Key><LastModified>${new Date(modifiedAt).toISOString()}</LastModified><ETag>${etag.replaceAll('"', '&quot;')}</ETag><Size>${bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`
  })
  const more = keys.length > limit ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
  xml(
    outgoing,
    `<ListBucketResult><Name>${S3_CREDENTIALS.bucket}</Name><Prefix>${prefix}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${limit}</MaxKeys><IsTruncated>${keys.length > limit}</IsTruncated>${more}${contents.join('')}</ListBucketResult>`,
  )
}

function answerMultipart(state: State, { method, key, query }: S3Request & { key: string }, { body, outgoing }: Answering): void {
  const id = query.get('uploadId')
  if (id === null) {
    const upload = String(state.nextUpload++)
    state.uploads.set(upload, { key, parts: new Map() })
    xml(
      outgoing,
      `<InitiateMultipartUploadResult><Bucket>${S3_CREDENTIALS.bucket}</Bucket><Key>${key}</Key><UploadId>${upload}</UploadId></InitiateMultipartUploadResult>`,
    )
    return
  }
  const upload = state.uploads.get(id)
  if (upload === undefined || upload.key !== key) {
    throw new Refused(404, 'NoSuchUpload')
  }
  if (method === 'PUT') {
    upload.parts.set(Number(query.get('partNumber')), body)
    outgoing.writeHead(200, { ETag: `"${createHash('md5').update(body).digest('hex')}"` }).end()
  } else if (method === 'DELETE') {
    state.uploads.delete(id)
    outgoing.writeHead(204).end()
  } else {
    complete(state, { id, key, body, outgoing })
  }
}

function complete(
  state: State,
  { id, key, body, outgoing }: { id: string; key: string; body: Buffer; outgoing: ServerResponse },
): void {
  const parts = state.uploads.get(id)?.parts ?? new Map<number, Buffer>()
  const named = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>\s*<ETag>(?:"|&quot;)?([0-9a-f]+)/g)]
  const bytes = named.map(([, number, etag]) => {
    const part = parts.get(Number(number))
    if (part === undefined || createHash('md5').update(part).digest('hex') !== etag) {
      throw new Refused(400, 'InvalidPart')
    }
    return part
  })
  if (bytes.length === 0 || bytes.slice(0, -1).some((part) => part.length < 5 * 1024 * 1024)) {
    throw new Refused(400, 'EntityTooSmall')
  }
  state.uploads.delete(id)
  xml(
    outgoing,
    `<CompleteMultipartUploadResult><Key>${key}</Key><ETag>${store(state, key, Buffer.concat(bytes))}</ETag></CompleteMultipartUploadResult>`,
  )
}

function xml(outgoing: ServerResponse, document: string, status = 200): void {
  const bytes = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${document}`)
  outgoing.writeHead(status, { 'Content-Type': 'application/xml', 'Content-Length': bytes.length }).end(bytes)
}

function refuse(outgoing: ServerResponse, method: string, error: unknown): void {
  const { status, code } = error instanceof Refused ? error : new Refused(500, 'InternalError')
  if (method === 'HEAD') {
    outgoing.writeHead(status).end()
  } else {
    xml(outgoing, `<Error><Code>${code}</Code><Message>${code}</Message><RequestId>1</RequestId></Error>`, status)
  }
}
