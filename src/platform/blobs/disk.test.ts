import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestClock } from '../clock/test-clock.ts'
import { createLogger } from '../log/logger.ts'
import { createRedactionRegistry } from '../log/redaction.ts'
import { createDiskBlobs, type DiskBlobsParts } from './disk.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'repertoire-blobs-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const clock = createTestClock(Date.now())
const log = createLogger({ level: 'error', format: 'json', write: () => {}, clock, redactions: createRedactionRegistry() })

test('a blob lies two directories deep, readable for this user only, and no temporary file is left', async () => {
  const blobs = createStore()

  const { sha256 } = await blobs.put(bytes('content'))

  const path = join(root, 'objects', sha256.slice(0, 2), sha256.slice(2, 4), sha256)
  expect(readFileSync(path, 'utf8')).toBe('content')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(join(root, 'temporary'))).toEqual([])
  expect(await blobs.locate(sha256)).toEqual({ kind: 'file', path, size: 7 })
})

test('a flipped bit is found by verify, left in place, and mended by putting the content again', async () => {
  const blobs = createStore()
  const { sha256 } = await blobs.put(bytes('a stored archive'))
  const location = await blobs.locate(sha256)
  const path = location?.kind === 'file' ? location.path : ''
  writeFileSync(path, 'a stored Archive')

  expect(await blobs.verify(sha256)).toBe('damaged')
  expect(readFileSync(path, 'utf8')).toBe('a stored Archive')

  await blobs.put(bytes('a stored archive'))
  expect(await blobs.verify(sha256)).toBe('intact')
})

test('a truncated blob is damaged', async () => {
  const blobs = createStore()
  const { sha256 } = await blobs.put(bytes('a stored archive'))
  const location = await blobs.locate(sha256)
  writeFileSync(location?.kind === 'file' ? location.path : '', 'a stored')

  expect(await blobs.verify(sha256)).toBe('damaged')
})

test('sweeping removes files that nobody wrote to for an hour, and no others', async () => {
  const blobs = createStore()
  const { sha256 } = await blobs.put(bytes('content'))
  const old = clock.now() / 1000 - 3601
  writeFileSync(join(root, 'temporary', 'old'), 'half')
  utimesSync(join(root, 'temporary', 'old'), old, old)
  writeFileSync(join(root, 'temporary', 'young'), 'half')

  expect(await blobs.sweep()).toBe(1)

  expect(readdirSync(join(root, 'temporary'))).toEqual(['young'])
  expect(await blobs.verify(sha256)).toBe('intact')
})

test('sweeping and listing a store that does not exist yet finds nothing', async () => {
  const blobs = createDiskBlobs({ root: join(root, 'absent'), clock, log })

  expect(await blobs.sweep()).toBe(0)
  expect(await Array.fromAsync(blobs.list())).toEqual([])
})

test('foreign files in the store are not listed', async () => {
  const blobs = createStore()
  const { sha256 } = await blobs.put(bytes('content'))
  mkdirSync(join(root, 'objects', 'lost+found'))
  writeFileSync(join(root, 'objects', '.DS_Store'), '')
  writeFileSync(join(root, 'objects', sha256.slice(0, 2), 'notes.txt'), '')

  expect((await Array.fromAsync(blobs.list())).map((blob) => blob.sha256)).toEqual([sha256])
})

test('a file whose sync fails is never published, and its temporary file is removed', async () => {
  const blobs = createStore(async (file) => {
    if ((await file.stat()).isFile()) throw diskError()
  })

  await expect(blobs.put(bytes('content'))).rejects.toMatchObject({
    code: 'storage_unavailable',
    details: { problem: 'the disk reports an error' },
  })

  expect(await Array.fromAsync(blobs.list())).toEqual([])
  expect(readdirSync(join(root, 'temporary'))).toEqual([])
})

test('a directory whose sync fails means that nothing is acknowledged', async () => {
  const blobs = createStore(async (file) => {
    if ((await file.stat()).isDirectory()) throw diskError()
  })

  await expect(blobs.put(bytes('content'))).rejects.toMatchObject({ code: 'storage_unavailable' })

  expect(readdirSync(join(root, 'temporary'))).toEqual([])
})

test('every directory above a blob, the file and its own directory are synced before it is acknowledged', async () => {
  const synced: string[] = []
  const blobs = createDiskBlobs({
    root: join(root, 'new', 'store'),
    clock,
    log,
    syncFile: async (file) => {
      synced.push((await file.stat()).isDirectory() ? readdirSync(`/proc/self/fd/${file.fd}`).toSorted().join(' ') : 'file')
      await file.sync()
    },
  })

  const { sha256 } = await blobs.put(bytes('content'))

  const [first, second] = [sha256.slice(0, 2), sha256.slice(2, 4)]
  expect(synced).toEqual(['store', 'new', 'file', 'objects temporary', first, second, sha256])
  synced.length = 0
  await blobs.put(bytes('content'))
  expect(synced).toEqual(['file', sha256])
})

test('a store whose parent is a file refuses writes', async () => {
  writeFileSync(join(root, 'occupied'), '')
  const blobs = createDiskBlobs({ root: join(root, 'occupied', 'store'), clock, log })

  await expect(blobs.put(bytes('content'))).rejects.toMatchObject({ code: 'storage_unavailable' })
})

function createStore(syncFile?: DiskBlobsParts['syncFile']) {
  return createDiskBlobs({ root, clock, log, ...(syncFile && { syncFile }) })
}

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text)
}

function diskError(): Error {
  return Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' })
}

test('a staged blob leaves no temporary file, whether it is kept, discarded or breaks off', async () => {
  const blobs = createStore()
  const temporary = () => readdirSync(join(root, 'temporary'))

  const kept = await blobs.stage(bytes('kept'))
  const discarded = await blobs.stage(bytes('discarded'))
  await discarded.read(0, 4)
  expect(temporary()).toHaveLength(2)

  await kept.keep()
  await discarded.discard()
  expect(temporary()).toEqual([])
  expect(await blobs.verify(kept.sha256)).toBe('intact')
})
