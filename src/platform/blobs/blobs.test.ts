import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BlobLocation, Blobs } from '../../core/kernel/ports.ts'
import { createTestClock } from '../clock/test-clock.ts'
import { createLogger } from '../log/logger.ts'
import { createRedactionRegistry } from '../log/redaction.ts'
import { createDiskBlobs } from './disk.ts'
import { createMemoryBlobs } from './memory.ts'
import { createS3Blobs } from './s3.ts'
import { openS3Bucket } from './s3-bucket.ts'
import { systemRandom } from '../crypto/random.ts'
import { startS3Server, type S3Server } from '../../../test/kit/s3-server.ts'

let root = ''
let server: S3Server
beforeAll(async () => {
  server = await startS3Server({ pageSize: 2 })
})
afterAll(() => server.stop())
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'repertoire-blobs-'))
})
afterEach(() => {
  rmSync(root, { recursive: true, force: true })
  server.objects.clear()
})

const clock = createTestClock(Date.now())
const log = createLogger({ level: 'error', format: 'json', write: () => {}, clock, redactions: createRedactionRegistry() })

const STORES: [string, () => Blobs][] = [
  ['on disk', () => createDiskBlobs({ root: join(root, 'new', 'store'), clock, log })],
  ['in memory', () => createMemoryBlobs({ clock })],
  ['in a bucket', () => createBucket({ prefix: '', redirectSeconds: 600 })],
  ['in a folder of a bucket, read by the server', () => createBucket({ prefix: 'some/folder/', redirectSeconds: null })],
]

function createBucket(wanted: { prefix: string; redirectSeconds: number | null }): Blobs {
  return createS3Blobs({
    ...wanted,
    bucket: openS3Bucket({ ...server, pathStyle: true }),
    staging: createDiskBlobs({ root: join(root, 'staging'), clock, log }),
    clock,
    random: systemRandom,
    log,
    firstPause: 2,
  })
}

describe.each(STORES)('blobs %s', (_, createStore) => {
  test('what is put is found under its SHA-256, with SHA-1 and size', async () => {
    const blobs = createStore()

    const stored = await blobs.put(chunks('hello, ', 'world'))

    expect(stored).toEqual({ sha256: hash('sha256', 'hello, world'), sha1: hash('sha1', 'hello, world'), size: 12 })
    expect(await read(await blobs.locate(stored.sha256))).toBe('hello, world')
    expect(await blobs.verify(stored.sha256)).toBe('intact')
  })

  test('content without bytes is a blob like any other', async () => {
    const blobs = createStore()

    const stored = await blobs.put(chunks())

    expect(stored.size).toBe(0)
    expect(await read(await blobs.locate(stored.sha256))).toBe('')
    expect(await blobs.verify(stored.sha256)).toBe('intact')
  })

  test('the same content put many times at once is stored once', async () => {
    const blobs = createStore()

    const stored = await Promise.all(Array.from({ length: 20 }, () => blobs.put(chunks('same', ' ', 'content'))))

    expect(new Set(stored.map((blob) => blob.sha256)).size).toBe(1)
    expect((await Array.fromAsync(blobs.list())).map((blob) => blob.sha256)).toEqual([hash('sha256', 'same content')])
  })

  test('what is staged can be read and is seen by nobody until it is kept', async () => {
    const blobs = createStore()

    const staged = await blobs.stage(chunks('hello, ', 'world'))

    expect(staged).toMatchObject({ sha256: hash('sha256', 'hello, world'), sha1: hash('sha1', 'hello, world'), size: 12 })
    expect(Buffer.from(await staged.read(3, 4)).toString()).toBe('lo, ')
    expect(Buffer.from(await staged.read(10, 100)).toString()).toBe('ld')
    expect(await staged.read(50, 10)).toHaveLength(0)
    expect(await blobs.locate(staged.sha256)).toBeNull()
    await staged.keep()
    await staged.discard()
    expect(await read(await blobs.locate(staged.sha256))).toBe('hello, world')
  })

  test('what is staged and discarded, or breaks off, leaves nothing', async () => {
    const blobs = createStore()

    const staged = await blobs.stage(chunks('content'))
    await staged.read(0, 7)
    await staged.discard()
    await staged.keep()

    expect(await blobs.locate(staged.sha256)).toBeNull()
    await expect(blobs.stage(breaking())).rejects.toThrow('cut off')
    expect(await Array.fromAsync(blobs.list())).toEqual([])
  })

  test('a blob that was stored again meanwhile is not removed as an old one', async () => {
    const blobs = createStore()
    const { sha256 } = await blobs.put(chunks('content'))
    const [stored] = await Array.fromAsync(blobs.list())
    const storedAt = stored?.storedAt ?? 0

    await blobs.remove(sha256, storedAt)
    expect(await blobs.locate(sha256)).not.toBeNull()
    await blobs.remove(sha256, storedAt + 1000)
    expect(await blobs.locate(sha256)).toBeNull()
  })

  test('absent blobs are missing, and removing them is no error', async () => {
    const blobs = createStore()
    const absent = hash('sha256', 'absent')

    expect(await blobs.locate(absent)).toBeNull()
    expect(await blobs.verify(absent)).toBe('missing')
    await blobs.remove(absent)
    expect(await Array.fromAsync(blobs.list())).toEqual([])
  })

  test('a removed blob is gone', async () => {
    const blobs = createStore()
    const { sha256 } = await blobs.put(chunks('short-lived'))

    await blobs.remove(sha256)

    expect(await blobs.locate(sha256)).toBeNull()
    expect(await Array.fromAsync(blobs.list())).toEqual([])
  })

  test('the list names every blob with the time it was stored', async () => {
    const blobs = createStore()
    const stored = [await blobs.put(chunks('a')), await blobs.put(chunks('b')), await blobs.put(chunks('c'))]

    const listed = await Array.fromAsync(blobs.list())

    expect(listed.map((blob) => blob.sha256).toSorted()).toEqual(stored.map((blob) => blob.sha256).toSorted())
    for (const { storedAt } of listed) expect(Math.abs(storedAt - Date.now())).toBeLessThan(60_000)
  })

  test('a failure of the content passes unchanged and stores nothing', async () => {
    const blobs = createStore()

    await expect(blobs.put(failing(new Error('the upload was cut')))).rejects.toThrow('the upload was cut')

    expect(await Array.fromAsync(blobs.list())).toEqual([])
  })

  test('a name that is no SHA-256 is refused before it can become a path', async () => {
    const blobs = createStore()

    for (const name of ['', '../../etc/passwd', 'A'.repeat(64), `${'a'.repeat(64)}/..`]) {
      await expect(blobs.locate(name)).rejects.toThrow('SHA-256')
      await expect(blobs.verify(name)).rejects.toThrow('SHA-256')
      await expect(blobs.remove(name)).rejects.toThrow('SHA-256')
    }
  })
})

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text)
}

async function* failing(error: Error): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode('the first half')
  throw error
}

function hash(algorithm: string, text: string): string {
  return createHash(algorithm).update(text).digest('hex')
}

async function read(location: BlobLocation | null): Promise<string> {
  if (location?.kind === 'file') {
    const text = await Bun.file(location.path).text()
    expect(Buffer.byteLength(text)).toBe(location.size)
    return text
  }
  if (location?.kind === 'bytes') return new TextDecoder().decode(location.bytes)
  if (location?.kind === 'url') {
    const linked = await fetch(location.link({ contentType: 'text/plain', contentDisposition: 'inline' }))
    expect(linked.headers.get('content-type')).toBe('text/plain')
    return linked.text()
  }
  if (location?.kind === 'remote') return new TextDecoder().decode(await location.read(0, location.size))
  throw new Error('The blob has no bytes here.')
}

async function* breaking(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('half')
  throw new Error('cut off')
}
