import type { BlobPresentation } from '../../core/kernel/ports.ts'
import { S3Failure, toS3Failure, toTransportFailure } from './s3-failure.ts'

/** Where objects are, and how to be let in. */
export interface S3Place {
  bucket: string
  /** `https://host[:port]` of the service, or null for the one of Amazon in the region. */
  endpoint: string | null
  region: string
  accessKeyId: string
  secretAccessKey: string
  /** The bucket is the first segment of the path; else the first label of the host. */
  pathStyle: boolean
}

/** What is known of an object. `modifiedAt` is in milliseconds, as exact as the store tells. */
export interface S3Object {
  size: number
  modifiedAt: number
}

/** One page of a list; `next` leads to the following one. */
export interface S3Page {
  objects: { key: string; modifiedAt: number }[]
  next: string | null
}

/** One try of each operation on a bucket. Whatever goes wrong is an `S3Failure`, at the latest after the time given, in milliseconds. */
export interface S3Bucket {
  stat(key: string, timeout: number): Promise<S3Object | null>
  /** Exactly the bytes at a position, which must be within the object; null when there is no such object. */
  read(key: string, range: { position: number; length: number }, timeout: number): Promise<Uint8Array | null>
  /** Stores bytes; the object appears at once with all of them. */
  write(key: string, bytes: Uint8Array, timeout: number): Promise<void>
  /** Stores many bytes in parts, two of them in memory; `timeout` is for each. A failing upload leaves no object. */
  writeParts(key: string, parts: AsyncIterable<Uint8Array>, timeout: number): Promise<void>
  remove(key: string, timeout: number): Promise<void>
  list(prefix: string, after: string | null, timeout: number): Promise<S3Page>
  /** An address from which anybody can read this object, and nothing else, for some seconds. */
  link(key: string, seconds: number, presentation: BlobPresentation): string
}

/** The size of a part of a large upload in bytes; the protocol wants at least 5 MiB for all but the last. */
export const PART_SIZE = 8 * 1024 * 1024
const PAGE_SIZE = 1000
/** Long enough for a clock that is a few minutes off, short enough to be worthless when it leaks. */
const OWN_VALIDITY = 900
const TYPE = 'application/octet-stream'

/**
 * A bucket. Requests for one object are signed in their address and sent by `fetch`, which can be ended and tells the status; lists and
 * uploads in parts, which cannot be signed that way, go through the runtime's client.
 */
export function openS3Bucket(place: S3Place): S3Bucket {
  const client = createClient(place)
  const sign = (key: string, method: 'GET' | 'HEAD' | 'PUT' | 'DELETE') =>
    client.presign(key, { method, expiresIn: OWN_VALIDITY })

  async function findReason(key: string, timeout: number): Promise<S3Object | null> {
    // The answer to HEAD has no body that would say what is wrong; a missing bucket must not look like a missing object.
    return send({ url: sign(key, 'GET'), headers: { Range: 'bytes=0-0' }, timeout }, async (response) => {
      await response.body?.cancel()
      throw new S3Failure('Unsettled', true)
    })
  }

  return {
    stat: (key, timeout) =>
      send({ url: sign(key, 'HEAD'), method: 'HEAD', timeout, onFailure: () => findReason(key, timeout) }, async (response) => ({
        size: Number(response.headers.get('content-length')),
        modifiedAt: Date.parse(response.headers.get('last-modified') ?? '') || 0,
      })),
    async read(key, { position, length }, timeout) {
      const headers = { Range: `bytes=${position}-${position + length - 1}` }
      return send({ url: sign(key, 'GET'), headers, timeout }, (response) => readExactly(response, { position, length }))
    },
    async write(key, bytes, timeout) {
      const stored = await send(
        { url: sign(key, 'PUT'), method: 'PUT', headers: { 'Content-Type': TYPE }, body: bytes, timeout },
        drain,
      )
      requireFound(stored)
    },
    writeParts: (key, parts, timeout) => writeParts(client.file(key), parts, timeout),
    async remove(key, timeout) {
      await send({ url: sign(key, 'DELETE'), method: 'DELETE', timeout }, drain)
    },
    list: (prefix, after, timeout) => listPage(client, { prefix, after, timeout }),
    link: (key, seconds, { contentType, contentDisposition }) =>
      client.presign(key, { method: 'GET', expiresIn: seconds, type: contentType, contentDisposition }),
  }
}

function createClient({ endpoint, pathStyle, ...place }: S3Place): Bun.S3Client {
  return new Bun.S3Client({
    ...place,
    endpoint: endpointOf({ endpoint, pathStyle, ...place }),
    virtualHostedStyle: !pathStyle,
    partSize: PART_SIZE,
    queueSize: 2,
    retry: 2,
  })
}

function endpointOf({ endpoint, region, bucket, pathStyle }: S3Place): string {
  const base = endpoint ?? `https://s3.${region}.amazonaws.com`
  if (pathStyle) {
    return base
  }
  const url = new URL(base)
  return `${url.protocol}//${bucket}.${url.host}`
}

interface Sending {
  url: string
  method?: string
  headers?: Record<string, string>
  body?: Uint8Array
  timeout: number
  /** Finds out why, where the answer itself cannot tell. */
  onFailure?: () => Promise<null | S3Object>
}

/** Null when there is no such object. */
async function send<Result>(
  { url, method = 'GET', headers = {}, body, timeout, onFailure }: Sending,
  take: (response: Response) => Promise<Result>,
): Promise<Result | null> {
  try {
    const response = await fetch(url, {
      method,
      headers: { 'Accept-Encoding': 'identity', ...headers },
      redirect: 'manual',
      signal: AbortSignal.timeout(timeout),
      ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
    })
    if (response.ok) {
      return await take(response)
    }
    if (onFailure !== undefined && response.status < 500) {
      await onFailure()
      return null
    }
    return requireAbsence(response.status, readCode(await response.text()))
  } catch (error) {
    throw toTransportFailure(error)
  }
}

/** A missing object is an answer; everything else that is not one is a failure. */
function requireAbsence(status: number, code: string | null): null {
  if (status === 404 && (code === 'NoSuchKey' || code === 'NotFound' || code === null)) {
    return null
  }
  throw toS3Failure(status, code)
}

function requireFound<Result>(result: Result | null): Result {
  if (result === null) {
    throw new S3Failure('NoSuchBucket', false)
  }
  return result
}

function readCode(document: string): string | null {
  return /<Code>([^<]{1,100})<\/Code>/.exec(document)?.[1] ?? null
}

async function drain(response: Response): Promise<true> {
  await response.arrayBuffer()
  return true
}

async function readExactly(response: Response, { position, length }: { position: number; length: number }): Promise<Uint8Array> {
  if (response.status !== 206) {
    await response.body?.cancel()
    throw new S3Failure('RangeIgnored', false)
  }
  const range = response.headers.get('content-range') ?? ''
  const bytes = new Uint8Array(await response.arrayBuffer())
  if (!range.startsWith(`bytes ${position}-`) || bytes.length !== length) {
    throw new S3Failure('Truncated', true)
  }
  return bytes
}

async function writeParts(file: Bun.S3File, parts: AsyncIterable<Uint8Array>, timeout: number): Promise<void> {
  const writer = file.writer({ partSize: PART_SIZE, queueSize: 2, retry: 2, type: TYPE })
  try {
    for await (const part of parts) {
      await within(timeout, async () => {
        await writer.write(part as Uint8Array<ArrayBuffer>)
        await writer.flush()
      })
    }
    await within(timeout, async () => writer.end())
  } catch (error) {
    // Tells the store to forget the parts; it may be the one that does not answer.
    await within(timeout, async () => writer.end(new Error('The upload is given up.'))).catch(() => {})
    throw toTransportFailure(error)
  }
}

async function listPage(
  client: Bun.S3Client,
  { prefix, after, timeout }: { prefix: string; after: string | null; timeout: number },
): Promise<S3Page> {
  try {
    const page = await within(timeout, () =>
      client.list({ prefix, maxKeys: PAGE_SIZE, ...(after === null ? {} : { continuationToken: after }) }),
    )
    const objects = (page.contents ?? []).map(({ key, lastModified }) => ({
      key,
      modifiedAt: Date.parse(lastModified ?? '') || 0,
    }))
    return { objects, next: page.isTruncated === true ? (page.nextContinuationToken ?? null) : null }
  } catch (error) {
    throw toTransportFailure(error)
  }
}

/** The runtime's client knows no time limits; what it still does after one is of no interest to anybody. */
async function within<Result>(milliseconds: number, work: () => Promise<Result>): Promise<Result> {
  const limit = Promise.withResolvers<never>()
  const timer = setTimeout(() => limit.reject(new S3Failure('Timeout', true)), milliseconds)
  try {
    return await Promise.race([work(), limit.promise])
  } finally {
    clearTimeout(timer)
  }
}
