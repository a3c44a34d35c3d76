import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startS3Server, type S3Fault, type S3Request, type S3Server } from '../../../test/kit/s3-server.ts'
import { createTestClock } from '../clock/test-clock.ts'
import { systemRandom } from '../crypto/random.ts'
import { createLogger } from '../log/logger.ts'
import { createRedactionRegistry } from '../log/redaction.ts'
import { createDiskBlobs } from './disk.ts'
import { createS3Blobs } from './s3.ts'
import { openS3Bucket, PART_SIZE, type S3Place } from './s3-bucket.ts'

const MiB = 1024 * 1024
const PRESENTATION = { contentType: 'application/zip', contentDisposition: 'attachment; filename="a b.zip"' }

let root = ''
let server: S3Server
let lines: string[] = []
const clock = createTestClock(Date.now())

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'repertoire-s3-'))
  lines = []
  server = await startS3Server()
})
afterEach(async () => {
  await server.stop()
  rmSync(root, { recursive: true, force: true })
})

function createStore(place: Partial<S3Place> = {}) {
  const log = createLogger({
    level: 'debug',
    format: 'json',
    write: (line) => void lines.push(line),
    clock,
    redactions: createRedactionRegistry(),
  })
  return createS3Blobs({
    bucket: openBucket(place),
    prefix: '',
    redirectSeconds: 1800,
    staging: createDiskBlobs({ root, clock, log }),
    clock,
    random: systemRandom,
    log,
    firstPause: 2,
  })
}

function openBucket(place: Partial<S3Place> = {}) {
  return openS3Bucket({ ...server, pathStyle: true, ...place })
}

async function* bytes(...contents: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const content of contents) {
    yield Buffer.from(content)
  }
}

function keyOf(text: string): string {
  const sha256 = createHash('sha256').update(text).digest('hex')
  return `objects/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`
}

/** Goes wrong the first `count` times that a request of this method comes. */
function first(count: number, method: string, fault: S3Fault): (request: S3Request) => S3Fault | null {
  return (request) => (request.method === method && request.earlier < count ? fault : null)
}

const PASSING: [string, S3Fault][] = [
  ['503 SlowDown', { kind: 'refuse', status: 503, code: 'SlowDown' }],
  ['500 InternalError', { kind: 'refuse', status: 500, code: 'InternalError' }],
  ['429', { kind: 'refuse', status: 429, code: 'TooManyRequests' }],
  ['a broken connection', { kind: 'reset' }],
]

describe.each(PASSING)('abuse 58: %s', (_, fault) => {
  test('is tried again by each operation', async () => {
    const blobs = createStore()

    server.disturb(first(2, 'PUT', fault))
    const { sha256 } = await blobs.put(bytes('content'))
    server.disturb(first(2, 'HEAD', fault))
    const location = await createStore().locate(sha256)
    server.disturb(first(2, 'GET', fault))
    const state = await blobs.verify(sha256)
    const listed = await Array.fromAsync(blobs.list())
    server.disturb(first(2, 'DELETE', fault))
    await blobs.remove(sha256)

    expect(location).toMatchObject({ kind: 'url', size: 7 })
    expect(state).toBe('intact')
    expect(listed).toHaveLength(1)
    expect(server.objects.size).toBe(0)
    expect(lines).toEqual([])
  })

  test('that lasts is unavailable storage, never a missing blob', async () => {
    const { sha256 } = await createStore().put(bytes('content'))
    server.disturb(() => fault)
    const outage = { code: 'storage_unavailable', kind: 'unavailable' }

    await expect(createStore().locate(sha256)).rejects.toMatchObject(outage)
    await expect(createStore().verify(sha256)).rejects.toMatchObject(outage)
    await expect(createStore().remove(sha256)).rejects.toMatchObject(outage)
    await expect(createStore().put(bytes('more'))).rejects.toMatchObject(outage)
    await expect(Array.fromAsync(createStore().list())).rejects.toMatchObject(outage)

    expect(readdirSync(join(root, 'temporary'))).toEqual([])
  })
})

test('abuse 58: what a store does not show right after it took it is waited for', async () => {
  const blobs = createStore()
  server.disturb((request) => (request.method !== 'PUT' && request.earlier < 2 ? { kind: 'absent' } : null))

  const { sha256 } = await blobs.put(bytes('content'))

  expect(await blobs.verify(sha256)).toBe('intact')
  expect(server.requests.filter((request) => request.startsWith('PUT'))).toHaveLength(1)
})

test('abuse 58: what a store took and lost is uploaded again, and never acknowledged when it stays lost', async () => {
  server.disturb(first(1, 'PUT', { kind: 'forget' }))
  const { sha256 } = await createStore().put(bytes('content'))
  const state = await createStore().verify(sha256)
  server.disturb((request) => (request.method === 'PUT' ? { kind: 'forget' } : null))

  expect(state).toBe('intact')
  await expect(createStore().put(bytes('other'))).rejects.toMatchObject({
    code: 'storage_unavailable',
    details: { problem: 'the object store does not keep what it accepted' },
  })
}, 20_000)

test('abuse 58: another process finds what was stored a moment ago though the store says no at first', async () => {
  const { sha256 } = await createStore().put(bytes('content'))
  server.disturb((request) => (request.earlier < 2 ? { kind: 'absent' } : null))

  expect(await createStore().locate(sha256)).toMatchObject({ kind: 'url', size: 7 })
})

test('abuse 58: an answer that breaks off is read again', async () => {
  const blobs = createStore()
  const { sha256 } = await blobs.put(bytes('content'))
  server.disturb(first(2, 'GET', { kind: 'truncate' }))

  expect(await blobs.verify(sha256)).toBe('intact')
})

const REFUSALS: [string, number, string, string][] = [
  ['expired credentials', 403, 'ExpiredToken', 'the credentials for the object store have expired'],
  ['an unknown key', 403, 'InvalidAccessKeyId', 'the object store does not know the access key'],
  ['missing rights', 403, 'AccessDenied', 'the object store denies access to the bucket'],
  ['a missing bucket', 404, 'NoSuchBucket', 'the bucket does not exist'],
]

test.each(REFUSALS)('abuse 58: %s are said clearly and not tried again', async (_, status, code, problem) => {
  const { sha256 } = await createStore().put(bytes('content'))
  server.disturb(() => ({ kind: 'refuse', status, code }))
  const refused = { code: 'storage_unavailable', details: { problem } }
  server.requests.length = 0

  await expect(createStore().put(bytes('more'))).rejects.toMatchObject(refused)
  await expect(createStore().locate(sha256)).rejects.toMatchObject(refused)
  await expect(createStore().verify(sha256)).rejects.toMatchObject(refused)

  expect(await createStore().findProblem()).toBe(problem)
  expect(server.requests.filter((request) => request.startsWith('PUT'))).toHaveLength(1)
  expect(lines.join('')).toContain(problem)
})

test('abuse 58: a wrong secret is said clearly, and neither it nor a signature is in logs or errors', async () => {
  const secretAccessKey = 'not-the-secret-of-this-store'
  const blobs = createStore({ secretAccessKey })

  const error = await blobs.put(bytes('content')).catch((thrown: unknown) => thrown)

  expect(error).toMatchObject({
    code: 'storage_unavailable',
    details: { problem: 'the object store refuses the secret access key' },
  })
  const told = Bun.inspect(error) + lines.join('')
  expect(told).not.toContain(secretAccessKey)
  expect(told).not.toContain('X-Amz-Signature')
})

test('abuse 58: after failures in a row nobody waits for the store, until one operation finds it well', async () => {
  const blobs = createStore()
  const { sha256 } = await blobs.put(bytes('content'))
  await blobs.verify(sha256)
  server.disturb(() => ({ kind: 'refuse', status: 503, code: 'SlowDown' }))
  for (let count = 0; count < 5; count += 1) {
    await blobs.verify(sha256).catch(() => {})
  }
  server.requests.length = 0

  await expect(blobs.verify(sha256)).rejects.toMatchObject({ code: 'storage_unavailable' })
  const whileOpen = server.requests.length
  clock.advance(6_000)
  await Promise.allSettled(Array.from({ length: 20 }, () => blobs.verify(sha256)))
  const probes = server.requests.length
  await blobs.verify(sha256).catch(() => {})
  const afterProbe = server.requests.length
  server.disturb(null)
  clock.advance(11_000)
  const state = await blobs.verify(sha256)

  expect([whileOpen, probes, afterProbe]).toEqual([0, 1, 1])
  expect(state).toBe('intact')
  expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual([
    'The object store has a problem.',
    'The object store works again.',
  ])
  expect(await blobs.findProblem()).toBeNull()
})

test('abuse 58: a store that does not answer is given up in time by each operation', async () => {
  const bucket = openBucket()
  await bucket.write('objects/known', Buffer.from('content'), 1000)
  server.disturb(() => ({ kind: 'delay', milliseconds: 1500 }))
  const timeout = { code: 'Timeout', isTransient: true }
  const started = performance.now()

  await Promise.all([
    expect(bucket.stat('objects/known', 50)).rejects.toMatchObject(timeout),
    expect(bucket.read('objects/known', { position: 0, length: 1 }, 50)).rejects.toMatchObject(timeout),
    expect(bucket.write('objects/new', Buffer.from('content'), 50)).rejects.toMatchObject(timeout),
    expect(bucket.writeParts('objects/parts', bytes(new Uint8Array(PART_SIZE), 'end'), 50)).rejects.toMatchObject(timeout),
    expect(bucket.remove('objects/known', 50)).rejects.toMatchObject(timeout),
    expect(bucket.list('objects/', null, 50)).rejects.toMatchObject(timeout),
  ])

  expect(performance.now() - started).toBeLessThan(1400)
})

test('abuse 58: a store that cannot be reached is a transient failure', async () => {
  const bucket = openBucket({ endpoint: 'http://127.0.0.1:1' })

  const operations = [
    () => bucket.stat('objects/a', 500),
    () => bucket.list('objects/', null, 500),
    () => bucket.write('objects/a', Buffer.from('a'), 500),
    () => bucket.writeParts('objects/a', bytes(new Uint8Array(PART_SIZE), 'end'), 500),
  ]
  for (const operation of operations) {
    await expect(operation()).rejects.toMatchObject({ code: 'Unreachable', isTransient: true })
  }
})

test('a large blob is uploaded in parts, and a part that fails is sent again', async () => {
  const content = new Uint8Array(PART_SIZE * 2 + 1000).map((_, index) => index * 7)
  server.disturb((request) =>
    request.query.get('partNumber') === '2' && request.earlier < 3 ? { kind: 'refuse', status: 503, code: 'SlowDown' } : null,
  )
  const blobs = createStore()

  const { sha256, size } = await blobs.put(bytes(content))

  expect(size).toBe(content.length)
  expect(sha256).toBe(createHash('sha256').update(content).digest('hex'))
  expect(await blobs.verify(sha256)).toBe('intact')
  expect(server.uploads.size).toBe(0)
}, 20_000)

test('a large upload that is given up leaves neither an object nor parts', async () => {
  const blobs = createStore()
  server.disturb((request) =>
    request.query.get('partNumber') === '2' ? { kind: 'refuse', status: 500, code: 'InternalError' } : null,
  )

  await expect(blobs.put(bytes(new Uint8Array(PART_SIZE + 10 * MiB)))).rejects.toMatchObject({ code: 'storage_unavailable' })

  expect(server.objects.size).toBe(0)
  expect(server.uploads.size).toBe(0)
  expect(readdirSync(join(root, 'temporary'))).toEqual([])
}, 20_000)

test('what is there with other bytes is damaged, and mended by storing it again', async () => {
  const blobs = createStore()
  const { sha256 } = await blobs.put(bytes('content'))
  const object = server.objects.get(keyOf('content'))
  object?.bytes.fill(0)

  expect(await blobs.verify(sha256)).toBe('damaged')
  await blobs.put(bytes('content'))
  expect(await blobs.verify(sha256)).toBe('intact')
})

test('a shortened object that is stored again has its right size at once', async () => {
  const { sha256 } = await createStore().put(bytes('content'))
  const object = server.objects.get(keyOf('content'))
  server.objects.set(keyOf('content'), { bytes: Buffer.from('cont'), etag: '"x"', modifiedAt: object?.modifiedAt ?? 0 })
  const blobs = createStore()
  const before = await blobs.locate(sha256)

  await blobs.put(bytes('content'))

  expect(before).toMatchObject({ size: 4 })
  expect(await blobs.locate(sha256)).toMatchObject({ size: 7 })
})

test('foreign objects in the bucket are not listed', async () => {
  const blobs = createStore()
  const { sha256 } = await blobs.put(bytes('content'))
  const foreign = server.objects.get(keyOf('content'))
  for (const key of ['objects/readme.txt', `objects/zz/zz/${sha256}`, `other/${keyOf('x')}`, `objects/${keyOf('y')}`]) {
    server.objects.set(key, foreign ?? { bytes: Buffer.alloc(0), etag: '', modifiedAt: 0 })
  }

  expect((await Array.fromAsync(blobs.list())).map((blob) => blob.sha256)).toEqual([sha256])
})

test('what is there is asked for once a minute at most', async () => {
  const { sha256 } = await createStore().put(bytes('content'))
  const blobs = createStore()
  server.requests.length = 0

  await blobs.locate(sha256)
  await blobs.locate(sha256)
  clock.advance(61_000)
  await blobs.locate(sha256)

  expect(server.requests).toHaveLength(2)
})

test('abuse 40: a link opens one object for some time, with the name and type that were asked for', async () => {
  const blobs = createStore()
  const { sha256 } = await blobs.put(bytes('content'))
  await blobs.put(bytes('secret'))
  const location = await blobs.locate(sha256)
  const link = location?.kind === 'url' ? location.link(PRESENTATION) : ''

  const opened = await fetch(link)
  const other = await fetch(link.replace(keyOf('content'), keyOf('secret')))
  const longer = await fetch(link.replace('X-Amz-Expires=1800', 'X-Amz-Expires=86400'))
  const deleted = await fetch(link, { method: 'DELETE' })
  const expired = await fetch(openBucket().link(keyOf('content'), 1, PRESENTATION)).then(async (early) => {
    await Bun.sleep(2100)
    return [early.status, (await fetch(early.url)).status]
  })

  expect([await opened.text(), opened.headers.get('content-type'), opened.headers.get('content-disposition')]).toEqual([
    'content',
    'application/zip',
    'attachment; filename="a b.zip"',
  ])
  expect([other.status, longer.status, deleted.status]).toEqual([403, 403, 403])
  expect(expired).toEqual([200, 403])
}, 10_000)

test('addresses name the bucket in the path or in the host', () => {
  const link = (place: Partial<S3Place>) => {
    const { origin, pathname } = new URL(
      openBucket({ bucket: 'archives', region: 'eu-west-3', ...place }).link('objects/a', 60, PRESENTATION),
    )
    return `${origin}${pathname}`
  }

  expect(link({ endpoint: 'https://minio.example.com:9000' })).toBe('https://minio.example.com:9000/archives/objects/a')
  expect(link({ endpoint: 'https://minio.example.com:9000', pathStyle: false })).toBe(
    'https://archives.minio.example.com:9000/objects/a',
  )
  expect(link({ endpoint: null })).toBe('https://s3.eu-west-3.amazonaws.com/archives/objects/a')
  expect(link({ endpoint: null, pathStyle: false })).toBe('https://archives.s3.eu-west-3.amazonaws.com/objects/a')
})
